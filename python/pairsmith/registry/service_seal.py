"""Secrets of the server itself, sealed by a key version that belongs to no key.

That version is a row of ``key_versions`` like any other, wrapped under the root key,
so a re-wrap moves it too and everything it seals stays as it is. What is sealed is
bound to its name: a sealed text that was moved to another row does not open there.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pairsmith._core import WrappingKey
from pairsmith.errors import DatabaseError
from pairsmith.registry import versions
from pairsmith.registry.access import Access
from pairsmith.registry.key_ring import UNOPENED
from pairsmith.registry.schema import key_versions, service_secrets

OWNER = "pairsmith-server"
"""In the place of a key id; no key can have it."""

VERSION_SUFFIX_CHARACTERS = 19
"""With the owner and a hyphen 36 characters, as every version id has."""

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sealed:
    """The columns of a sealed text."""

    sealed_by: str
    iv: bytes
    sealed: bytes


class ServiceSeal:
    """Seals and opens; the version is made when first something is sealed."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._opened: dict[str, WrappingKey] = {}

    def seal(self, connection: sa.Connection, name: str, plaintext: bytes) -> Sealed:
        """Seal a text for the place of that name.

        Args:
            connection: In a transaction that writes.
            name: Must be given again to open it.
            plaintext: Not empty.
        """
        version_id = _present_version(connection) or self._add_version(connection)
        key = self._wrapping_key(connection, version_id)
        iv, blob = key.seal(plaintext, name.encode(), advance=False)
        return Sealed(version_id, iv, blob)

    def open(self, connection: sa.Connection, name: str, row: sa.Row[Any]) -> bytes:
        """Open the text in that place.

        Raises:
            DatabaseError: It was changed, or belongs elsewhere.
            KeyUnavailable, RootKeyError: The version that sealed it does not open.
        """
        try:
            key = self._wrapping_key(connection, row.sealed_by)
            return key.open(row.sealed, row.iv, name.encode())[0]
        except UNOPENED as error:
            raise DatabaseError(
                f"The stored row of {name} does not open: it was changed or belongs "
                "elsewhere. Restore it from a backup, or remove it.",
                retryable=False,
            ) from error

    def secret(self, name: str) -> bytes:
        """Give the 32 random bytes of that name, made when first asked for."""
        kept = self.kept_secret(name)
        if kept is not None:
            return kept
        with self._access.changing() as connection:
            # Looked at again: another process may have been first.
            kept = self._kept_secret(connection, name)
            if kept is not None:
                return kept
            made = secrets.token_bytes(SECRET_BYTES)
            sealed = self.seal(connection, name, made)
            connection.execute(
                sa.insert(service_secrets).values(
                    secret_name=name,
                    sealed_by=sealed.sealed_by,
                    iv=sealed.iv,
                    sealed=sealed.sealed,
                )
            )
            return made

    def kept_secret(self, name: str) -> bytes | None:
        """Give the bytes of that name, ``None`` if nobody has asked for them yet."""
        with self._access.looking() as connection:
            return self._kept_secret(connection, name)

    def _kept_secret(self, connection: sa.Connection, name: str) -> bytes | None:
        row = connection.execute(
            sa.select(service_secrets).where(service_secrets.c.secret_name == name)
        ).first()
        return None if row is None else self.open(connection, name, row)

    def _wrapping_key(self, connection: sa.Connection, version_id: str) -> WrappingKey:
        if version_id not in self._opened:
            row = versions.find(connection, version_id)
            if row is None:
                raise ValueError(version_id)
            key = self._access.ring.open_version(connection, row)
            self._opened[version_id] = key
        return self._opened[version_id]

    def _add_version(self, connection: sa.Connection) -> str:
        suffix = secrets.token_hex(VERSION_SUFFIX_CHARACTERS)
        version_id = f"{OWNER}-{suffix[:VERSION_SUFFIX_CHARACTERS]}"
        versions.write(
            connection, self._access.ring, OWNER, version_id, self._access.now_ms()
        )
        return version_id


def _present_version(connection: sa.Connection) -> str | None:
    newest = (
        sa.select(key_versions.c.key_version_id)
        .where(key_versions.c.key_id == OWNER)
        .order_by(key_versions.c.sequence.desc())
        .limit(1)
    )
    return connection.execute(newest).scalar()
