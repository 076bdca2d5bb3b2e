"""The root keys this process holds, and which of them opens what.

There is one, except while a re-wrap to another is under way: then a row's
``root_key_id`` tells which opens it, and new rows are wrapped under the next one. Of
several providers one that opens the database is enough to begin with.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any

import sqlalchemy as sa

from pairsmith._core import RootKey, ServiceKey, WrappingKey
from pairsmith.errors import (
    DatabaseError,
    DecryptionError,
    KeyUnavailable,
    RootKeyError,
)
from pairsmith.registry.contents import StoredVersion
from pairsmith.registry.dev_root_key import require_fitting
from pairsmith.registry.engine import Database
from pairsmith.registry.identifiers import SERVICE, SERVICE_VERSION_ID
from pairsmith.registry.key_file import FileRootKey
from pairsmith.registry.root_key import RootKeyProvider
from pairsmith.registry.root_key_ids import (
    RootKeyIds,
    note_root_key_ids,
    root_key_ids,
)
from pairsmith.registry.schema import key_versions, registry

RELOAD_SECONDS = 1.0
"""How often, at most, providers are asked again for one and the same missing key."""

VersionRow = sa.Row[Any] | StoredVersion

LOOKS = 10
"""How often to look while root keys are replaced again and again; more is a fault."""

UNOPENED = (DecryptionError, TypeError, ValueError)
"""What the Rust core raises for a row that is not as it was written."""


class KeyRing:
    """Opens and makes key versions with whichever root key it takes."""

    def __init__(self, providers: Sequence[RootKeyProvider]) -> None:
        self.providers = tuple(providers)
        self._keys: dict[str, RootKey] = {}
        self._failures: list[RootKeyError] = []
        self._reload_after: dict[str, float] = {}
        self._service_keys: dict[str, ServiceKey] = {}

    def unlock(self, database: Database) -> None:
        """Load the root keys, and make sure they fit the database.

        A database without a single key version takes whatever root key is offered, and
        only then may a provider make one.

        Raises:
            RootKeyError: The root key is missing, unreadable or another one.
        """
        is_new, ids = _needed(database)
        self._keys = self._load(create=is_new)
        for _ in range(LOOKS):
            # Looked at again: what was needed may have been replaced before the load.
            looked_at, (is_new, ids) = ids, _needed(database)
            if self._holds_one_of(ids) or ids == looked_at:
                break
            self._keys = self._load()
        if not self._holds_one_of(ids) and is_new:
            ids = self._take_over(database)
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

    def open_version(self, connection: sa.Connection, row: VersionRow) -> WrappingKey:
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

    def opener_of(
        self, connection: sa.Connection, version: StoredVersion
    ) -> str | None:
        """Name the root key that opens a version, whatever its row says; or nothing."""
        ids = root_key_ids(connection)
        for root_key_id in (version.root_key_id, ids.present, ids.following):
            root_key = self.find(root_key_id)
            if root_key is None:
                continue
            try:
                root_key.open_version(
                    version.wrapped, version.key_id, version.key_version_id
                )
            except UNOPENED:
                continue
            return root_key_id
        return None

    def service_key(self, connection: sa.Connection) -> ServiceKey | None:
        """Give what authenticates and seals: the newest service version that opens.

        ``None`` if there is none yet: the first transaction that writes makes it.

        Raises:
            DatabaseError: There is one, and it does not open.
            RootKeyError: It is wrapped under a root key this process does not hold.
        """
        rows = connection.execute(_SERVICE_VERSIONS).all()
        for row in rows:
            known = self._service_keys.get(row.key_version_id)
            key = known or self._open_service_version(connection, row)
            if key is not None:
                self._service_keys[row.key_version_id] = key
                return key
        if rows:
            raise damaged_service()
        return None

    def create_service_version(
        self, connection: sa.Connection, key_version_id: str
    ) -> dict[str, Any]:
        """As ``create_version``, for what only the service can use."""
        ids = root_key_ids(connection)
        for root_key_id in (ids.present, ids.following):
            root_key = self.find(root_key_id)
            if root_key is not None:
                wrapped = root_key.create_service_version(key_version_id)
                return {"root_key_id": root_key_id, "wrapped": wrapped}
        raise self._wrong(ids.present)

    def next_service_version(
        self, connection: sa.Connection, key_version_id: str, root_key_id: str
    ) -> bytes | None:
        """Give the service version as a re-wrap has wrapped it beforehand, if it opens.

        Args:
            connection: In a transaction.
            key_version_id: The service version.
            root_key_id: Of the next root key, which is at hand.
        """
        next_root_key = self._keys[root_key_id]
        if _next_service_key(connection, next_root_key, key_version_id) is None:
            return None
        return _next_wrapped(connection)

    def rewrap_version(
        self, connection: sa.Connection, row: VersionRow, root_key_id: str
    ) -> bytes:
        """Wrap a row's key material under another root key of this ring.

        Raises:
            KeyUnavailable, RootKeyError: As for ``open_version``.
        """
        root_key = self._opener(connection, row)
        new = self._keys[root_key_id]
        try:
            return root_key.rewrap(
                row.wrapped,
                row.key_id,
                row.key_version_id,
                new,
                service=row.key_id == SERVICE,
            )
        except UNOPENED as error:
            raise damaged(row.key_version_id) from error

    def find(self, root_key_id: str | None) -> RootKey | None:
        """Find a root key; one that another process has put in place is loaded.

        Args:
            root_key_id: One that the database names as its own.
        """
        if root_key_id is None:
            return None
        if root_key_id not in self._keys and self._may_reload(root_key_id):
            # What was put in by hold() is kept; a provider may not give it yet.
            self._keys = self._load() | self._keys
        return self._keys.get(root_key_id)

    def add(self, provider: RootKeyProvider) -> str:
        """Take one more root key, which will replace the present one; give its id."""
        root_key = provider.load_or_create()[0]
        require_fitting(provider, [root_key])
        if any(root_key.is_dev != held.is_dev for held in self._keys.values()):
            raise RootKeyError(
                "What --dev has made stays its own: it is not re-wrapped for use "
                "elsewhere, nor anything else for use by --dev."
            )
        if isinstance(provider, FileRootKey):
            provider.make_durable()
        self.hold(root_key)
        return root_key.root_key_id

    def hold(self, root_key: RootKey) -> None:
        """Take a root key that no provider gives yet, or that it gave just now."""
        self._keys[root_key.root_key_id] = root_key

    def keep_only(self, root_key_id: str, providers: Sequence[RootKeyProvider]) -> None:
        """Drop every other root key, and ask only these providers from now on."""
        self._keys = {root_key_id: self._keys[root_key_id]}
        self.providers = tuple(providers)

    def _opener(self, connection: sa.Connection, row: VersionRow) -> RootKey:
        root_key = self._keys.get(row.root_key_id)
        if root_key is not None:
            return root_key
        ids = root_key_ids(connection)
        wanted = row.root_key_id
        if wanted is None or wanted not in (ids.present, ids.following):
            raise damaged(row.key_version_id)
        root_key = self.find(wanted)
        if root_key is None:
            raise self._wrong(row.root_key_id)
        return root_key

    def _open_service_version(
        self, connection: sa.Connection, row: VersionRow
    ) -> ServiceKey | None:
        """Open it as it is, or as a re-wrap has wrapped it beforehand."""
        name = row.key_version_id
        if not isinstance(name, str) or not SERVICE_VERSION_ID.fullmatch(name):
            return None
        try:
            return self._opener(connection, row).open_service_version(
                row.wrapped, row.key_version_id
            )
        except (KeyUnavailable, *UNOPENED):
            return None
        except RootKeyError:
            following = self.find(root_key_ids(connection).following)
            if following is None:
                raise
        return _next_service_key(connection, following, row.key_version_id)

    def _holds_one_of(self, ids: RootKeyIds) -> bool:
        return ids.present in self._keys or ids.following in self._keys

    def _take_over(self, database: Database) -> RootKeyIds:
        """Put a database without key versions under the root key given first."""
        with database.writing() as connection:
            # Read once more: no re-wrap can end while this transaction is open, so what
            # is at hand now stays so.
            self._keys = self._load()
            ids = root_key_ids(connection)
            if self._holds_one_of(ids) or _has_versions(connection):
                return ids
            if self._failures:
                raise self._failures[0]
            ids = RootKeyIds(next(iter(self._keys)), None)
            note_root_key_ids(connection, ids)
            return ids

    def _load(self, *, create: bool = False) -> dict[str, RootKey]:
        """Ask every provider; those that fail are told of if their key is needed."""
        loaded: dict[str, RootKey] = {}
        failures = []
        for provider in self.providers:
            try:
                keys = provider.load_or_create() if create else provider.load()
                require_fitting(provider, keys)
            except RootKeyError as error:
                failures.append(error)
            else:
                loaded |= {key.root_key_id: key for key in keys}
        self._failures = failures
        return loaded

    def _may_reload(self, root_key_id: str) -> bool:
        now = monotonic()
        if now < self._reload_after.get(root_key_id, now):
            return False
        self._reload_after[root_key_id] = now + RELOAD_SECONDS
        return True

    def _wrong(self, wanted: str | None) -> RootKeyError:
        if self._failures and not self._keys:
            return self._failures[0]
        held = ", ".join(self._keys) or "none"
        also = "".join(f" Besides: {failure}" for failure in self._failures)
        return RootKeyError(
            f"This is the wrong root key: the database needs {wanted}, given was "
            f"{held}. Give the root key the database was last wrapped under, from its "
            f"backup if need be.{also}"
        )


def _needed(database: Database) -> tuple[bool, RootKeyIds]:
    """Look whether a database is without key versions, and for its root keys."""
    with database.reading() as connection:
        return not _has_versions(connection), root_key_ids(connection)


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


def _has_versions(connection: sa.Connection) -> bool:
    first = sa.select(key_versions.c.key_version_id).limit(1)
    return connection.execute(first).first() is not None


def _next_service_key(
    connection: sa.Connection, root_key: RootKey, key_version_id: str
) -> ServiceKey | None:
    wrapped = _next_wrapped(connection)
    if wrapped is None:
        return None
    try:
        return root_key.open_service_version(wrapped, key_version_id)
    except UNOPENED:
        return None


def _next_wrapped(connection: sa.Connection) -> bytes | None:
    return connection.execute(sa.select(registry.c.next_service_version)).scalar()


def damaged_service() -> DatabaseError:
    """Say that what authenticates everything does not open."""
    return DatabaseError(
        "The service version, a row of key_versions, is missing or damaged, so nothing "
        "can be believed: restore a backup of the database.",
        retryable=False,
    )


_SERVICE_VERSIONS = (
    sa.select(key_versions)
    .where(key_versions.c.key_id == SERVICE)
    .order_by(key_versions.c.sequence.desc())
)


def damaged(key_version_id: str) -> KeyUnavailable:
    """Say which row is unusable, and what to do."""
    return KeyUnavailable(
        f"The stored row of key version {key_version_id} does not open: it was changed "
        "or belongs elsewhere. Restore that row of key_versions from a backup; no "
        "other key is affected."
    )
