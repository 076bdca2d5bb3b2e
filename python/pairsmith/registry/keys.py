"""Keys: made, found, described, listed, switched on and off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

import sqlalchemy as sa

from pairsmith.errors import InvalidParameter
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
from pairsmith.registry.changing import Change
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.schema import keys
from pairsmith.registry.soundness import moment, text_of
from pairsmith.registry.states import Operation
from pairsmith.registry.stored_keys import StoredKey

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


def create(change: Change, ring: KeyRing, new: NewKey) -> None:
    """Write the key with its first version, which is primary."""
    if change.find_by_id(new.key_id) is not None:
        raise InvalidParameter("key_id", f"the key {new.key_id} exists already.")
    change.created(new.key_id)
    version = versions.add(change.connection, ring, new.key_id, change.now_ms)
    change.connection.execute(
        sa.insert(keys).values(
            key_id=new.key_id,
            sequence=version.sequence,
            created_at_ms=change.now_ms,
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
            last_rotation_at_ms=change.now_ms,
            deletion_protection=new.deletion_protection,
            deletion_protection_description="",
        )
    )
    change.note(
        key_version_id=version.key_version_id,
        description=new.description,
        creator=new.creator,
        rotation_interval=new.rotation_interval,
        deletion_protection=new.deletion_protection,
    )
    tags.put(change, new.key_id, new.tags)


def update(connection: sa.Connection, key_id: str, **columns: object) -> None:
    """Change columns of one key."""
    connection.execute(sa.update(keys).where(keys.c.key_id == key_id).values(**columns))


def update_description(change: Change, name: str, text: str) -> None:
    """Give the key another description."""
    key = change.key(name, Operation.UPDATE_DESCRIPTION)
    update(change.connection, key.key_id, description=text)
    change.note(description=text, previous_description=key.row.description)


def switch(change: Change, name: str, state: KeyState) -> None:
    """Enable or disable the key; doing so twice is no error."""
    key = change.key(name, Operation.ENABLE_OR_DISABLE)
    update(change.connection, key.key_id, key_state=state)
    change.note(key_state=state, previous_key_state=key.state)


def set_deletion_protection(
    change: Change, name: str, *, enabled: bool, text: str
) -> None:
    """Forbid, or permit again, that the key's deletion is scheduled."""
    key = change.key(name, Operation.SET_DELETION_PROTECTION)
    update(
        change.connection,
        key.key_id,
        deletion_protection=enabled,
        deletion_protection_description=text,
    )
    change.note(
        deletion_protection=enabled,
        previous_deletion_protection=bool(key.row.deletion_protection),
        deletion_protection_description=text,
    )


def metadata_of(key: StoredKey) -> KeyMetadata:
    """Show a key as ``describe_key`` does; a damaged one as far as it can be read."""
    row, state = key.row, key.state
    last_ms, interval_ms = row.last_rotation_at_ms, row.rotation_interval_ms
    rotates = interval_ms is not None and key.fault is None
    waits_for_deletion = state is KeyState.PENDING_DELETION
    return KeyMetadata(
        key_id=key.key_id,
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
