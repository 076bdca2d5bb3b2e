"""Two re-wraps of one database, the first suspended at each of its points.

A suspended one holds its lock, unless that is taken from it: a connection that broke, a
file system without locks. The tests that say "without the lock" take it away from both,
and what is left must still lose no key.
"""

import os
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from points import DONE, REFUSED, count_points, run, run_killed, suspended
from sealed import Sealed, check_sealed, seal_with_versions

from pairsmith.errors import RootKeyError
from pairsmith.registry import Registry, rewrap, sqlite_file
from places import Place

VERSIONS = 4


@pytest.fixture(autouse=True)
def _two_batches_and_no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrap, "BATCH_ROWS", 3)
    # One suspended in a transaction keeps others out, however long they wait.
    monkeypatch.setattr(sqlite_file, "LOCK_TIMEOUT_SECONDS", 0.001)


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let re-wraps know nothing of each other."""
    monkeypatch.setattr(rewrap, "only_rewrap", lambda _database: nullcontext())


def test_the_second_is_refused(place: Place) -> None:
    """While one has the lock another one changes nothing; the first one finishes."""
    sealed = _sealed(place)
    work = _rewrapping(place)
    refused = 0
    for point in range(count_points(work)):
        with suspended(work, point) as resume:
            second = run(work)
            refused += second == REFUSED
            assert resume() == DONE or second == DONE, point
        _check(place, sealed)
    assert refused > 5


@pytest.mark.usefixtures("unlocked")
def test_the_second_ends_first_without_the_lock(sqlite_place: Place) -> None:
    """A re-wrap that goes on after another one has ended does no harm."""
    sealed = _sealed(sqlite_place)
    work = _rewrapping(sqlite_place)
    ended = 0
    for point in range(count_points(work)):
        with suspended(work, point) as resume:
            ended += run(work) == DONE
            assert resume() in (DONE, REFUSED), point
        _check(sqlite_place, sealed)
    assert ended


def test_its_connections_are_cut(postgresql_place: Place) -> None:
    """A suspended re-wrap whose locks are gone is overtaken, and does no harm."""
    place = postgresql_place
    sealed = _sealed(place)
    work = _rewrapping(place)
    for point in range(count_points(work)):
        with suspended(work, point) as resume:
            _cut_connections(place)
            assert run(work) == DONE, point
            assert resume() in (DONE, REFUSED), point
        _check(place, sealed)


def test_a_lock_that_was_lost_does_not_matter_at_the_end(
    postgresql_place: Place,
) -> None:
    """The work is done, whatever has become of the connection that held the lock."""
    sealed = _sealed(postgresql_place)
    with Registry.open(
        postgresql_place.url, postgresql_place.root_key, background=False
    ) as registry:
        report = registry.rewrap(progress=lambda *_: _cut_connections(postgresql_place))
    assert report.rewrapped == VERSIONS
    _check(postgresql_place, sealed)


def test_a_child_does_not_keep_the_lock(sqlite_place: Place) -> None:
    """A process that was forked meanwhile and lives on does not keep others out."""
    sealed = _sealed(sqlite_place)
    asked, answering = os.pipe()

    def fork_and_die(_done: int, _of: int) -> None:
        if os.fork() == 0:
            os.close(answering)
            os.read(asked, 1)  # until this test closes its end
            os._exit(0)
        os._exit(9)

    assert run(_rewrapping(sqlite_place, progress=fork_and_die)) == 9
    try:
        assert run(_rewrapping(sqlite_place)) == DONE
    finally:
        os.close(answering)
        os.close(asked)
    _check(sqlite_place, sealed)


def test_only_one_in_a_process(place: Place) -> None:
    """Two registries of one process exclude each other as two processes do."""
    one, two = place.open(), place.open()
    sealed = seal_with_versions(one, VERSIONS)

    def try_the_other(_done: int, _of: int) -> None:
        with pytest.raises(RootKeyError, match="under way"):
            two.rewrap()

    one.rewrap(progress=try_the_other)
    two.rewrap()
    _check(place, sealed)


@pytest.mark.slow
@pytest.mark.usefixtures("unlocked")
@pytest.mark.parametrize("others", [1, 2])
def test_others_end_first_at_reads_too(place: Place, others: int) -> None:
    """One that goes on after two others finds its successor file long gone."""
    sealed = _sealed(place)
    work = _rewrapping(place)
    for point in range(count_points(work, reads=True)):
        with suspended(work, point, reads=True) as resume:
            for _ in range(others):
                run(work)
            assert resume() in (DONE, REFUSED), point
        _check(place, sealed)


@pytest.mark.slow
@pytest.mark.usefixtures("unlocked")
def test_the_second_is_killed_without_the_lock(sqlite_place: Place) -> None:
    """One that goes on after another was killed, at whatever point, does no harm."""
    sealed = _sealed(sqlite_place)
    work = _rewrapping(sqlite_place)
    points = count_points(work)
    for point in range(points):
        for kill in range(points):
            with suspended(work, point) as resume:
                run_killed(work, kill)
                assert resume() in (DONE, REFUSED), (point, kill)
            _check(sqlite_place, sealed)


@pytest.mark.slow
@pytest.mark.usefixtures("unlocked")
def test_one_in_place_and_one_to_a_variable(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of two different re-wraps wins, nothing is lost."""
    monkeypatch.setenv("NAMED", (b"\7" * 32).hex())
    sealed = _sealed(sqlite_place)
    there, here = _rewrapping(sqlite_place, "env:NAMED"), _rewrapping(sqlite_place)
    for first, second in ((here, there), (there, here)):
        for point in range(count_points(here, reads=True)):
            with suspended(first, point, reads=True) as resume:
                run(second)
                assert resume() in (DONE, REFUSED), point
            both = [sqlite_place.root_key, "env:NAMED"]
            with Registry.open(sqlite_place.url, both, background=False) as registry:
                check_sealed(registry, sealed)
            _bring_home(sqlite_place)
            _check(sqlite_place, sealed)


def _sealed(place: Place) -> Sealed:
    """Fill a database with two batches, and leave no connection open."""
    with Registry.open(place.url, place.root_key, background=False) as registry:
        return seal_with_versions(registry, VERSIONS)


def _rewrapping(
    place: Place, to: Any = None, progress: Any = None
) -> Callable[[], None]:
    """Give what the command does."""

    def work() -> None:
        root_keys = [place.root_key] if to is None else [place.root_key, to]
        with Registry.open(place.url, root_keys, background=False) as registry:
            registry.rewrap(to, progress)

    return work


def _check(place: Place, sealed: Sealed) -> None:
    """See that everything opens with the file alone."""
    with Registry.open(place.url, place.root_key, background=False) as registry:
        check_sealed(registry, sealed)


def _cut_connections(place: Place) -> None:
    place.execute(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def _bring_home(place: Place) -> None:
    """Put everything under the file's root key again."""
    both = ["env:NAMED", place.root_key]
    with Registry.open(place.url, both, background=False) as registry:
        try:
            registry.rewrap(place.root_key)
        except RootKeyError:  # one in place was stopped, and is finished first
            registry.rewrap()
