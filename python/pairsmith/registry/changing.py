"""The unit of work: what is changed is authenticated again, and leaves one line.

    with access.changing("CreateAlias") as change:
        key = change.key(name, Operation.CREATE_ALIAS)
        change.connection.execute(...)
        change.note(alias_name=alias_name)

Whatever a transaction changes it names, before it writes: keys, and other objects that
have a revision. At its end each is authenticated with its new revision, the pages of
revisions are written, and one line goes to the change log; then it commits, or all of
it has not happened.
"""

from collections.abc import Callable

import sqlalchemy as sa

from pairsmith._core import ServiceKey
from pairsmith.errors import DatabaseError, KeyUnavailable
from pairsmith.registry import change_log, contents
from pairsmith.registry.change_entry import Entry, Told, merged
from pairsmith.registry.contents import place_of
from pairsmith.registry.engine import change_counter, next_sequence, set_change_counter
from pairsmith.registry.identifiers import SERVICE, new_service_version_id
from pairsmith.registry.key_ring import KeyRing, damaged_service
from pairsmith.registry.revisions import (
    Revisions,
    damaged_top,
    older_top,
    open_revisions,
)
from pairsmith.registry.schema import key_versions, keys, revision_pages
from pairsmith.registry.states import Operation, require
from pairsmith.registry.stored_keys import StoredKey, StoredKeys

Noted = object
"""What may be noted; its name is hidden in the class, which has a method ``object``."""


class Change:
    """One write transaction; ``finish`` ends it before the commit.

    Attributes:
        connection: In the transaction, which is alone.
        revision: Of everything that it changes.
        service_key: Seals and authenticates.
        revisions: The newest revision of everything, as it is now.
    """

    def __init__(
        self,
        connection: sa.Connection,
        revisions: Revisions,
        operation: str,
        now_ms: int,
    ) -> None:
        self.connection = connection
        self.revisions = revisions
        self.service_key = revisions.service_key
        self.operation = operation
        self.now_ms = now_ms
        self.revision = _next_revision(connection, revisions)
        self._stored = StoredKeys(connection, revisions)
        self._keys: dict[str, None] = {}
        self._objects: dict[str, int | None] = {}
        self._noted: Told = {}

    def key(self, name: str, operation: Operation | None = None) -> StoredKey:
        """Find a key that this transaction changes.

        Args:
            name: Its id or alias.
            operation: What its state must allow; ``None`` for what every state does.

        Raises:
            KeyNotFound, AliasNotFound: There is none.
            KeyUnavailable: It is not as it was authenticated.
            PairsmithError: It is not permitted, or what its state demands.
        """
        found = self.find(name)
        found.require_fitting()
        if operation is not None:
            require(operation, found.key_id, found.state)
        return self.touch(found)

    def find(self, name: str) -> StoredKey:
        """Find a key without changing it, as it is in the middle of this transaction.

        Raises:
            KeyNotFound, AliasNotFound: There is none.
            PairsmithError: It is not permitted.
        """
        return self._as_changed(self._stored.find(name))

    def find_by_id(self, key_id: str) -> StoredKey | None:
        """As ``find``, by its id, or nothing.

        Raises:
            PairsmithError: It is not permitted.
        """
        found = self._stored.find_by_id(key_id)
        return None if found is None else self._as_changed(found)

    def touch(self, found: StoredKey) -> StoredKey:
        """Say that a key that was found is going to be changed, whatever its state.

        Raises:
            KeyUnavailable: It is not as it was authenticated.
        """
        found.require_fitting()
        self._keys[found.key_id] = None
        return found

    def created(self, key_id: str) -> None:
        """Say that a key is made: it becomes authentic as it is at the end.

        Raises:
            KeyUnavailable: There was such a key, and somebody has removed its rows.
        """
        if self.revisions.of(self.connection, place_of(key_id)) is not None:
            raise KeyUnavailable(
                f"There is a key {key_id}, but somebody has removed its rows: restore "
                "them from a backup."
            )
        self.authenticate(key_id)

    def authenticate(self, key_id: str) -> None:
        """Say that a key becomes authentic as it is at the end, whatever it was.

        Only for what this process has written itself, or takes over as it is.
        """
        self._keys[key_id] = None

    def destroyed(self, key_id: str) -> None:
        """Say that a key is no more; rows of it that come back are not believed."""
        self._keys.pop(key_id, None)
        self.object(place_of(key_id), None)
        self.note(key_id=key_id)

    def object(self, name: str, revision: int | None) -> None:
        """Say which revision of another object is the newest, or that it is no more.

        Args:
            name: ``identity/ID`` or ``secret/NAME``.
            revision: ``change.revision``, which is sealed with it; ``None`` for none.
        """
        self._objects[name] = revision

    def note(self, **noted: Noted) -> None:
        """Note what the line tells: identifiers by their kind, and details."""
        self._noted = merged(self._noted, noted)

    def _as_changed(self, found: StoredKey) -> StoredKey:
        """What this transaction changes was checked before it did."""
        if found.key_id not in self._keys:
            return found
        return StoredKey(found.contents, None)

    def finish(self) -> None:
        """Authenticate what was changed and write the line, if anything was changed."""
        if not (self._keys or self._objects or self._noted):
            return
        connection = self.connection
        for key_id in self._keys:
            query = sa.select(keys).where(keys.c.key_id == key_id)
            row = connection.execute(query).one()
            (found,) = contents.read(connection, [row])
            contents.authenticate(connection, self.service_key, found, self.revision)
            self.revisions.put(connection, place_of(key_id), self.revision)
        for name, revision in self._objects.items():
            self.revisions.put(connection, name, revision)
        noted = merged({"key_id": list(self._keys)}, self._noted)
        entry = Entry(self.operation, self.now_ms, noted)
        head = change_log.append(
            connection, self.service_key, self.revisions.head, entry
        )
        self.revisions.store(connection, self.revision, head)


def begin_change(
    connection: sa.Connection, ring: KeyRing, operation: str, clock: Callable[[], int]
) -> Change:
    """Begin the unit of work in a transaction that writes.

    Raises:
        DatabaseError: What everything hangs on is damaged.
        RootKeyError: This process does not hold the service version's root key.
    """
    revisions = require_revisions(connection, ring)
    if revisions is None:
        revisions = Revisions(make_service_key(connection, ring, clock()))
    return Change(connection, revisions, operation, clock())


def require_revisions(connection: sa.Connection, ring: KeyRing) -> Revisions | None:
    """Read the revisions; nothing in a database that nobody has written to.

    Raises:
        DatabaseError: They are missing or damaged.
        RootKeyError: This process does not hold the service version's root key.
    """
    service_key = ring.service_key(connection)
    if service_key is not None:
        revisions = open_revisions(connection, service_key)
        if revisions is None:
            raise damaged_top()
        if change_log.goes_beyond(connection, service_key, revisions.head):
            raise older_top()
        return revisions
    for column in (keys.c.key_id, key_versions.c.key_id, revision_pages.c.page):
        if connection.execute(sa.select(column).limit(1)).first() is not None:
            raise damaged_service()
    return None


def make_service_key(
    connection: sa.Connection, ring: KeyRing, now_ms: int
) -> ServiceKey:
    """Make the service version, in a database that has none."""
    key_version_id = new_service_version_id()
    sequence = next_sequence(connection, key_versions.c.sequence, keys.c.sequence)
    connection.execute(
        sa.insert(key_versions).values(
            key_version_id=key_version_id,
            key_id=SERVICE,
            sequence=sequence,
            created_at_ms=now_ms,
            **ring.create_service_version(connection, key_version_id),
        )
    )
    service_key = ring.service_key(connection)
    if service_key is None:
        raise DatabaseError("The service version just written is gone: try again.")
    return service_key


def _next_revision(connection: sa.Connection, revisions: Revisions) -> int:
    """Give a revision that nothing authentic has had, even if the counter was set back.

    It is the change counter of this transaction, which goes on to that if need be.
    """
    counter = change_counter(connection)
    revision = max(counter, revisions.revision + 1)
    if revision != counter:
        set_change_counter(connection, revision)
    return revision
