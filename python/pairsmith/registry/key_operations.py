"""Operations on keys and their versions; ``Registry`` has them."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from pairsmith.model import KeyMetadata, KeyState, KeyVersion, Page
from pairsmith.registry import (
    deletion,
    keys,
    listing,
    parameters,
    retirement,
    rotation,
    versions,
)
from pairsmith.registry.access import Access
from pairsmith.registry.identifiers import new_key_id
from pairsmith.registry.selection import Selection
from pairsmith.registry.states import Operation

Interval = str | timedelta


class KeyOperations:
    """Keys made, described, switched and destroyed; versions, and their rotation."""

    _access: Access
    _short_allowed: bool

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

    def _interval(self, value: Interval | None) -> timedelta:
        return parameters.rotation_interval(value, short_allowed=self._short_allowed)
