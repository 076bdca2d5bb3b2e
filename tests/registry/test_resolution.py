"""Resolved keys are cached, and yet never out of date for long."""

import time
from datetime import timedelta
from threading import Event, Thread

import pytest
from places import Place

from pairsmith.errors import DatabaseError, KeyDisabled, KeyNotFound
from pairsmith.registry import Registry, maintenance
from pairsmith.registry.cache import ENTRIES, Cache, Resolution, ResolvedKey


def test_second_use_reads_nothing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key used again at once is the same object, without the database."""
    key = registry.create_key().key_id
    first = registry.resolve(key, primary=True)
    monkeypatch.setattr(registry._access.database, "reading", None)
    assert registry.resolve(key, primary=True) is first


def test_own_changes_are_seen_at_once(registry: Registry) -> None:
    """In the process that disables a key, its next use fails."""
    key = registry.create_key().key_id
    for _ in range(20):
        version = registry.resolve(key, primary=True).key_version_id
        registry.resolve_version(version)
        registry.disable_key(key)
        with pytest.raises(KeyDisabled):
            registry.resolve(key, primary=True)
        with pytest.raises(KeyDisabled):
            registry.resolve(key, primary=False)
        with pytest.raises(KeyDisabled):
            registry.resolve_version(version)
        registry.enable_key(key)


def test_own_changes_are_seen_at_once_by_every_thread(registry: Registry) -> None:
    """No thread that begins a use after a disable has returned gets the key."""
    key = registry.create_key().key_id
    stop, failures = Event(), []
    phase = 0  # odd while the key is Disabled

    def use() -> None:
        while not stop.is_set():
            began = phase
            try:
                registry.resolve(key, primary=True)
            except KeyDisabled:
                continue
            if began % 2 and phase == began:
                failures.append(began)

    threads = [Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        registry.disable_key(key)
        phase += 1
        time.sleep(0.002)
        phase += 1
        registry.enable_key(key)
        time.sleep(0.002)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("warm_up_seconds", [0.0, 0.2, 0.3])
def test_other_nodes_changes_are_seen_within_a_second(
    place: Place, warm_up_seconds: float
) -> None:
    """What another node changes ends a cached use in less than a second."""
    here, there = place.open(), place.open()
    key = here.create_key().key_id
    here.create_alias("alias/a", key)
    there.resolve("alias/a", primary=True)
    time.sleep(warm_up_seconds)
    there.resolve("alias/a", primary=True)
    here.disable_key(key)
    changed = time.monotonic()
    with pytest.raises(KeyDisabled):
        _use_for(there, "alias/a", seconds=3)
    assert time.monotonic() - changed < 1


def _use_for(registry: Registry, name: str, *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        registry.resolve(name, primary=True)


def test_other_nodes_versions_and_aliases_are_seen(place: Place) -> None:
    """A rotation, a rebound alias and a deleted alias reach the other node."""
    here, there = place.open(), place.open()
    first, second = here.create_key().key_id, here.create_key().key_id
    here.create_alias("alias/a", first)
    assert there.resolve("alias/a", primary=True).key_id == first
    here.update_alias("alias/a", second)
    newest = here.create_key_version(second).key_version_id
    time.sleep(0.3)
    assert there.resolve("alias/a", primary=True).key_version_id == newest
    here.delete_alias("alias/a")
    time.sleep(0.3)
    with pytest.raises(KeyNotFound):
        there.resolve("alias/a", primary=True)


def test_a_change_while_reading_is_not_lost() -> None:
    """What was read before a change is not kept after it."""
    cache = Cache(lambda: 0)
    found = Resolution(ResolvedKey("k", "v", None), None)
    generation = cache.generation
    cache.renew(generation, 5, time.monotonic())
    cache.empty()  # somebody else in this process writes, while this one still reads
    cache.store(cache.primary, "k", found, generation=generation, counter=5)
    cache.renew(generation, 5, time.monotonic())
    assert cache.primary == {}
    assert cache.fresh_until < time.monotonic()


def test_an_older_counter_stores_nothing() -> None:
    """What was read at one change counter is not kept under another."""
    cache = Cache(lambda: 0)
    found = Resolution(ResolvedKey("k", "v", None), None)
    cache.renew(cache.generation, 6, time.monotonic())
    cache.store(cache.primary, "k", found, generation=cache.generation, counter=5)
    assert cache.primary == {}


def test_cache_is_bounded() -> None:
    """However many names are used, the cache keeps a bounded number of them."""
    cache = Cache(lambda: 0)
    found = Resolution(ResolvedKey("k", "v", None), None)
    cache.renew(cache.generation, 1, time.monotonic())
    for name in range(ENTRIES + 10):
        cache.store(cache.primary, str(name), found, generation=0, counter=1)
    assert len(cache.primary) == ENTRIES
    assert str(ENTRIES + 9) in cache.primary
    assert "0" not in cache.primary


def test_a_hit_is_cheap(registry: Registry) -> None:
    """A cached use costs a look-up, not a query: far below the 1.5 µs it may cost."""
    key = registry.create_key().key_id
    registry.resolve(key, primary=True)
    best = min(_seconds_per_use(registry, key) for _ in range(20))
    assert best < 1.5e-6


def _seconds_per_use(registry: Registry, key: str) -> float:
    began = time.perf_counter()
    for _ in range(2000):
        registry.resolve(key, primary=True)
    return (time.perf_counter() - began) / 2000


def test_closed_registry_says_so(place: Place) -> None:
    """After close every use fails with what to do, also of what was cached."""
    registry = place.open()
    key = registry.create_key().key_id
    registry.resolve(key, primary=True)
    registry.close()
    registry.close()
    for use in (
        lambda: registry.resolve(key, primary=True),
        lambda: registry.describe_key(key),
        registry.create_key,
        registry.run_maintenance,
    ):
        with pytest.raises(DatabaseError, match="open it again"):
            use()


def test_background_pass(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The background thread starts on use, rotates unused keys, and ends at close."""
    monkeypatch.setattr(maintenance, "PERIOD_SECONDS", 0.05)
    registry = place.open(clock=time.time, background=True, allow_short_intervals=True)
    assert registry._access.background._thread is None
    key = registry.create_key(rotation_interval=timedelta(milliseconds=1)).key_id
    deadline = time.monotonic() + 5
    while registry.list_key_versions(key).total_count < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    thread = registry._access.background._thread
    assert thread.daemon
    registry.close()
    assert not thread.is_alive()
