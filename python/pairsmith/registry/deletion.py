"""Deletion: scheduled, cancelled within the window, and carried out when it is over.

A destroyed key leaves nothing: its aliases, tags and versions go with it, so that no
clock set back can bring it back. SQLite overwrites the rows (``secure_delete``).
"""

import logging
from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith.errors import KeyUnavailable, RejectedUnsupportedOperation
from pairsmith.model import KeyState
from pairsmith.registry import keys as key_rows
from pairsmith.registry.changing import Change
from pairsmith.registry.schema import aliases, key_versions, keys, tags
from pairsmith.registry.soundness import moment
from pairsmith.registry.states import Operation

DAY_MS = 24 * 60 * 60 * 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Destruction:
    """The keys that are gone, and those that should be, but cannot be destroyed."""

    destroyed: tuple[str, ...]
    remaining: frozenset[str]


def schedule(change: Change, name: str, days: int) -> None:
    """Let the key wait for its destruction.

    Raises:
        RejectedUnsupportedOperation: Its deletion protection is on.
    """
    key = change.key(name, Operation.SCHEDULE_DELETION)
    if key.row.deletion_protection:
        raise RejectedUnsupportedOperation(
            f"The key {key.key_id} is protected from deletion: switch that off with "
            "set_deletion_protection first."
        )
    delete_at_ms = change.now_ms + days * DAY_MS
    key_rows.update(
        change.connection,
        key.key_id,
        key_state=KeyState.PENDING_DELETION,
        delete_at_ms=delete_at_ms,
    )
    change.note(pending_window_days=days, delete_date=moment(delete_at_ms))


def cancel(change: Change, name: str) -> None:
    """Bring a waiting key back, Enabled whatever it was before, as documented."""
    key = change.key(name, Operation.CANCEL_DELETION)
    key_rows.update(
        change.connection, key.key_id, key_state=KeyState.ENABLED, delete_at_ms=None
    )
    change.note(previous_delete_date=moment(key.row.delete_at_ms))


def due_keys(connection: sa.Connection, now_ms: int) -> list[str]:
    """List the keys whose window seems to be over."""
    due = (keys.c.key_state == KeyState.PENDING_DELETION) & (
        keys.c.delete_at_ms <= now_ms
    )
    query = sa.select(keys.c.key_id).where(due).order_by(keys.c.delete_at_ms)
    found = connection.execute(query).scalars()
    return [key_id for key_id in found if isinstance(key_id, str)]


def destroy_due(change: Change) -> Destruction:
    """Destroy every key whose window is over; one that cannot be stops no other."""
    destroyed, remaining = [], []
    for key_id in due_keys(change.connection, change.now_ms):
        try:
            _destroy(change, key_id)
        except (KeyUnavailable, sa.exc.IntegrityError) as error:
            reason = "rows refer to it"
            if isinstance(error, KeyUnavailable):
                reason = str(error)
            _log.warning("The key %s is not destroyed: %s", key_id, reason)
            remaining.append(key_id)
        else:
            destroyed.append(key_id)
    return Destruction(tuple(destroyed), frozenset(remaining))


def _destroy(change: Change, key_id: str) -> None:
    key = change.find(key_id)
    key.require_fitting()
    with change.connection.begin_nested():
        # Versions last: the key refers to them.
        for table in (aliases, tags, keys, key_versions):
            change.connection.execute(sa.delete(table).where(table.c.key_id == key_id))
    change.destroyed(key_id)
    change.note(
        alias_name=key.aliases,
        key_version_id=[each.key_version_id for each in key.contents.versions],
        destroyed={key_id: {"aliases": key.aliases, "tags": key.tags}},
    )
