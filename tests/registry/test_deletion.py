"""Deletion: a window to change one's mind in, and then nothing left."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from clock import NOON, Clock
from pairsmith.errors import (
    AliasNotFound,
    InvalidParameter,
    KeyNotFound,
    KeyPendingDeletion,
    KeyVersionNotFound,
    RejectedUnsupportedOperation,
)
from pairsmith.registry import Registry
from places import Place

TABLES = ("keys", "key_versions", "aliases", "tags")


def test_waiting_key_tells_its_date(registry: Registry) -> None:
    """A key that waits shows the date, cannot be used, and can be brought back."""
    key = registry.create_key().key_id
    registry.schedule_key_deletion(key, 30)
    shown = registry.describe_key(key)
    assert shown.delete_date == datetime.fromtimestamp(NOON, UTC) + timedelta(days=30)
    assert shown.to_dict()["DeleteDate"] == "2027-02-14T08:00:00Z"
    with pytest.raises(KeyPendingDeletion):
        registry.resolve(key, primary=True)
    registry.cancel_key_deletion(key)
    assert "DeleteDate" not in registry.describe_key(key).to_dict()
    assert registry.resolve(key, primary=True).key_id == key


@pytest.mark.parametrize("days", [7, 366])
def test_window_is_kept_to_the_millisecond(
    registry: Registry, clock: Clock, days: int
) -> None:
    """A key lives to the end of its window, and not beyond."""
    key = registry.create_key().key_id
    registry.schedule_key_deletion(key, days)
    clock.advance(days=days, seconds=-0.002)
    assert registry.describe_key(key).key_state == "PendingDeletion"
    clock.advance(seconds=0.002)
    with pytest.raises(KeyNotFound):
        registry.describe_key(key)


@pytest.mark.parametrize("days", [6, 367, 0, -7, 7.0, "7", True, None])
def test_other_windows_are_refused(registry: Registry, days: int) -> None:
    """The window is a whole number of 7 to 366 days."""
    key = registry.create_key().key_id
    with pytest.raises(InvalidParameter, match="pending_window_days"):
        registry.schedule_key_deletion(key, days)
    assert registry.describe_key(key).key_state == "Enabled"


def _use(registry: Registry, key: str) -> None:
    registry.resolve(key, primary=False)


def _cancel(registry: Registry, key: str) -> None:
    registry.cancel_key_deletion(key)


def _describe(registry: Registry, key: str) -> None:
    registry.describe_key(key)


def _maintain(registry: Registry, key: str) -> None:
    assert registry.run_maintenance().destroyed == (key,)
    raise KeyNotFound


@pytest.mark.parametrize("notice", [_use, _cancel, _describe, _maintain])
@pytest.mark.parametrize("name", ["id", "alias"])
def test_nothing_is_left(
    place: Place, notice: Callable[[Registry, str], None], name: str
) -> None:
    """Whoever notices first destroys the key with all that belongs to it."""
    registry = place.open()
    key = registry.create_key(tags={"a": "b"}).key_id
    version = registry.create_key_version(key).key_version_id
    registry.create_alias("alias/doomed", key)
    registry.schedule_key_deletion(key, 7)
    place.clock.advance(days=8)
    with pytest.raises((KeyNotFound, AliasNotFound)):
        notice(registry, key if name == "id" or notice is _maintain else "alias/doomed")
    for table in TABLES:
        left = f"SELECT * FROM {table} WHERE key_id != 'pairsmith-server'"  # noqa: S608 -- ours
        assert place.execute(left) == []
    place.clock.advance(days=-100)
    with pytest.raises(KeyNotFound):
        registry.resolve(key, primary=True)
    with pytest.raises(KeyVersionNotFound):
        registry.resolve_version(version)
    assert registry.list_keys().total_count == 0


def test_lists_leave_out_the_destroyed(registry: Registry, clock: Clock) -> None:
    """A list never shows a key, or counts one, whose window is over."""
    gone, stays = registry.create_key().key_id, registry.create_key().key_id
    registry.schedule_key_deletion(gone, 7)
    clock.advance(days=7)
    page = registry.list_keys()
    assert [key.key_id for key in page.items] == [stays]
    assert page.total_count == 1


def test_others_keys_stay(registry: Registry, clock: Clock) -> None:
    """Destroying one key leaves the others and their names alone."""
    gone, stays = registry.create_key().key_id, registry.create_key().key_id
    registry.create_alias("alias/stays", stays)
    registry.schedule_key_deletion(gone, 7)
    clock.advance(days=7)
    assert registry.resolve("alias/stays", primary=True).key_id == stays


def test_material_is_overwritten(sqlite_place: Place) -> None:
    """After destruction the wrapped bytes are nowhere in SQLite's files."""
    registry = sqlite_place.open()
    key = registry.create_key().key_id
    ((wrapped,),) = sqlite_place.execute(
        "SELECT wrapped FROM key_versions WHERE key_id = :k", k=key
    )
    assert wrapped in _files(sqlite_place)
    registry.schedule_key_deletion(key, 7)
    sqlite_place.clock.advance(days=7)
    registry.run_maintenance()
    assert wrapped not in _files(sqlite_place)


def test_protection(registry: Registry) -> None:
    """A protected key cannot be scheduled until the protection is off."""
    key = registry.create_key(deletion_protection=True).key_id
    with pytest.raises(RejectedUnsupportedOperation, match="set_deletion_protection"):
        registry.schedule_key_deletion(key, 7)
    assert registry.resolve(key, primary=True).key_id == key
    registry.set_deletion_protection(key, enabled=False)
    registry.schedule_key_deletion(key, 7)


def test_clock_set_back_delays_destruction(registry: Registry, clock: Clock) -> None:
    """A clock set back before the end of the window destroys nothing early."""
    key = registry.create_key().key_id
    registry.schedule_key_deletion(key, 7)
    clock.advance(days=-7)
    assert registry.run_maintenance().destroyed == ()
    registry.cancel_key_deletion(key)
    assert registry.resolve(key, primary=True).key_id == key


def _files(place: Place) -> bytes:
    return b"".join(
        path.read_bytes() for path in sorted(place.directory.glob("kms.db*"))
    )
