"""From a name to a key version that can seal and open, as the database has it now."""

from typing import Any

import sqlalchemy as sa

from pairsmith.errors import (
    AliasNotFound,
    KeyNotFound,
    KeyVersionNotFound,
    KeyVersionRetired,
)
from pairsmith.registry import keys, rotation, versions
from pairsmith.registry.cache import Resolution, ResolvedKey
from pairsmith.registry.key_ring import KeyRing, damaged
from pairsmith.registry.states import Operation, require


def by_name(
    ring: KeyRing, name: str, connection: sa.Connection, *, primary: bool
) -> Resolution:
    """Open the primary or the initial version of a key that may be used.

    Raises:
        KeyNotFound: No key has this id or alias.
        KeyDisabled, KeyPendingDeletion, KeyPendingImport, KeyUnavailable: Its state.
    """
    try:
        row = keys.find_for(connection, name, Operation.USE)
    except AliasNotFound as error:
        raise KeyNotFound(str(error)) from None
    wanted = row.primary_version_id if primary else row.initial_version_id
    version = versions.find(connection, wanted)
    if version is None:
        raise damaged(wanted)
    rotates_at_ms = rotation.due_at_ms(row) if primary else None
    return Resolution(_opened(connection, ring, version), rotates_at_ms)


def by_version(
    ring: KeyRing, key_version_id: str, connection: sa.Connection
) -> Resolution:
    """Open a version by its own id; its key must be usable.

    Raises:
        KeyVersionNotFound: No key has it.
        KeyVersionRetired: It was retired.
    """
    version = versions.find(connection, key_version_id)
    if version is not None and not key_version_id.startswith(f"{version.key_id}-"):
        raise damaged(key_version_id)
    row = version and keys.find_by_id(connection, version.key_id)
    if version is None or row is None:
        raise KeyVersionNotFound(f"No key has the version {key_version_id}.")
    require(Operation.USE, row.key_id, keys.state_of(row))
    if version.retired_at_ms is not None:
        raise KeyVersionRetired(
            f"The key version {key_version_id} is retired and opens nothing; "
            "restore_key_version undoes that."
        )
    return Resolution(_opened(connection, ring, version), None)


def _opened(
    connection: sa.Connection, ring: KeyRing, version: sa.Row[Any]
) -> ResolvedKey:
    return ResolvedKey(
        version.key_id, version.key_version_id, ring.open_version(connection, version)
    )
