"""From a name to a key version that can seal and open, as the database has it now."""

from pairsmith.errors import (
    AliasNotFound,
    KeyNotFound,
    KeyVersionNotFound,
    KeyVersionRetired,
)
from pairsmith.registry import identifiers, rotation
from pairsmith.registry.cache import Resolution, ResolvedKey
from pairsmith.registry.key_ring import KeyRing, damaged
from pairsmith.registry.states import Operation, require
from pairsmith.registry.stored_keys import StoredKey, StoredKeys


def by_name(
    ring: KeyRing, name: str, stored: StoredKeys, *, primary: bool
) -> Resolution:
    """Open the primary or the initial version of a key that may be used.

    Raises:
        KeyNotFound: No key has this id or alias.
        KeyUnavailable: It is not as it was authenticated.
        KeyDisabled, KeyPendingDeletion, KeyPendingImport: Its state.
    """
    try:
        key = stored.find_for(name, Operation.USE)
    except AliasNotFound as error:
        raise KeyNotFound(str(error)) from None
    wanted = key.row.primary_version_id if primary else key.row.initial_version_id
    rotates_at_ms = rotation.due_at_ms(key) if primary else None
    return Resolution(_opened(stored, ring, key, wanted), rotates_at_ms)


def by_version(ring: KeyRing, key_version_id: str, stored: StoredKeys) -> Resolution:
    """Open a version by its own id; its key must be usable.

    Raises:
        KeyVersionNotFound: No key has it.
        KeyVersionRetired: It was retired.
        KeyUnavailable: Its key is not as it was authenticated.
    """
    # Which key it belongs to, its id says and not the row.
    key = stored.find_by_id(key_version_id[: identifiers.KEY_ID_CHARACTERS])
    if key is None:
        raise _not_found(key_version_id)
    key.require_fitting()
    version = key.version(key_version_id)
    if version is None:
        raise _not_found(key_version_id)
    require(Operation.USE, key.key_id, key.state)
    if version.retired_at_ms is not None:
        raise KeyVersionRetired(
            f"The key version {key_version_id} is retired and opens nothing; "
            "restore_key_version undoes that."
        )
    return Resolution(_opened(stored, ring, key, key_version_id), None)


def _opened(
    stored: StoredKeys, ring: KeyRing, key: StoredKey, key_version_id: str
) -> ResolvedKey:
    version = key.version(key_version_id)
    if version is None:
        raise damaged(key_version_id)
    wrapping_key = ring.open_version(stored.connection, version)
    return ResolvedKey(key.key_id, key_version_id, wrapping_key)


def _not_found(key_version_id: str) -> KeyVersionNotFound:
    return KeyVersionNotFound(f"No key has the version {key_version_id}.")
