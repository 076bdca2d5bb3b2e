"""Resolved keys are cached, and yet never out of date for long."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from math import inf
from threading import Event, Thread
from typing import Any

import pytest

from pairsmith.errors import DatabaseError, KeyDisabled, KeyNotFound
from pairsmith.registry import Registry, maintenance
from pairsmith.registry.cache import ENTRIES, POLL_SECONDS, Cache, keep
from places import Place
from waiting import eventually


def test_second_use_reads_nothing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key used again at once is the same object, without the database."""
    key = registry.create_key().key_id
    first = registry.resolve(key, primary=True)
    registry._access.cache.fresh_until = inf  # that moment lasts as long as it takes
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
    phase, uses = 0, 0  # the phase is odd while the key is Disabled

    def use() -> None:
        nonlocal uses
        while not stop.is_set():
            began, uses = phase, uses + 1
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
        _wait_for(lambda seen=uses: uses > seen + 8)
        phase += 1
        registry.enable_key(key)
        _wait_for(lambda seen=uses: uses > seen + 8)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_knowledge_is_believed_for_less_than_a_second() -> None:
    """From before the counter was read, and never longer than until a rotation."""
    cache = Cache(lambda: 1000)
    known = cache.renew(cache.generation, 5, started=100.0)
    assert cache.fresh_until == 100.0 + POLL_SECONDS
    assert POLL_SECONDS < 1
    cache.bound(known, rotates_at_ms=1010)
    cache.renew(cache.generation, 5, started=200.0)
    assert cache.fresh_until == pytest.approx(200.01)


def test_other_nodes_changes_are_seen_when_that_time_is_over(place: Place) -> None:
    """What another node changes ends a cached use."""
    here, there = place.open(), place.open()
    key = here.create_key().key_id
    here.create_alias("alias/a", key)
    there.resolve("alias/a", primary=True)
    there._access.cache.fresh_until = inf
    here.disable_key(key)
    there.resolve("alias/a", primary=True)
    _let_time_pass(there)
    with pytest.raises(KeyDisabled):
        there.resolve("alias/a", primary=True)


def _let_time_pass(registry: Registry) -> None:
    """What was believed for a moment has to be read again."""
    registry._access.cache.fresh_until = -inf


def _wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0)


def test_other_nodes_versions_and_aliases_are_seen(place: Place) -> None:
    """A rotation, a rebound alias and a deleted alias reach the other node."""
    here, there = place.open(), place.open()
    first, second = here.create_key().key_id, here.create_key().key_id
    here.create_alias("alias/a", first)
    assert there.resolve("alias/a", primary=True).key_id == first
    here.update_alias("alias/a", second)
    newest = here.create_key_version(second).key_version_id
    _let_time_pass(there)
    assert there.resolve("alias/a", primary=True).key_version_id == newest
    here.delete_alias("alias/a")
    _let_time_pass(there)
    with pytest.raises(KeyNotFound):
        there.resolve("alias/a", primary=True)


def test_a_change_while_reading_is_not_lost() -> None:
    """What was read before a change is known to nobody after it."""
    cache = Cache(lambda: 0)
    generation = cache.generation
    first = cache.renew(generation, 5, 100.0)
    cache.empty()  # somebody else in this process writes, while this one still reads
    for known in (first, cache.renew(generation, 5, 100.0)):
        keep(known.primary, "k", object())
        cache.bound(known, rotates_at_ms=1)
    assert cache.known.primary == {}
    assert cache.fresh_until == -inf
    assert cache.present() is None


def test_what_is_known_was_found_at_one_moment() -> None:
    """Under another mark everything begins anew; who had begun keeps to what was."""
    cache = Cache(lambda: 0)
    before = cache.renew(cache.generation, 6, time.monotonic() + 1000)
    keep(before.primary, "k", "key")
    keep(before.identities, "i", "identity")
    assert cache.present() is before
    assert cache.renew(cache.generation, 6, 100.0) is before
    after = cache.renew(cache.generation, 5, 100.0)
    assert (after.primary, after.identities) == ({}, {})
    assert (before.primary, before.identities) == ({"k": "key"}, {"i": "identity"})


def test_cache_is_bounded() -> None:
    """However many names are used, the cache keeps a bounded number of them."""
    known = Cache(lambda: 0).renew(0, 1, 100.0)
    for name in range(ENTRIES + 10):
        keep(known.primary, str(name), object())
    assert len(known.primary) == ENTRIES
    assert str(ENTRIES + 9) in known.primary
    assert "0" not in known.primary


def test_a_hit_is_cheap(registry: Registry) -> None:
    """A cached use calls nothing but the clock; what it costs, `make bench` says."""
    key = registry.create_key().key_id
    registry.resolve(key, primary=True)
    registry._access.cache.fresh_until = inf
    called: list[str] = []

    def note(_frame: object, event: str, function: Any) -> None:
        if event == "c_call":
            called.append(function.__name__)
        elif event == "call":
            called.append("resolve")

    sys.setprofile(note)
    registry.resolve(key, primary=True)
    sys.setprofile(None)
    assert called == ["resolve", "monotonic", "setprofile"]


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
    eventually(lambda: registry.list_key_versions(key).total_count >= 3)
    thread = registry._access.background._thread
    assert thread.daemon
    registry.close()
    assert not thread.is_alive()
