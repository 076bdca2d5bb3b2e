"""Keys: made, found, described, listed, switched on and off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from pairsmith.errors import AliasNotFound, InvalidParameter, KeyNotFound
from pairsmith.model import (
    AutomaticRotation,
    KeyMetadata,
    KeySpec,
    KeyState,
    KeyUsage,
    Origin,
    ProtectionLevel,
)
from pairsmith.registry import tags, versions
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.schema import aliases, keys
from pairsmith.registry.soundness import is_sound, moment, text_of
from pairsmith.registry.states import Operation, require

KeyRow = sa.Row[Any]
Value = TypeVar("Value", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a caller decides about a key to be made."""

    key_id: str
    description: str
    tags: Mapping[str, str]
    rotation_interval: timedelta | None
    deletion_protection: bool
    creator: str


def create(connection: sa.Connection, ring: KeyRing, new: NewKey, now_ms: int) -> None:
    """Write the key with its first version, which is primary."""
    if find_by_id(connection, new.key_id) is not None:
        raise InvalidParameter("key_id", f"the key {new.key_id} exists already.")
    version = versions.add(connection, ring, new.key_id, now_ms)
    connection.execute(
        sa.insert(keys).values(
            key_id=new.key_id,
            sequence=version.sequence,
            created_at_ms=now_ms,
            key_state=KeyState.ENABLED,
            key_spec=KeySpec.ALIYUN_AES_256,
            key_usage=KeyUsage.ENCRYPT_DECRYPT,
            origin=Origin.ALIYUN_KMS,
            protection_level=ProtectionLevel.SOFTWARE,
            description=new.description,
            creator=new.creator,
            initial_version_id=version.key_version_id,
            primary_version_id=version.key_version_id,
            rotation_interval_ms=milliseconds(new.rotation_interval),
            last_rotation_at_ms=now_ms,
            deletion_protection=new.deletion_protection,
            deletion_protection_description="",
        )
    )
    tags.put(connection, new.key_id, new.tags)


def find(connection: sa.Connection, name: str) -> KeyRow:
    """Find a key by its id or alias.

    Raises:
        KeyNotFound: No key has this id.
        AliasNotFound: No key has this alias.
    """
    if not name.startswith("alias/"):
        row = find_by_id(connection, name)
        if row is None:
            raise KeyNotFound(f"The key {name} does not exist; list_keys shows all.")
        return row
    bound = sa.select(aliases.c.key_id).where(aliases.c.alias_name == name)
    row = connection.execute(
        sa.select(keys).where(keys.c.key_id == bound.scalar_subquery())
    ).first()
    if row is None:
        if connection.execute(bound).first() is not None:
            raise AliasNotFound(
                f"{name} names a key that does not exist: update_alias binds it to "
                "another, delete_alias removes it."
            )
        raise AliasNotFound(f"{name} does not exist; list_aliases shows all.")
    return row


def find_by_id(connection: sa.Connection, key_id: str) -> KeyRow | None:
    """Find a key by its id, or nothing."""
    return connection.execute(sa.select(keys).where(keys.c.key_id == key_id)).first()


def find_for(connection: sa.Connection, name: str, operation: Operation) -> KeyRow:
    """Find a key whose state allows the operation, or raise what its state demands."""
    row = find(connection, name)
    require(operation, row.key_id, state_of(row))
    return row


def update(connection: sa.Connection, key_id: str, **columns: object) -> None:
    """Change columns of one key."""
    connection.execute(sa.update(keys).where(keys.c.key_id == key_id).values(**columns))


def update_description(connection: sa.Connection, name: str, text: str) -> None:
    """Give the key another description."""
    row = find_for(connection, name, Operation.UPDATE_DESCRIPTION)
    update(connection, row.key_id, description=text)


def switch(connection: sa.Connection, name: str, state: KeyState) -> None:
    """Enable or disable the key; doing so twice is no error."""
    row = find_for(connection, name, Operation.ENABLE_OR_DISABLE)
    update(connection, row.key_id, key_state=state)


def set_deletion_protection(
    connection: sa.Connection, name: str, *, enabled: bool, text: str
) -> None:
    """Forbid, or permit again, that the key's deletion is scheduled."""
    row = find_for(connection, name, Operation.SET_DELETION_PROTECTION)
    update(
        connection,
        row.key_id,
        deletion_protection=enabled,
        deletion_protection_description=text,
    )


def state_of(row: KeyRow) -> KeyState:
    """Read the state; a row with values no Pairsmith writes is Unavailable."""
    return KeyState(row.key_state) if is_sound(row) else KeyState.UNAVAILABLE


def metadata_of(row: KeyRow) -> KeyMetadata:
    """Show a row as ``describe_key`` does; a damaged one as far as it can be read."""
    state = state_of(row)
    last_ms, interval_ms = row.last_rotation_at_ms, row.rotation_interval_ms
    rotates = interval_ms is not None and is_sound(row)
    waits_for_deletion = state is KeyState.PENDING_DELETION
    return KeyMetadata(
        key_id=text_of(row.key_id),
        key_state=state,
        key_spec=_known(KeySpec, row.key_spec) or KeySpec.ALIYUN_AES_256,
        key_usage=_known(KeyUsage, row.key_usage) or KeyUsage.ENCRYPT_DECRYPT,
        origin=_known(Origin, row.origin) or Origin.ALIYUN_KMS,
        protection_level=(
            _known(ProtectionLevel, row.protection_level) or ProtectionLevel.SOFTWARE
        ),
        description=text_of(row.description),
        creator=text_of(row.creator),
        creation_date=moment(row.created_at_ms),
        initial_key_version=text_of(row.initial_version_id),
        primary_key_version=text_of(row.primary_version_id),
        automatic_rotation=_automatic_rotation(state, rotates=rotates),
        last_rotation_date=moment(last_ms),
        next_rotation_date=moment(last_ms + interval_ms) if rotates else None,
        rotation_interval=timedelta(milliseconds=interval_ms) if rotates else None,
        delete_date=moment(row.delete_at_ms) if waits_for_deletion else None,
        deletion_protection=bool(row.deletion_protection),
        deletion_protection_description=text_of(row.deletion_protection_description),
    )


def milliseconds(interval: timedelta | None) -> int | None:
    """Turn an interval into the database's milliseconds."""
    return None if interval is None else interval // timedelta(milliseconds=1)


def _known(kind: type[Value], text: object) -> Value | None:
    return next((member for member in kind if member == text), None)


def _automatic_rotation(state: KeyState, *, rotates: bool) -> AutomaticRotation:
    if not rotates:
        return AutomaticRotation.DISABLED
    if state is KeyState.ENABLED:
        return AutomaticRotation.ENABLED
    return AutomaticRotation.SUSPENDED
