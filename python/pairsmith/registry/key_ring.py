"""The root keys this process holds, and which of them opens what.

There is one, except while a re-wrap to another is under way: then a row's
``root_key_id`` tells which opens it, and new rows are wrapped under the next one.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

import sqlalchemy as sa

from pairsmith._core import RootKey, WrappingKey
from pairsmith.errors import DecryptionError, KeyUnavailable, RootKeyError
from pairsmith.registry.engine import Database, damaged_registry
from pairsmith.registry.root_key import RootKeyProvider
from pairsmith.registry.schema import key_versions, registry

RELOAD_SECONDS = 1.0
"""How often, at most, the providers are asked again for a root key that is missing."""

UNOPENED = (DecryptionError, TypeError, ValueError)
"""What the Rust core raises for a row that is not as it was written."""


@dataclass(frozen=True, slots=True)
class RootKeyIds:
    """What the database says about its root keys."""

    present: str | None
    following: str | None


class KeyRing:
    """Opens and makes key versions with whichever root key it takes."""

    def __init__(self, providers: Sequence[RootKeyProvider]) -> None:
        self.providers = tuple(providers)
        self._keys: dict[str, RootKey] = {}
        self._reload_after = 0.0

    def unlock(self, database: Database) -> None:
        """Load the root keys, and make sure they fit the database.

        A database without a single key version takes whatever root key is offered, and
        only then may a provider make one.

        Raises:
            RootKeyError: The root key is missing, unreadable or another one.
        """
        with database.reading() as connection:
            is_new = not _has_versions(connection)
            ids = root_key_ids(connection)
        self._load(create=is_new)
        if not self._holds_one_of(ids) and is_new:
            with database.writing() as connection:
                ids = root_key_ids(connection)
                if not _has_versions(connection):
                    ids = RootKeyIds(next(iter(self._keys)), None)
                    note_root_key_ids(connection, ids)
        if not self._holds_one_of(ids):
            raise self._wrong(ids.present)

    def create_version(
        self, connection: sa.Connection, key_id: str, key_version_id: str
    ) -> dict[str, Any]:
        """Make key material; give the columns ``root_key_id`` and ``wrapped``."""
        ids = root_key_ids(connection)
        for root_key_id in (ids.following, ids.present):
            root_key = self.find(root_key_id)
            if root_key is not None:
                return {
                    "root_key_id": root_key_id,
                    "wrapped": root_key.create_version(key_id, key_version_id),
                }
        raise self._wrong(ids.present)

    def open_version(self, connection: sa.Connection, row: sa.Row[Any]) -> WrappingKey:
        """Unwrap a row of ``key_versions``.

        Raises:
            KeyUnavailable: The row was changed or belongs elsewhere.
            RootKeyError: It is wrapped under a root key this process does not hold.
        """
        root_key = self._opener(connection, row)
        try:
            return root_key.open_version(row.wrapped, row.key_id, row.key_version_id)
        except UNOPENED as error:
            raise damaged(row.key_version_id) from error

    def rewrap_version(
        self, connection: sa.Connection, row: sa.Row[Any], root_key_id: str
    ) -> bytes:
        """Wrap a row's key material under another root key of this ring.

        Raises:
            KeyUnavailable, RootKeyError: As for ``open_version``.
        """
        root_key = self._opener(connection, row)
        new = self._keys[root_key_id]
        try:
            return root_key.rewrap(row.wrapped, row.key_id, row.key_version_id, new)
        except UNOPENED as error:
            raise damaged(row.key_version_id) from error

    def find(self, root_key_id: str | None) -> RootKey | None:
        """Find a root key; one that another process has put in place is loaded."""
        if root_key_id is None:
            return None
        if root_key_id not in self._keys and monotonic() >= self._reload_after:
            self._reload_after = monotonic() + RELOAD_SECONDS
            # Whatever fails here: the caller names the root key that is missing.
            with suppress(RootKeyError):
                self._load(create=False)
        return self._keys.get(root_key_id)

    def add(self, provider: RootKeyProvider) -> str:
        """Take one more root key, which will replace the present one; give its id."""
        root_key = provider.load_or_create()[0]
        self._keys[root_key.root_key_id] = root_key
        return root_key.root_key_id

    def keep_only(self, root_key_id: str, providers: Sequence[RootKeyProvider]) -> None:
        """Drop every other root key, and ask only these providers from now on."""
        self._keys = {root_key_id: self._keys[root_key_id]}
        self.providers = tuple(providers)

    def _opener(self, connection: sa.Connection, row: sa.Row[Any]) -> RootKey:
        root_key = self.find(row.root_key_id)
        if root_key is not None:
            return root_key
        ids = root_key_ids(connection)
        wanted = row.root_key_id
        if wanted is not None and wanted in (ids.present, ids.following):
            raise self._wrong(row.root_key_id)
        raise damaged(row.key_version_id)

    def _holds_one_of(self, ids: RootKeyIds) -> bool:
        return ids.present in self._keys or ids.following in self._keys

    def _load(self, *, create: bool) -> None:
        for provider in self.providers:
            keys = provider.load_or_create() if create else provider.load()
            self._keys.update({key.root_key_id: key for key in keys})

    def _wrong(self, wanted: str | None) -> RootKeyError:
        held = ", ".join(self._keys) or "none"
        return RootKeyError(
            f"This is the wrong root key: the database needs {wanted}, given was "
            f"{held}. Give the root key the database was last wrapped under, from its "
            "backup if need be."
        )


def root_key_ids(connection: sa.Connection) -> RootKeyIds:
    """Read which root key wraps the database, and which one will.

    Raises:
        DatabaseError: The one row of ``registry`` is damaged.
    """
    rows = connection.execute(
        sa.select(registry.c.root_key_id, registry.c.next_root_key_id).limit(2)
    ).all()
    match [tuple(row) for row in rows]:
        case [(str() | None as present, str() | None as following)]:
            return RootKeyIds(present, following)
    raise damaged_registry()


def require_root_key(connection: sa.Connection, ring: KeyRing) -> None:
    """Refuse a database that is wrapped under none of the ring's root keys.

    Raises:
        RootKeyError: It is another instance's, or was re-wrapped meanwhile.
    """
    ids = root_key_ids(connection)
    if ring.find(ids.present) is None and ring.find(ids.following) is None:
        raise RootKeyError(
            f"The database is wrapped under the root key {ids.present}, which is not "
            "at hand: it was re-wrapped, or replaced by another. Give its root key, or "
            "put back the database that belongs here."
        )


def note_root_key_ids(connection: sa.Connection, ids: RootKeyIds) -> None:
    """Write which root key wraps the database, and which one will."""
    connection.execute(
        sa.update(registry).values(
            root_key_id=ids.present, next_root_key_id=ids.following
        )
    )


def _has_versions(connection: sa.Connection) -> bool:
    first = sa.select(key_versions.c.key_version_id).limit(1)
    return connection.execute(first).first() is not None


def damaged(key_version_id: str) -> KeyUnavailable:
    """Say which row is unusable, and what to do."""
    return KeyUnavailable(
        f"The stored row of key version {key_version_id} does not open: it was changed "
        "or belongs elsewhere. Restore that row of key_versions from a backup; no "
        "other key is affected."
    )
