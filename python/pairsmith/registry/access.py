"""How every operation reaches the keys: open, settled, in a transaction, or cached.

Settled means that keys whose deletion window is over are destroyed before anything is
looked at, in a transaction of their own: they must stay so even if the operation then
finds its key gone and fails.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import sqlalchemy as sa

from pairsmith.errors import DatabaseError, KeyPendingDeletion, KeyUnavailable
from pairsmith.registry import deletion, rotation
from pairsmith.registry.actor import MAINTENANCE, acting
from pairsmith.registry.cache import Cache
from pairsmith.registry.changing import Change, begin_change, require_revisions
from pairsmith.registry.engine import Database, change_mark
from pairsmith.registry.forks import watch_forks
from pairsmith.registry.key_ring import KeyRing, require_root_key
from pairsmith.registry.maintenance import Background, MaintenanceReport
from pairsmith.registry.migrate import require_present_schema
from pairsmith.registry.resolved import (
    Found,
    ResolvedKey,
    RotationDue,
    Unusable,
    usable,
)
from pairsmith.registry.revisions import Revisions
from pairsmith.registry.stored_keys import StoredKeys
from pairsmith.registry.view import View

_log = logging.getLogger(__name__)

_KNOWN = "pairsmith_known_revisions"
"""What a connection's transaction found known when it began."""


class Access:
    """One database with its root keys, its cache and its background pass.

    Args:
        database: Migrated.
        ring: Unlocked.
        clock: Gives seconds since 1970, UTC.
        background: Whether a thread does what is due.
    """

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        clock: Callable[[], float],
        *,
        background: bool,
    ) -> None:
        self.database = database
        self.ring = ring
        self.now_ms = milliseconds_by(clock)
        self.cache = Cache(self.now_ms)
        self.background = Background(self) if background else None
        self._closed = False
        self._remaining: frozenset[str] = frozenset()
        self._revisions: tuple[object, Revisions | None] = (None, None)
        database.verify = self._require_same_registry
        watch_forks(self)

    def close(self) -> None:
        """Refuse further use, wait for what is under way, give back every connection.

        Twice does nothing.
        """
        self._closed = True
        if self.background is not None:
            self.background.stop()
        self.cache.empty()
        self.database.close()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads, and note what was known before it.

        What it finds may be older than what another thread reads meanwhile.
        """
        known = self._revisions[1]
        with self.database.reading() as connection:
            connection.info[_KNOWN] = known
            yield connection

    @contextmanager
    def looking(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads."""
        self.begin_use()
        self._destroy_due()
        with self.reading() as connection:
            yield connection

    @contextmanager
    def stored_keys(self) -> Iterator[StoredKeys]:
        """Open a transaction that only reads, for keys that are checked."""
        with self.looking() as connection:
            yield StoredKeys(connection, self.revisions(connection))

    @contextmanager
    def changing(self, operation: str) -> Iterator[Change]:
        """Open a transaction that writes, and forget what was cached.

        Args:
            operation: What the line of the change log calls it, as the API does.
        """
        self.begin_use()
        self._destroy_due()
        with self.writing(operation) as change:
            yield change

    @contextmanager
    def writing(self, operation: str) -> Iterator[Change]:
        """As ``changing``, without destroying what is due beforehand."""
        try:
            with self.database.writing() as connection:
                change = begin_change(connection, self.ring, operation, self.now_ms)
                yield change
                change.finish()
        finally:
            self.cache.empty()

    def revisions(
        self, connection: sa.Connection, mark: object = None
    ) -> Revisions | None:
        """Give the newest revisions of everything, as a transaction finds them.

        They are kept for as long as the change mark is the same. ``None`` in a database
        that nobody has written to.

        Args:
            connection: In a transaction that reads.
            mark: The change mark, if it was read in this transaction already.

        Raises:
            DatabaseError: They are missing or damaged.
            RootKeyError: The service version's root key is not at hand.
        """
        if mark is None:
            mark = change_mark(connection)
        kept_mark, kept = self._revisions
        if kept_mark == mark and kept is not None:
            return kept
        found = require_revisions(connection, self.ring)
        if found is not None:
            _warn_of_older(connection.info.get(_KNOWN), found)
        self._revisions = mark, found
        return found

    def present_view(self) -> View | None:
        """Give what is known, if it may be believed now; it asks no database."""
        self.begin_use()
        known = self.cache.present()
        return None if known is None else View(self, known, None)

    @contextmanager
    def view(self) -> Iterator[View]:
        """Look at the registry in a transaction that only reads."""
        self.begin_use()
        generation, started = self.cache.generation, time.monotonic()
        with self.reading() as connection:
            mark = change_mark(connection)
            known = self.cache.renew(generation, mark, started)

            def stored() -> StoredKeys:
                return StoredKeys(connection, self.revisions(connection, mark))

            yield View(self, known, stored)

    def renew(self) -> None:
        """Believe what is known for another while, or begin anew if it has changed."""
        with self.view():
            pass

    def resolve(self, find: Callable[[View], Found]) -> ResolvedKey:
        """Find a key version that may be used, once what is due has been done.

        Args:
            find: Looks for it in a view.

        Raises:
            PairsmithError: The reason why there is none.
        """
        with self.view() as view:
            found = find(view)
        if self.settle(found):
            with self.view() as view:
                found = find(view)
        return usable(found)

    def settle(self, found: Found) -> bool:
        """Do what is due to a key that was found; tell whether to look again."""
        if isinstance(found, RotationDue):
            self.rotate_if_due(found.facts.id)
            return True
        if isinstance(found, Unusable) and isinstance(found.error, KeyPendingDeletion):
            return bool(self._destroy_due())
        return False

    def rotate_if_due(self, key_id: str) -> bool:
        """Rotate a key unless it is not due, or another process was first."""
        with acting(MAINTENANCE), self.writing("RotateKey") as change:
            return rotation.rotate_if_due(change, self.ring, key_id) is not None

    def run_maintenance(self) -> MaintenanceReport:
        """Rotate and destroy what is due."""
        self._require_open()
        with self.database.reading() as connection:
            due = rotation.due_keys(connection, self.now_ms())
        rotated = tuple(key_id for key_id in due if self._rotates(key_id))
        return MaintenanceReport(rotated, self._destroy_due(remaining=True))

    def check(self, seconds: float) -> None:
        """Do what every operation does: look over a connection of the pool.

        Args:
            seconds: How long the looking may take on PostgreSQL.

        Raises:
            DatabaseError, RootKeyError: Operations would be refused at present.
        """
        self._require_open()
        with self.database.reading(seconds=seconds) as connection:
            self._require_same_registry(connection)
            self.revisions(connection)

    def begin_use(self) -> None:
        """Make sure that this is open and that the background pass runs."""
        self._require_open()
        if self.background is not None:
            self.background.start()

    def _rotates(self, key_id: str) -> bool:
        """Rotate a key that is due; one that is damaged keeps no other from it."""
        try:
            return self.rotate_if_due(key_id)
        except KeyUnavailable as error:
            _log.warning("The key %s does not rotate: %s", key_id, error)
            return False

    def _require_same_registry(self, connection: sa.Connection) -> None:
        """Refuse what a new connection leads to, unless it is what was opened."""
        require_present_schema(connection)
        require_root_key(connection, self.ring)

    def _destroy_due(self, *, remaining: bool = False) -> tuple[str, ...]:
        """Destroy what is due; what could not be, only if ``remaining`` is true."""
        with self.database.reading() as connection:
            due = set(deletion.due_keys(connection, self.now_ms()))
        if not (due if remaining else due - self._remaining):
            return ()
        with acting(MAINTENANCE), self.writing("DestroyKey") as change:
            result = deletion.destroy_due(change)
        self._remaining = result.remaining
        return result.destroyed

    def _require_open(self) -> None:
        if self._closed:
            raise DatabaseError(
                "The registry was closed: open it again.", retryable=False
            )

    # Forks, see forks.py: the database comes to rest by itself.

    def before_fork(self) -> None:
        """Do nothing."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Use a cache and a background pass of its own."""
        self.cache.after_fork_in_child()
        if self.background is not None:
            self.background.after_fork_in_child()


def _warn_of_older(known: Revisions | None, found: Revisions) -> None:
    """Tell of a database that was put back as it was before."""
    if known is not None and found.revision < known.revision:
        _log.warning(
            "The database is older than it was: its last change was number %d and "
            "is number %d now. A backup was restored, or somebody undoes changes.",
            known.revision,
            found.revision,
        )


def milliseconds_by(clock: Callable[[], float]) -> Callable[[], int]:
    """Let a clock of seconds give milliseconds."""
    return partial(_milliseconds_of, clock)


def _milliseconds_of(clock: Callable[[], float]) -> int:
    return int(clock() * 1000)
