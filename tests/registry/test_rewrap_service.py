"""The service version during a re-wrap: either root key tells what is authentic."""

from collections.abc import Callable

import pytest

from pairsmith.errors import DatabaseError
from pairsmith.registry import Registry, cache
from pairsmith.registry import rewrap as rewrapping
from places import Place

OLD, NEW = "OLD", "NEW"


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrapping, "BATCH_ROWS", 1)
    monkeypatch.setattr(cache, "POLL_SECONDS", 0.0)
    monkeypatch.setenv(OLD, "01" * 32)
    monkeypatch.setenv(NEW, "02" * 32)


class StoppedError(Exception):
    """Ends a re-wrap after its first batch."""


def _stop(_done: int, _total: int) -> None:
    raise StoppedError


def _half_done(place: Place) -> tuple[Registry, list[str]]:
    registry = place.open([f"env:{OLD}", f"env:{NEW}"])
    keys = [registry.create_key(tags={"a": "b"}).key_id for _ in range(3)]
    with pytest.raises(StoppedError):
        registry.rewrap(f"env:{NEW}", _stop)
    return registry, keys


def _states(registry: Registry) -> set[str]:
    return {each.key_state for each in registry.list_keys().items}


@pytest.mark.parametrize("held", [OLD, NEW])
def test_half_done_with_one_root_key(place: Place, held: str) -> None:
    """Every key is seen to be authentic, is tagged, and a forged one is not."""
    _, keys = _half_done(place)
    registry = place.open(f"env:{held}")
    assert _states(registry) == {"Enabled"}
    for key in keys:
        registry.tag_key(key, {"Held": held})
    place.execute("UPDATE tags SET tag_value = 'c' WHERE tag_key = 'a'")
    assert _states(place.open(f"env:{held}")) == {"Unavailable"}


DAMAGE: dict[str, Callable[[Place], object]] = {
    "nothing": lambda _place: None,
    "removed": lambda place: place.execute(
        "UPDATE registry SET next_service_version = NULL"
    ),
    "another": lambda place: place.execute(
        "UPDATE registry SET next_service_version = "
        "(SELECT wrapped FROM key_versions WHERE key_id LIKE 'key-%' LIMIT 1)"
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_was_wrapped_beforehand_is_damaged(place: Place, damage: str) -> None:
    """It is made anew from the row, and the re-wrap ends as ever."""
    registry, keys = _half_done(place)
    DAMAGE[damage](place)
    registry.rewrap(f"env:{NEW}")
    registry = place.open(f"env:{NEW}")
    assert _states(registry) == {"Enabled"}
    for key in keys:
        assert registry.resolve(key, primary=True).key_id == key
    assert place.execute("SELECT next_service_version FROM registry") == [(None,)]
    roots = place.execute("SELECT DISTINCT root_key_id FROM key_versions")
    assert len(roots) == 1


@pytest.mark.parametrize("damage", ["removed", "another"])
def test_with_the_next_root_key_alone_it_is_needed(place: Place, damage: str) -> None:
    """Without it nobody can tell what is authentic, and nothing is believed."""
    _half_done(place)
    DAMAGE[damage](place)
    registry = place.open(f"env:{NEW}")
    with pytest.raises(DatabaseError, match="service version"):
        registry.list_keys()
