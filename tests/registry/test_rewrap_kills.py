"""A re-wrap killed at each point: nothing is lost, and the same command ends it.

The number of points is counted, not assumed; see ``points.py``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from points import DONE, count_points, run, run_killed
from sealed import Sealed, check_sealed, seal_with_versions

from pairsmith.registry import FileRootKey, Registry, rewrap
from places import Place

VERSIONS = 4


@pytest.fixture(autouse=True)
def _two_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrap, "BATCH_ROWS", 3)


def rewrapping(place: Place, root_key: Any, to: Any = None) -> Callable[[], None]:
    """Give what the command does."""

    def work() -> None:
        with Registry.open(place.url, root_key, background=False) as registry:
            registry.rewrap(to)

    return work


def check(place: Place, root_key: Any, sealed: Sealed) -> None:
    """See that everything opens with the root keys at hand."""
    with Registry.open(place.url, root_key, background=False) as registry:
        check_sealed(registry, sealed)
        registry.create_key()
        check_sealed(registry, sealed)


def test_killed_at_every_point(place: Place) -> None:
    """All keys open after every kill, and the same command finishes in place."""
    sealed = _new(place)
    work = rewrapping(place, place.root_key)
    names = _names(place.directory)
    points = count_points(work)
    assert points > 10
    for point in range(points):
        assert run_killed(work, point), point
        _check_at_hand(place, [place.root_key], sealed)
        assert run(work) == DONE, point
        assert len(_root_keys_of_rows(place)) == 1
        assert _names(place.directory) == names, point
    check(place, place.root_key, sealed)


@pytest.mark.slow
def test_killed_twice(place: Place) -> None:
    """Killed in taking up what was killed, it is taken up again."""
    sealed = _new(place)
    work = rewrapping(place, place.root_key)
    for point in range(count_points(work)):
        # What is left to do has fewer points: then it may end before it is killed.
        run_killed(work, point)
        run_killed(work, point)
        _check_at_hand(place, [place.root_key], sealed)
    assert run(work) == DONE
    check(place, place.root_key, sealed)


def test_killed_at_every_point_to_a_new_file(place: Place) -> None:
    """With a new root key named, the same command finishes, the last kill included."""
    sealed = _new(place)
    present: FileRootKey = place.root_key
    points = _count_to_a_file(place)
    for point in range(points):
        new = FileRootKey(place.directory / f"root-key-{point}")
        # Both are given, as the command line does with --to.
        work = rewrapping(place, [present, new], new)
        assert run_killed(work, point), point
        _check_at_hand(place, [present, new], sealed)
        assert run(work) == DONE, point
        _check_at_hand(place, [new], sealed)
        present = new
    check(place, present, sealed)


def test_killed_at_every_point_to_a_variable(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the same for another kind of root key, there and back."""
    for name, key in (("ONE", b"\1" * 32), ("TWO", b"\2" * 32)):
        monkeypatch.setenv(name, key.hex())
    place = sqlite_place
    sealed = seal_with_versions(place.open("env:ONE"), VERSIONS)
    both = ["env:ONE", "env:TWO"]
    points = count_points(rewrapping(place, both, "env:TWO"))
    place.open(both).rewrap("env:ONE")
    for point in range(points):
        new = both[(point + 1) % 2]
        work = rewrapping(place, both, new)
        assert run_killed(work, point), point
        _check_at_hand(place, both, sealed)
        assert run(work) == DONE, point
        _check_at_hand(place, [new], sealed)


def test_killed_while_the_first_root_key_is_made(sqlite_place: Place) -> None:
    """Whatever is left of that is no obstacle to a re-wrap."""
    place = sqlite_place

    def make() -> None:
        place.root_key.load_or_create()

    for point in range(count_points(make)):
        place.root_key.path.unlink(missing_ok=True)
        for table in ("changes", "revision_pages", "key_versions"):
            place.execute(f"DELETE FROM {table}")  # noqa: S608 -- as if it were new
        assert run_killed(make, point), point
        make()
        assert run(rewrapping(place, place.root_key)) == DONE, point


def _new(place: Place) -> Sealed:
    with Registry.open(place.url, place.root_key, background=False) as registry:
        return seal_with_versions(registry, VERSIONS)


def _count_to_a_file(place: Place) -> int:
    """Count on a copy of its own, which then is gone."""
    new = FileRootKey(place.directory / "counted")
    points = count_points(rewrapping(place, [place.root_key, new], new))
    assert run(rewrapping(place, [new, place.root_key], place.root_key)) == DONE
    return points


def _check_at_hand(place: Place, root_keys: list[Any], sealed: Sealed) -> None:
    """See that everything opens, without changing what the next kill will meet."""
    with Registry.open(place.url, root_keys, background=False) as registry:
        check_sealed(registry, sealed)


def _root_keys_of_rows(place: Place) -> list[Any]:
    return place.execute("SELECT DISTINCT root_key_id FROM key_versions")


def _names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())
