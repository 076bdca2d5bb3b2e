"""Versions and rotation: by hand, when due, and never twice."""

import time
from collections.abc import Callable
from datetime import timedelta
from math import inf
from multiprocessing import get_context
from threading import Barrier, Thread

import pytest

from clock import Clock
from pairsmith.errors import KeyVersionNotFound
from pairsmith.registry import Registry
from places import Place


def test_new_version_becomes_primary(registry: Registry) -> None:
    """The initial version stays for ever; the newest is primary; all keep opening."""
    key = registry.create_key()
    added = [registry.create_key_version(key.key_id) for _ in range(3)]
    ids = [key.initial_key_version, *(version.key_version_id for version in added)]
    assert len(set(ids)) == 4
    initial = registry.resolve(key.key_id, primary=False)
    primary = registry.resolve(key.key_id, primary=True)
    assert initial.key_version_id == initial.wrapping_key.key_version_id == ids[0]
    assert primary.key_version_id == primary.wrapping_key.key_version_id == ids[-1]
    assert [registry.resolve_version(each).key_version_id for each in ids] == ids
    listed = registry.list_key_versions(key.key_id, page_size=100).items
    assert [version.key_version_id for version in listed] == ids
    assert registry.describe_key_version(key.key_id, ids[1]) == added[0]


def test_versions_share_no_material(registry: Registry) -> None:
    """What one version has sealed no other version opens."""
    key = registry.create_key().key_id
    registry.create_key_version(key)
    old = registry.resolve(key, primary=False).wrapping_key
    new = registry.resolve(key, primary=True).wrapping_key
    iv, blob = old.seal(b"secret", b"", advance=False)
    assert old.open(blob, iv, b"")[0] == b"secret"
    with pytest.raises(Exception, match="Nothing was decrypted"):
        new.open(blob, iv, b"")


def test_version_of_another_key(registry: Registry) -> None:
    """A version is described only under its own key."""
    first, second = registry.create_key(), registry.create_key()
    with pytest.raises(KeyVersionNotFound, match=first.key_id):
        registry.describe_key_version(first.key_id, second.primary_key_version)


@pytest.mark.parametrize("name", ["", "x", "key-" + "0" * 32, "\0" * 36, None, 3])
def test_unknown_version(registry: Registry, name: str) -> None:
    """A version id that nobody has, whatever it looks like, is not found."""
    with pytest.raises(KeyVersionNotFound):
        registry.resolve_version(name)
    with pytest.raises(KeyVersionNotFound):
        registry.resolve_version("key-" + "0" * 21 + "-" + "0" * 10)


def test_rotation_on_use(registry: Registry, clock: Clock) -> None:
    """A key that is due has a new primary version when it is next used."""
    key = registry.create_key(rotation_interval="30d")
    name = key.key_id
    clock.advance(days=30, seconds=-0.002)
    registry._access.cache.fresh_until = 0.0
    before = registry.resolve(name, primary=True)
    assert before.key_version_id == key.initial_key_version
    clock.advance(seconds=0.002)
    registry._access.cache.fresh_until = (
        0.0  # the moment has come for the real clock, too
    )
    after = registry.resolve(name, primary=True)
    assert after.key_version_id != key.initial_key_version
    assert registry.resolve(name, primary=False).key_version_id == (
        key.initial_key_version
    )
    shown = registry.describe_key(name)
    assert shown.primary_key_version == after.key_version_id
    assert shown.last_rotation_date == key.creation_date + timedelta(days=30)
    assert shown.next_rotation_date == key.creation_date + timedelta(days=60)


def test_cached_key_rotates_when_its_moment_comes(place: Place) -> None:
    """A cached primary version is used up to the rotation date, and not beyond it."""
    registry = place.open(allow_short_intervals=True)
    cache = registry._access.cache
    key = registry.create_key(rotation_interval=timedelta(milliseconds=125)).key_id
    seen = []
    for _ in range(5):
        seen.append(registry.resolve(key, primary=True).key_version_id)
        assert cache.fresh_until < time.monotonic() + 0.125
        place.clock.advance(seconds=0.0625)
        cache.fresh_until = -inf  # as long as that it was believed at most
        assert registry.resolve(key, primary=True).key_version_id == seen[-1]
        place.clock.advance(seconds=0.0625)
        cache.fresh_until = -inf
    assert len(set(seen)) == 5
    assert registry.list_key_versions(key).total_count == 5


def test_rotation_by_maintenance(registry: Registry, clock: Clock) -> None:
    """The background pass rotates what is due, once, and reports it."""
    due = registry.create_key(rotation_interval="7d").key_id
    registry.create_key(rotation_interval="30d")
    registry.create_key()
    clock.advance(days=7)
    assert registry.run_maintenance().rotated == (due,)
    assert registry.run_maintenance().rotated == ()
    assert registry.list_key_versions(due).total_count == 2


def test_long_absence_rotates_once(registry: Registry, clock: Clock) -> None:
    """Ten missed rotations give one new version; the next is due later."""
    key = registry.create_key(rotation_interval="7d").key_id
    clock.advance(days=75)
    registry.run_maintenance()
    registry.run_maintenance()
    assert registry.list_key_versions(key).total_count == 2
    shown = registry.describe_key(key)
    assert shown.next_rotation_date == shown.last_rotation_date + timedelta(days=7)


def test_rotation_by_hand_counts(registry: Registry, clock: Clock) -> None:
    """A version made by hand puts the next automatic one off."""
    key = registry.create_key(rotation_interval="7d").key_id
    clock.advance(days=6)
    registry.create_key_version(key)
    clock.advance(days=6)
    assert registry.run_maintenance().rotated == ()
    clock.advance(days=1)
    assert registry.run_maintenance().rotated == (key,)


def test_suspended_while_not_enabled(registry: Registry, clock: Clock) -> None:
    """A Disabled key does not rotate; enabled again, it does what it missed, once."""
    key = registry.create_key(rotation_interval="7d").key_id
    registry.disable_key(key)
    shown = registry.describe_key(key).to_dict()
    assert shown["AutomaticRotation"] == "Suspended"
    assert shown["RotationInterval"] == "604800s"
    assert "NextRotationDate" in shown
    clock.advance(days=20)
    assert registry.run_maintenance().rotated == ()
    registry.enable_key(key)
    assert registry.describe_key(key).automatic_rotation == "Enabled"
    registry.resolve(key, primary=True)
    assert registry.list_key_versions(key).total_count == 2


def test_policy_can_be_changed_and_ended(registry: Registry, clock: Clock) -> None:
    """The next date follows from the last rotation and the present interval."""
    key = registry.create_key()
    registry.update_rotation_policy(key.key_id, enabled=True, rotation_interval="90d")
    shown = registry.describe_key(key.key_id)
    assert shown.next_rotation_date == key.creation_date + timedelta(days=90)
    registry.update_rotation_policy(key.key_id, enabled=False)
    shown = registry.describe_key(key.key_id)
    assert shown.automatic_rotation == "Disabled"
    assert not {"RotationInterval", "NextRotationDate"} & shown.to_dict().keys()
    clock.advance(days=400)
    assert registry.run_maintenance().rotated == ()


def test_clock_set_back_rotates_nothing_twice(registry: Registry, clock: Clock) -> None:
    """A clock that jumps ahead and back gives one version, and keeps the order."""
    key = registry.create_key(rotation_interval="7d")
    clock.advance(days=8)
    registry.run_maintenance()
    clock.advance(days=-8)
    for _ in range(3):
        registry.run_maintenance()
        registry.resolve(key.key_id, primary=True)
    assert registry.list_key_versions(key.key_id).total_count == 2
    clock.advance(days=-400)
    newest = registry.create_key_version(key.key_id).key_version_id
    listed = registry.list_key_versions(key.key_id).items
    assert listed[0].key_version_id == key.initial_key_version
    assert listed[-1].key_version_id == newest
    assert registry.resolve(key.key_id, primary=True).key_version_id == newest


def _resolve(registry: Registry, key: str) -> None:
    registry.resolve(key, primary=True)


def _maintain(registry: Registry, _: str) -> None:
    registry.run_maintenance()


@pytest.mark.parametrize("act", [_resolve, _maintain])
def test_many_threads_rotate_once(
    place: Place, act: Callable[[Registry, str], None]
) -> None:
    """However many threads of two nodes find a key due, it rotates once."""
    nodes = [place.open(), place.open()]
    key = nodes[0].create_key(rotation_interval="7d").key_id
    for due in range(1, 4):
        place.clock.advance(days=7)
        for node in nodes:
            node._access.cache.fresh_until = 0.0
        barrier = Barrier(8)

        def race(node: Registry, barrier: Barrier = barrier) -> None:
            barrier.wait()
            act(node, key)

        threads = [Thread(target=race, args=(nodes[n % 2],)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert nodes[0].list_key_versions(key).total_count == due + 1


def test_many_processes_rotate_once(place: Place) -> None:
    """However many processes find a key due, it rotates once."""
    registry = place.open()
    key = registry.create_key(rotation_interval="7d").key_id
    place.clock.advance(days=7)
    context = get_context("fork")
    barrier = context.Barrier(4)
    processes = [
        context.Process(target=_rotate_together, args=(place, key, barrier))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert registry.list_key_versions(key).total_count == 2


def _rotate_together(place: Place, key: str, barrier: Barrier) -> None:
    options = {"clock": place.clock, "background": False}
    with Registry.open(place.url, place.root_key, **options) as registry:
        barrier.wait()
        registry.resolve(key, primary=True)
        registry.run_maintenance()
