"""Rotation: a new version becomes primary, by hand or when its time has come."""

from datetime import timedelta

import sqlalchemy as sa

from pairsmith.model import KeyState
from pairsmith.registry import keys as key_rows
from pairsmith.registry import versions
from pairsmith.registry.changing import Change
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.schema import keys
from pairsmith.registry.states import Operation
from pairsmith.registry.stored_keys import StoredKey

# As decimals: a damaged row's sum may be more than a BIGINT holds.
_due_at_ms = sa.cast(keys.c.last_rotation_at_ms, sa.Numeric) + sa.cast(
    keys.c.rotation_interval_ms, sa.Numeric
)


def rotate(change: Change, ring: KeyRing, key: StoredKey) -> str:
    """Add a version, make it primary and give its id; the old ones stay as they are."""
    added = versions.add(change.connection, ring, key.key_id, change.now_ms)
    key_rows.update(
        change.connection,
        key.key_id,
        primary_version_id=added.key_version_id,
        last_rotation_at_ms=change.now_ms,
    )
    change.note(
        key_version_id=added.key_version_id,
        previous_key_version_id=key.row.primary_version_id,
    )
    return added.key_version_id


def rotate_if_due(change: Change, ring: KeyRing, key_id: str) -> str | None:
    """Rotate unless another process was first: looked at again under the write lock.

    Raises:
        KeyUnavailable: The key is not as it was authenticated.
    """
    found = change.find_by_id(key_id)
    if found is None:
        return None
    found.require_fitting()
    due = due_at_ms(found)
    if due is None or due > change.now_ms:
        return None
    return rotate(change, ring, change.touch(found))


def due_at_ms(key: StoredKey) -> int | None:
    """Tell when a key rotates next; never, without a policy or while suspended."""
    row = key.row
    if row.rotation_interval_ms is None or key.state is not KeyState.ENABLED:
        return None
    return int(row.last_rotation_at_ms + row.rotation_interval_ms)


def due_keys(connection: sa.Connection, now_ms: int) -> list[str]:
    """List the keys whose rotation seems due, the longest waiting first."""
    due = (keys.c.key_state == KeyState.ENABLED) & (_due_at_ms <= now_ms)
    query = sa.select(keys.c.key_id).where(due).order_by(_due_at_ms)
    found = connection.execute(query).scalars()
    return [key_id for key_id in found if isinstance(key_id, str)]


def set_policy(change: Change, name: str, interval: timedelta | None) -> None:
    """Set how often the key rotates by itself; ``None`` for never."""
    key = change.key(name, Operation.UPDATE_ROTATION_POLICY)
    key_rows.update(
        change.connection,
        key.key_id,
        rotation_interval_ms=key_rows.milliseconds(interval),
    )
    before = key.row.rotation_interval_ms
    change.note(
        automatic_rotation=interval is not None,
        rotation_interval=interval,
        previous_rotation_interval=before and timedelta(milliseconds=before),
    )
