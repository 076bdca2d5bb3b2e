"""The registry: every operation on keys, one transaction each.

Wherever a key is named, its id or one of its aliases will do. Every method may be
called from any thread, and before or after a fork.
"""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from pairsmith.registry import adoption, history, parameters
from pairsmith.registry.access import Access, milliseconds_by
from pairsmith.registry.chain import Head
from pairsmith.registry.change_log import LoggedChange, Verification
from pairsmith.registry.engine import Database
from pairsmith.registry.key_operations import KeyOperations
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.label_operations import LabelOperations
from pairsmith.registry.maintenance import MaintenanceReport
from pairsmith.registry.migrate import migrate
from pairsmith.registry.repair import RepairReport, repair
from pairsmith.registry.resolved import Key, ResolvedKey
from pairsmith.registry.rewrap import (
    Progress,
    RewrapReport,
    rewrap,
    rewrap_file,
    settle_files,
)
from pairsmith.registry.root_key import (
    RootKeyProvider,
    RootKeys,
    default_root_key,
    parse_root_key_provider,
    parse_root_key_providers,
)


class Registry(KeyOperations, LabelOperations):
    """Keys in one database, opened by ``Registry.open``."""

    def __init__(self, access: Access, *, allow_short_intervals: bool) -> None:
        self._access = access
        self._short_allowed = allow_short_intervals

    @classmethod
    def open(
        cls,
        url: str,
        root_key: RootKeys | None = None,
        *,
        clock: Callable[[], float] = time.time,
        background: bool = True,
        allow_short_intervals: bool = False,
        refuse_format_1: bool = False,
    ) -> Self:
        """Open a registry, making the database and its root key if there are none.

        Args:
            url: ``sqlite:///PATH`` or ``postgresql+psycopg://USER@HOST/DATABASE``.
            root_key: A provider, its text (``file:``, ``env:``, ``command:``), or
                several while the root key is being replaced. By default the file beside
                an SQLite database; PostgreSQL has no default.
            clock: Gives seconds since 1970, UTC.
            background: Whether a thread rotates and destroys keys that nobody uses.
            allow_short_intervals: Permit rotation more often than weekly, for tests.
            refuse_format_1: Refuse a database that was never authenticated, instead of
                taking it over as it is found: see docs/root-keys.md.

        Raises:
            DatabaseError: The database cannot be used; the message says what to do.
            SchemaTooNew: A newer Pairsmith wrote it.
            RootKeyError: The root key is missing, unreadable or another one.
        """
        given = None if root_key is None else parse_root_key_providers(root_key)
        database = Database(url)
        try:
            ring = KeyRing(given or default_root_key(database.sqlite_path))
            if refuse_format_1:
                adoption.refuse_before(database)
            migrate(database)
            ring.unlock(database)
            adoption.take_over(database, ring, milliseconds_by(clock))
            settle_files(database, ring)
        except BaseException:
            database.close()
            raise
        access = Access(database, ring, clock, background=background)
        return cls(access, allow_short_intervals=allow_short_intervals)

    def close(self) -> None:
        """Stop the background pass and give back every connection."""
        self._access.close()

    def __enter__(self) -> Self:
        """Leave the ``with`` block to close."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    # Use: what every data operation begins with.

    def resolve(self, key: Key, *, primary: bool) -> ResolvedKey:
        """Give the primary or the initial version of a key that may be used.

        Rotates the key first if that is due and the primary version is asked for.

        Args:
            key: Its id or alias; one that was resolved already is given back.
            primary: Which of them.

        Raises:
            KeyNotFound: No key has this id or alias.
            KeyDisabled, KeyPendingDeletion, KeyPendingImport, KeyUnavailable: Its
                state, or a row that does not open.
            RootKeyError: It is wrapped under a root key this process does not hold.
        """
        if type(key) is ResolvedKey:
            return key
        cache = self._access.cache
        known = cache.known
        if time.monotonic() < cache.fresh_until:
            try:
                return (known.primary if primary else known.initial)[key]
            except (KeyError, TypeError):
                pass
        name = parameters.key_name(key)
        return self._access.resolve(lambda view: view.key(name, primary=primary))

    def resolve_version(self, key_version_id: str) -> ResolvedKey:
        """Give a version by its own id, as an Advance blob names it.

        Raises:
            KeyVersionNotFound: No key has this version, or this cannot be one.
            KeyVersionRetired: It was retired.
            KeyDisabled, KeyPendingDeletion, KeyPendingImport, KeyUnavailable: The state
                of its key.
            RootKeyError: It is wrapped under a root key this process does not hold.
        """
        cache = self._access.cache
        known = cache.known
        if time.monotonic() < cache.fresh_until:
            try:
                return known.versions[key_version_id]
            except (KeyError, TypeError):
                pass
        name = parameters.key_version_name(key_version_id)
        return self._access.resolve(lambda view: view.version(name))

    # Upkeep.

    def run_maintenance(self) -> MaintenanceReport:
        """Rotate and destroy what is due; the background pass calls this too."""
        return self._access.run_maintenance()

    def repair_key(self, key_id: str) -> RepairReport:
        """Put back what was authenticated of a key, whatever was done to its rows.

        Raises:
            KeyNotFound: There is no such key; give its id, not an alias.
            KeyUnavailable: What was authenticated is gone too.
        """
        name = parameters.key_name(key_id)
        with self._access.changing("RepairKey") as change:
            return repair(change, self._access.ring, name)

    def rewrap(
        self,
        new_root_key: RootKeyProvider | str | None = None,
        progress: Progress | None = None,
    ) -> RewrapReport:
        """Wrap every key version under another root key; call again if interrupted.

        Args:
            new_root_key: Its provider or its text; open with that from then on. Without
                it, a root key in a file gets a successor, which takes the file's place.
            progress: Called after each batch with the rows done and the rows there are.

        Raises:
            RootKeyError: Another re-wrap is under way, or a root key is not at hand.
        """
        access = self._access
        access.begin_use()
        if new_root_key is not None:
            provider = parse_root_key_provider(new_root_key)
            report = rewrap(access, provider, progress)
        else:
            report = rewrap_file(access, progress)
        access.cache.empty()
        return report

    # The change log.

    def changes(
        self, *, before: int | None = None, limit: int = 100, about: str = ""
    ) -> list[LoggedChange]:
        """Give lines of the change log, the newest first.

        Args:
            before: Only lines with a smaller number, to go on from an earlier answer.
            limit: 1 to 1000.
            about: Only lines about this key id, alias, version or credential.
        """
        return history.newest(self._access, before=before, limit=limit, about=about)

    def changes_head(self) -> Head:
        """Give the last line of the change log; as a text it is an anchor."""
        return history.head(self._access)

    def verify_changes(
        self, anchor: Head | None = None, progress: Progress | None = None
    ) -> Verification:
        """Verify the change log from its first line to its head.

        Args:
            anchor: A line that must be there: what ``changes_head`` gave earlier, kept
                where nobody who can write the database reaches it.
            progress: Called with the lines read and the lines there are.

        Raises:
            ChangeLogBroken: Names the first line that is not as it was written.
        """
        return history.verify(self._access, anchor, progress)

    def check(self, seconds: float = 3.0) -> None:
        """Make sure that operations find their database and its root key now.

        It goes the way of every operation, past whatever is cached, and ends within
        the times of ``docs/python.md``.

        Args:
            seconds: How long the looking itself may take on PostgreSQL.

        Raises:
            DatabaseError, SchemaTooNew, RootKeyError: Operations would be refused.
        """
        self._access.check(seconds)

    @property
    def access(self) -> Access:
        """The database, root keys and cache, for what stands on a registry."""
        return self._access

    @property
    def guard_path(self) -> Path | None:
        """Where processes meet that share an SQLite database."""
        return self._access.database.guard_path
