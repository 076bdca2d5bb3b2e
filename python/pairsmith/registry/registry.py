"""The registry: every operation on keys, one transaction each.

Wherever a key is named, its id or one of its aliases will do. Every method may be
called from any thread, and before or after a fork.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from pairsmith.model import Alias, KeyMetadata, KeyState, KeyVersion, Page, Tag
from pairsmith.registry import (
    adoption,
    aliases,
    deletion,
    history,
    keys,
    listing,
    parameters,
    resolution,
    retirement,
    rotation,
    versions,
)
from pairsmith.registry import tags as tag_rows
from pairsmith.registry.access import Access, milliseconds_by
from pairsmith.registry.cache import ResolvedKey
from pairsmith.registry.chain import Head
from pairsmith.registry.change_log import LoggedChange, Verification
from pairsmith.registry.engine import Database
from pairsmith.registry.identifiers import new_key_id
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.maintenance import MaintenanceReport
from pairsmith.registry.migrate import migrate
from pairsmith.registry.repair import RepairReport, repair
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
from pairsmith.registry.selection import Selection
from pairsmith.registry.states import Operation
from pairsmith.registry.tags import TagQuery

Interval = str | timedelta


class Registry:
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

    def resolve(self, key_id: str, *, primary: bool) -> ResolvedKey:
        """Give the primary or the initial version of a key that may be used.

        Rotates the key first if that is due and the primary version is asked for.

        Raises:
            KeyNotFound: No key has this id or alias.
            KeyDisabled, KeyPendingDeletion, KeyPendingImport, KeyUnavailable: Its
                state, or a row that does not open.
            RootKeyError: It is wrapped under a root key this process does not hold.
        """
        cache = self._access.cache
        entries = cache.primary if primary else cache.initial
        if time.monotonic() < cache.fresh_until:
            try:
                return entries[key_id]
            except (KeyError, TypeError):
                pass
        name = parameters.key_name(key_id)
        look = partial(resolution.by_name, self._access.ring, name, primary=primary)
        found = self._access.look_up(entries, name, look)
        if (
            found.rotates_at_ms is not None
            and found.rotates_at_ms <= self._access.now_ms()
        ):
            self._access.rotate_if_due(found.resolved.key_id)
            found = self._access.look_up(entries, name, look)
        return found.resolved

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
        if time.monotonic() < cache.fresh_until:
            try:
                return cache.versions[key_version_id]
            except (KeyError, TypeError):
                pass
        name = parameters.key_version_name(key_version_id)
        look = partial(resolution.by_version, self._access.ring, name)
        return self._access.look_up(cache.versions, name, look).resolved

    # Keys.

    def create_key(
        self,
        description: str = "",
        *,
        tags: Mapping[str, str] | None = None,
        rotation_interval: Interval | None = None,
        deletion_protection: bool = False,
        key_id: str | None = None,
        creator: str = "",
    ) -> KeyMetadata:
        """Make an Enabled key with its first version.

        Args:
            description: Up to 8192 characters.
            tags: Up to 20.
            rotation_interval: Rotate by itself this often, 7 to 365 days: ``30d`` or a
                ``timedelta``. Without it the key only rotates by hand.
            deletion_protection: Refuse to schedule its deletion.
            key_id: A fixed id, for seeding; random by default.
            creator: Who it is made for, up to 64 characters; only noted.
        """
        interval = None
        if rotation_interval is not None:
            interval = self._interval(rotation_interval)
        new = keys.NewKey(
            key_id=new_key_id() if key_id is None else parameters.new_key_id(key_id),
            description=parameters.text(description, "description"),
            tags=parameters.tags({} if tags is None else tags),
            rotation_interval=interval,
            deletion_protection=parameters.flag(
                deletion_protection, "deletion_protection"
            ),
            creator=parameters.creator(creator),
        )
        with self._access.changing("CreateKey") as change:
            keys.create(change, self._access.ring, new)
            return keys.metadata_of(change.find(new.key_id))

    def describe_key(self, key_id: str) -> KeyMetadata:
        """Show a key: its state, primary version, rotation and deletion dates."""
        name = parameters.key_name(key_id)
        with self._access.stored_keys() as stored:
            return keys.metadata_of(stored.find(name))

    def list_keys(
        self,
        page_number: int = 1,
        page_size: int = 10,
        filters: Mapping[str, Collection[str]] | None = None,
        *,
        within: Selection | None = None,
    ) -> Page[KeyMetadata]:
        """List keys in the order they were made.

        Args:
            page_number: From 1.
            page_size: 1 to 100.
            filters: Names ``key_id``, ``key_state``, ``key_spec``, ``key_usage``,
                ``protection_level``, ``creator``, ``alias_name``, ``tag_key``,
                ``tag_value``, each with up to 10 values; a key fits if for every name
                one of its values fits.
            within: Which keys may be shown and counted; all by default.
        """
        where = parameters.page(page_number, page_size)
        wanted = parameters.filters(filters)
        with self._access.stored_keys() as stored:
            return listing.key_page(stored, where, wanted, within)

    def update_key_description(self, key_id: str, description: str) -> None:
        """Give a key another description, up to 8192 characters."""
        name = parameters.key_name(key_id)
        text = parameters.text(description, "description")
        with self._access.changing("UpdateKeyDescription") as change:
            keys.update_description(change, name, text)

    def enable_key(self, key_id: str) -> None:
        """Let a Disabled key work again; its suspended rotation resumes."""
        name = parameters.key_name(key_id)
        with self._access.changing("EnableKey") as change:
            keys.switch(change, name, KeyState.ENABLED)

    def disable_key(self, key_id: str) -> None:
        """Stop every use of a key, decryption included."""
        name = parameters.key_name(key_id)
        with self._access.changing("DisableKey") as change:
            keys.switch(change, name, KeyState.DISABLED)

    # Deletion.

    def schedule_key_deletion(self, key_id: str, pending_window_days: int) -> None:
        """Destroy a key, its versions, aliases and tags in 7 to 366 days.

        Raises:
            RejectedUnsupportedOperation: Its deletion protection is on.
        """
        name = parameters.key_name(key_id)
        days = parameters.pending_window_days(pending_window_days)
        with self._access.changing("ScheduleKeyDeletion") as change:
            deletion.schedule(change, name, days)

    def cancel_key_deletion(self, key_id: str) -> None:
        """Bring a key that waits for its destruction back, Enabled."""
        name = parameters.key_name(key_id)
        with self._access.changing("CancelKeyDeletion") as change:
            deletion.cancel(change, name)

    def set_deletion_protection(
        self,
        key_id: str,
        enabled: bool,  # noqa: FBT001 -- the name of the operation asks for it
        description: str = "",
    ) -> None:
        """Refuse, or permit again, that a key's deletion is scheduled."""
        name = parameters.key_name(key_id)
        wanted = parameters.flag(enabled, "enabled")
        text = parameters.text(description, "description")
        with self._access.changing("SetDeletionProtection") as change:
            keys.set_deletion_protection(change, name, enabled=wanted, text=text)

    # Tags.

    def tag_key(self, key_id: str, tags: Mapping[str, str]) -> None:
        """Put tags on a key, 20 at most; one that exists gets the new value."""
        name = parameters.key_name(key_id)
        wanted = parameters.tags(tags)
        with self._access.changing("TagResource") as change:
            tag_rows.put(change, change.key(name).key_id, wanted)

    def untag_key(self, key_id: str, tag_keys: Collection[str]) -> None:
        """Take tags off a key; one it does not have is no error."""
        name = parameters.key_name(key_id)
        unwanted = parameters.tag_keys(tag_keys)
        with self._access.changing("UntagResource") as change:
            tag_rows.remove(change, change.key(name).key_id, unwanted)

    def tag_keys(self, key_ids: Sequence[str], tags: Mapping[str, str]) -> None:
        """Put tags on up to 50 keys: on all of them, or in case of an error on none."""
        names = parameters.key_names(key_ids)
        wanted = parameters.tags(tags)
        with self._access.changing("TagResources") as change:
            for name in names:
                tag_rows.put(change, change.key(name).key_id, wanted)

    def untag_keys(
        self, key_ids: Sequence[str], tag_keys: Collection[str] | None
    ) -> None:
        """Take tags, or with ``None`` all of them, off up to 50 keys, or off none."""
        names = parameters.key_names(key_ids)
        unwanted = None if tag_keys is None else parameters.tag_keys(tag_keys)
        with self._access.changing("UntagResources") as change:
            for name in names:
                tag_rows.remove(change, change.key(name).key_id, unwanted)

    def search_tags(self, query: TagQuery) -> tuple[Tag, ...]:
        """List tags of many keys, by key id and then by name."""
        with self._access.stored_keys() as stored:
            found = tag_rows.search(stored.connection, query)
            return tuple(listing.of_shown_keys(stored, found, query.within))

    def list_tags(self, key_id: str) -> tuple[Tag, ...]:
        """List a key's tags by name; none of a key that is not as it was left."""
        name = parameters.key_name(key_id)
        with self._access.stored_keys() as stored:
            key = stored.find(name)
            if key.fault is not None:
                return ()
            return tuple(tag_rows.of_key(stored.connection, key.key_id))

    # Aliases.

    def create_alias(self, alias_name: str, key_id: str) -> None:
        """Give a key one more name: ``alias/`` and 1 to 255 characters.

        Raises:
            AliasAlreadyExists: Some key has it.
        """
        alias, key = parameters.alias_name(alias_name), parameters.key_name(key_id)
        with self._access.changing("CreateAlias") as change:
            aliases.create(change, alias, key)

    def update_alias(self, alias_name: str, key_id: str) -> None:
        """Bind an alias to another key; neither key changes."""
        alias, key = parameters.alias_name(alias_name), parameters.key_name(key_id)
        with self._access.changing("UpdateAlias") as change:
            aliases.update(change, alias, key)

    def delete_alias(self, alias_name: str) -> None:
        """Forget an alias; its key stays."""
        alias = parameters.alias_name(alias_name)
        with self._access.changing("DeleteAlias") as change:
            aliases.delete(change, alias)

    def list_aliases(
        self,
        page_number: int = 1,
        page_size: int = 10,
        *,
        within: Selection | None = None,
    ) -> Page[Alias]:
        """List all aliases by name, or those of the keys that may be shown."""
        where = parameters.page(page_number, page_size)
        with self._access.stored_keys() as stored:
            return listing.alias_page(stored, where, None, within)

    def list_aliases_by_key_id(
        self, key_id: str, page_number: int = 1, page_size: int = 10
    ) -> Page[Alias]:
        """List the aliases of one key by name; none if it is not as it was left."""
        name = parameters.key_name(key_id)
        where = parameters.page(page_number, page_size)
        with self._access.stored_keys() as stored:
            key = stored.find(name)
            if key.fault is not None:
                return Page((), page_number, page_size, 0, "Aliases.Alias")
            return listing.alias_page(stored, where, key.key_id)

    # Versions and rotation.

    def create_key_version(self, key_id: str) -> KeyVersion:
        """Rotate now: a new version becomes primary, the old ones keep decrypting."""
        name = parameters.key_name(key_id)
        with self._access.changing("CreateKeyVersion") as change:
            key = change.key(name, Operation.CREATE_VERSION)
            added = rotation.rotate(change, self._access.ring, key)
            return versions.describe(change.find(key.key_id), added)

    def describe_key_version(self, key_id: str, key_version_id: str) -> KeyVersion:
        """Show one version of a key."""
        name = parameters.key_name(key_id)
        version = parameters.key_version_id(key_version_id)
        with self._access.stored_keys() as stored:
            key = stored.find(name)
            key.require_fitting()
            return versions.describe(key, version)

    def list_key_versions(
        self, key_id: str, page_number: int = 1, page_size: int = 10
    ) -> Page[KeyVersion]:
        """List a key's versions, the initial one first."""
        name = parameters.key_name(key_id)
        where = parameters.page(page_number, page_size)
        with self._access.stored_keys() as stored:
            key = stored.find(name)
            key.require_fitting()
            return listing.version_page(stored.connection, where, key.key_id)

    def retire_key_version(self, key_id: str, key_version_id: str) -> KeyVersion:
        """Let a version open nothing any more, until ``restore_key_version``.

        Its material stays in the database, wrapped. Every process knows within a
        second. Whoever retires makes sure before that no stored blob needs it:
        ``pairsmith.bulk`` moves blobs and counts them by version.

        Raises:
            KeyVersionNotFound: The key has no such version.
            StateModifiedFailed: It is the primary version, or the initial one, which
                the plain operations use for ever.
            KeyPendingDeletion: The key waits for its destruction.
        """
        name = parameters.key_name(key_id)
        version = parameters.key_version_id(key_version_id)
        with self._access.changing("RetireKeyVersion") as change:
            return retirement.retire(change, name, version)

    def restore_key_version(self, key_id: str, key_version_id: str) -> KeyVersion:
        """Let a retired version open blobs again; one that is not retired stays so.

        Raises:
            KeyVersionNotFound: The key has no such version.
            KeyPendingDeletion: The key waits for its destruction.
        """
        name = parameters.key_name(key_id)
        version = parameters.key_version_id(key_version_id)
        with self._access.changing("RestoreKeyVersion") as change:
            return retirement.restore(change, name, version)

    def update_rotation_policy(
        self,
        key_id: str,
        enabled: bool,  # noqa: FBT001 -- as the documented operation has it
        rotation_interval: Interval | None = None,
    ) -> None:
        """Let a key rotate by itself, or only by hand.

        Args:
            key_id: The key.
            enabled: Whether it rotates by itself.
            rotation_interval: How often, 7 to 365 days; required when enabled.
        """
        name = parameters.key_name(key_id)
        interval = None
        if parameters.flag(enabled, "enabled"):
            interval = self._interval(rotation_interval)
        with self._access.changing("UpdateRotationPolicy") as change:
            rotation.set_policy(change, name, interval)

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

    def _interval(self, value: Interval | None) -> timedelta:
        return parameters.rotation_interval(value, short_allowed=self._short_allowed)
