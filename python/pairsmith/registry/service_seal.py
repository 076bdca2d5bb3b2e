"""Secrets of the server itself, sealed by the service version, which belongs to no key.

That version is a row of ``key_versions``, wrapped under the root key for this purpose,
so a re-wrap moves it too and everything it seals stays as it is. What is sealed is
bound to its name: a sealed text that was moved to another row does not open there.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pairsmith._core import ServiceKey
from pairsmith.errors import DatabaseError
from pairsmith.registry.access import Access
from pairsmith.registry.key_ring import UNOPENED, damaged_service
from pairsmith.registry.schema import service_secrets

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sealed:
    """The columns of a sealed text."""

    sealed_by: str
    iv: bytes
    sealed: bytes


class ServiceSeal:
    """Seals and opens what is bound to a name."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def seal(self, connection: sa.Connection, name: str, plaintext: bytes) -> Sealed:
        """Seal a text for the place of that name.

        Args:
            connection: In a transaction that writes.
            name: Must be given again to open it.
            plaintext: Not empty.
        """
        key = self._service_key(connection)
        iv, sealed = key.seal(plaintext, name)
        return Sealed(key.key_version_id, iv, sealed)

    def open(self, connection: sa.Connection, name: str, row: sa.Row[Any]) -> bytes:
        """Open the text in that place.

        Raises:
            DatabaseError: It was changed, or belongs elsewhere; or the service version
                does not open.
            RootKeyError: That is under a root key this process does not hold.
        """
        try:
            return self._service_key(connection).open(row.sealed, row.iv, name)
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
        with self._access.changing("CreateServiceSecret") as change:
            # Looked at again: another process may have been first.
            connection = change.connection
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
            change.note(secret_name=name)
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

    def _service_key(self, connection: sa.Connection) -> ServiceKey:
        key = self._access.ring.service_key(connection)
        if key is None:
            raise damaged_service()
        return key
