"""Rotation: a new version becomes primary, by hand or when its time has come."""

from datetime import timedelta

import sqlalchemy as sa

from pairsmith.model import KeyState
from pairsmith.registry import keys as key_rows
from pairsmith.registry import versions
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.keys import KeyRow, state_of
from pairsmith.registry.schema import keys
from pairsmith.registry.states import Operation

# As decimals: a damaged row's sum may be more than a BIGINT holds.
_due_at_ms = sa.cast(keys.c.last_rotation_at_ms, sa.Numeric) + sa.cast(
    keys.c.rotation_interval_ms, sa.Numeric
)


def rotate(connection: sa.Connection, ring: KeyRing, row: KeyRow, now_ms: int) -> str:
    """Add a version, make it primary and give its id; the old ones stay as they are."""
    added = versions.add(connection, ring, row.key_id, now_ms)
    key_rows.update(
        connection,
        row.key_id,
        primary_version_id=added.key_version_id,
        last_rotation_at_ms=now_ms,
    )
    return added.key_version_id


def rotate_if_due(
    connection: sa.Connection, ring: KeyRing, key_id: str, now_ms: int
) -> str | None:
    """Rotate unless another process was first: looked at again under the write lock."""
    row = key_rows.find_by_id(connection, key_id)
    if row is None or not is_due(row, now_ms):
        return None
    return rotate(connection, ring, row, now_ms)


def is_due(row: KeyRow, now_ms: int) -> bool:
    """Tell whether an Enabled key's next rotation date has come."""
    due = due_at_ms(row)
    return due is not None and due <= now_ms


def due_at_ms(row: KeyRow) -> int | None:
    """Tell when the key rotates next; never, without a policy or while suspended."""
    if row.rotation_interval_ms is None or state_of(row) is not KeyState.ENABLED:
        return None
    return int(row.last_rotation_at_ms + row.rotation_interval_ms)


def due_keys(connection: sa.Connection, now_ms: int) -> list[str]:
    """List the keys whose rotation is due, the longest waiting first."""
    due = (keys.c.key_state == KeyState.ENABLED) & (_due_at_ms <= now_ms)
    query = sa.select(keys).where(due).order_by(_due_at_ms)
    return [row.key_id for row in connection.execute(query) if is_due(row, now_ms)]


def set_policy(
    connection: sa.Connection, name: str, interval: timedelta | None
) -> None:
    """Set how often the key rotates by itself; ``None`` for never."""
    row = key_rows.find_for(connection, name, Operation.UPDATE_ROTATION_POLICY)
    key_rows.update(
        connection, row.key_id, rotation_interval_ms=key_rows.milliseconds(interval)
    )
