"""Rows as they should be, and what is shown of one that is not.

SQLite keeps a value of any type in any column, and whoever reaches into a database may
write nonsense into either. Such a row damages its own key: it counts as Unavailable,
is listed like any other, and neither rotates nor is destroyed by itself.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from pairsmith.model import KeySpec, KeyState, KeyUsage, Origin, ProtectionLevel
from pairsmith.registry.identifiers import KEY_ID, KEY_VERSION_ID

LAST_MOMENT_MS = 253_402_300_799_999
"""The end of the year 9999, beyond which Python has no date."""

INTERVAL_MS_END = 1 << 40
"""More than thirty years; a policy allows one."""

SEQUENCE_END = 1 << 62

UNKNOWN_MOMENT = datetime.fromtimestamp(0, UTC)
"""Shown in the place of a moment that is none."""


def is_sound(row: sa.Row[Any]) -> bool:
    """Tell whether a row of ``keys`` is as Pairsmith writes it."""
    versions = (row.initial_version_id, row.primary_version_id)
    texts = (row.description, row.creator, row.deletion_protection_description)
    interval_ms, delete_at_ms = row.rotation_interval_ms, row.delete_at_ms
    is_pending = row.key_state == KeyState.PENDING_DELETION
    return (
        _is_text_like(row.key_id, KEY_ID)
        and all(_is_version_of(row.key_id, version) for version in versions)
        and all(isinstance(text, str) for text in texts)
        and row.key_state in _STATES
        and row.key_spec in _SPECS
        and row.key_usage in _USAGES
        and row.origin in _ORIGINS
        and row.protection_level in _PROTECTION_LEVELS
        and _is_between(row.sequence, 0, SEQUENCE_END)
        and is_moment(row.created_at_ms)
        and is_moment(row.last_rotation_at_ms)
        and (interval_ms is None or _is_between(interval_ms, 1, INTERVAL_MS_END))
        and (is_moment(delete_at_ms) if is_pending else delete_at_ms is None)
        and isinstance(row.deletion_protection, bool)
    )


def is_moment(value: object) -> bool:
    """Tell whether milliseconds since 1970 are a moment that Python can show."""
    return _is_between(value, 0, LAST_MOMENT_MS + 1)


def moment(value: Any) -> datetime:  # noqa: ANN401 -- whatever the row holds
    """Turn the database's milliseconds into a moment; nonsense is shown as 1970."""
    if not is_moment(value):
        return UNKNOWN_MOMENT
    return datetime.fromtimestamp(value / 1000, UTC)


def text_of(value: object) -> str:
    """Show a value that should be a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


_STATES = frozenset(KeyState)
_SPECS = frozenset(KeySpec)
_USAGES = frozenset(KeyUsage)
_ORIGINS = frozenset(Origin)
_PROTECTION_LEVELS = frozenset(ProtectionLevel)


def _is_between(value: object, first: int, end: int) -> bool:
    return type(value) is int and first <= value < end


def _is_text_like(value: object, pattern: Any) -> bool:  # noqa: ANN401 -- a compiled one
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_version_of(key_id: str, value: object) -> bool:
    return _is_text_like(value, KEY_VERSION_ID) and str(value).startswith(key_id)
