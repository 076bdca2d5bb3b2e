"""Deletion: scheduled, cancelled within the window, and carried out when it is over.

A destroyed key leaves nothing: its aliases, tags and versions go with it, so that no
clock set back can bring it back. SQLite overwrites the rows (``secure_delete``).
"""

import logging
from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith.errors import RejectedUnsupportedOperation
from pairsmith.model import KeyState
from pairsmith.registry import keys as key_rows
from pairsmith.registry.schema import aliases, key_versions, keys, tags
from pairsmith.registry.soundness import is_sound
from pairsmith.registry.states import Operation

DAY_MS = 24 * 60 * 60 * 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Destruction:
    """The keys that are gone, and those that should be, but rows refer to them."""

    destroyed: tuple[str, ...]
    remaining: frozenset[str]


def schedule(connection: sa.Connection, name: str, days: int, now_ms: int) -> None:
    """Let the key wait for its destruction.

    Raises:
        RejectedUnsupportedOperation: Its deletion protection is on.
    """
    row = key_rows.find_for(connection, name, Operation.SCHEDULE_DELETION)
    if row.deletion_protection:
        raise RejectedUnsupportedOperation(
            f"The key {row.key_id} is protected from deletion: switch that off with "
            "set_deletion_protection first."
        )
    key_rows.update(
        connection,
        row.key_id,
        key_state=KeyState.PENDING_DELETION,
        delete_at_ms=now_ms + days * DAY_MS,
    )


def cancel(connection: sa.Connection, name: str) -> None:
    """Bring a waiting key back, Enabled whatever it was before, as documented."""
    row = key_rows.find_for(connection, name, Operation.CANCEL_DELETION)
    key_rows.update(
        connection, row.key_id, key_state=KeyState.ENABLED, delete_at_ms=None
    )


def due_keys(connection: sa.Connection, now_ms: int) -> list[str]:
    """List the keys whose window is over."""
    due = (keys.c.key_state == KeyState.PENDING_DELETION) & (
        keys.c.delete_at_ms <= now_ms
    )
    query = sa.select(keys).where(due).order_by(keys.c.delete_at_ms)
    return [row.key_id for row in connection.execute(query) if is_sound(row)]


def destroy_due(connection: sa.Connection, now_ms: int) -> Destruction:
    """Destroy every key whose window is over; one that cannot be stops no other."""
    destroyed, remaining = [], []
    for key_id in due_keys(connection, now_ms):
        try:
            with connection.begin_nested():
                _destroy(connection, key_id)
            destroyed.append(key_id)
        except sa.exc.IntegrityError:
            _log.warning("The key %s is not destroyed: rows refer to it.", key_id)
            remaining.append(key_id)
    return Destruction(tuple(destroyed), frozenset(remaining))


def _destroy(connection: sa.Connection, key_id: str) -> None:
    # Versions last: the key refers to them.
    for table in (aliases, tags, keys, key_versions):
        connection.execute(sa.delete(table).where(table.c.key_id == key_id))
