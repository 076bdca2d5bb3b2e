"""Retirement: a version that no stored blob needs opens nothing, until it is restored.

The row stays as it is, material included: what was retired too early comes back.
"""

from pairsmith.errors import StateModifiedFailed
from pairsmith.model import KeyVersion
from pairsmith.registry import versions
from pairsmith.registry.changing import Change
from pairsmith.registry.states import Operation


def retire(change: Change, name: str, key_version_id: str) -> KeyVersion:
    """Retire a version of that key; one that is retired keeps its date.

    Raises:
        KeyVersionNotFound: The key has no such version.
        StateModifiedFailed: It is the primary or the initial version.
        KeyPendingDeletion: The key waits for its destruction.
    """
    key = change.key(name, Operation.RETIRE_VERSION)
    found = versions.describe(key, key_version_id)
    if key_version_id == key.row.primary_version_id:
        raise StateModifiedFailed(
            f"{key_version_id} is the primary version of {key.key_id} and cannot be "
            "retired: rotate the key first, then move what it wraps."
        )
    if key_version_id == key.row.initial_version_id:
        raise StateModifiedFailed(
            f"{key_version_id} is the initial version of {key.key_id} and cannot be "
            "retired: the plain operations use it for ever."
        )
    if found.retire_date is None:
        versions.mark_retired(change.connection, key_version_id, change.now_ms)
    change.note(key_version_id=key_version_id)
    return versions.describe(change.find(key.key_id), key_version_id)


def restore(change: Change, name: str, key_version_id: str) -> KeyVersion:
    """Bring a version of that key back.

    Raises:
        KeyVersionNotFound: The key has no such version.
        KeyPendingDeletion: The key waits for its destruction.
    """
    key = change.key(name, Operation.RETIRE_VERSION)
    versions.describe(key, key_version_id)
    versions.mark_retired(change.connection, key_version_id, None)
    change.note(key_version_id=key_version_id)
    return versions.describe(change.find(key.key_id), key_version_id)
