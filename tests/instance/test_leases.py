"""The guard on PostgreSQL: one for a database, however that is called."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from pairsmith.errors import (
    DatabaseError,
    InvalidParameter,
    OperationCancelled,
    Throttled,
)
from pairsmith.instance import leases
from pairsmith.instance.leases import LeaseGuard
from pairsmith.registry.postgresql import PostgresqlServer
from pairsmith.registry.schema import guard_slots
from pairsmith.registry.urls import parse_database_url
from places import Place

Opening = Callable[..., LeaseGuard]


@pytest.fixture
def server_url(postgresql_place: Place) -> str:
    """A migrated PostgreSQL database of the test's own."""
    return postgresql_place.url


@pytest.fixture
def opening(server_url: str) -> Iterator[Opening]:
    """Opens guards of that database, as as many processes would."""
    opened = []

    def open_guard(limit: int = 1, name: str = "pairs", url: str = "") -> LeaseGuard:
        server = PostgresqlServer(parse_database_url(url or server_url))
        opened.append(LeaseGuard(server, name, limit))
        return opened[-1]

    yield open_guard
    for guard in opened:
        guard.close()


def _rewind(guard: LeaseGuard, milliseconds: int) -> None:
    """Let the database's clock go on, as far as leases are concerned."""
    until = guard_slots.c.valid_until_ms
    guard._run(
        sa.update(guard_slots)
        .values(valid_until_ms=until - milliseconds)
        .returning(guard_slots.c.slot)
    )


def test_second_caller_is_refused_and_served_after_release(opening: Opening) -> None:
    """A slot that somebody holds refuses at once; a released one is free."""
    first, second = opening(), opening()
    slot = first.acquire()
    for guard in (first, second):
        with pytest.raises(Throttled):
            guard.acquire()
    first.release(slot)
    second.release(second.acquire())


def test_spellings_are_one_guard(opening: Opening, server_url: str) -> None:
    """It does not matter how the host is called, nor where temporary files go."""
    other = server_url.replace("127.0.0.1", "localhost")
    first, second = opening(), opening(url=other)
    slot = first.acquire()
    with pytest.raises(Throttled):
        second.acquire()
    first.release(slot)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_limit_is_how_many_are_let_in(opening: Opening, limit: int) -> None:
    """Exactly ``limit`` slots exist, over two guards that share them."""
    first, second = opening(limit), opening(limit)
    taken = [(guard, guard.acquire()) for guard in ([first, second] * limit)[:limit]]
    for guard in (first, second):
        with pytest.raises(Throttled):
            guard.acquire()
    for guard, slot in taken:
        guard.release(slot)
    assert len([first.acquire() for _ in range(limit)]) == limit


def test_names_are_guards_of_their_own(opening: Opening) -> None:
    """The guard of RSA pairs does not take the slots of the others."""
    first, second = opening(), opening(name="pairs-rsa")
    first.acquire()
    second.acquire()


def test_only_one_of_many_threads_is_inside(opening: Opening) -> None:
    """Under contention no two threads ever hold the slot together."""
    guards, inside, most, served = [opening(), opening()], [0], [0], [0]

    def work(guard: LeaseGuard) -> None:
        for _ in range(20):
            try:
                slot = guard.acquire()
            except Throttled:
                continue
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            served[0] += 1
            guard.release(slot)

    threads = [threading.Thread(target=work, args=(guard,)) for guard in guards * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
    assert served[0] > 0


def test_dead_holder_leaves_its_slot(opening: Opening) -> None:
    """A holder of whom nothing is heard loses its slot, and cannot take it back."""
    dead, alive = opening(), opening()
    lost = dead.acquire()
    _rewind(alive, leases.LEASE_SECONDS * 1000)
    slot = alive.acquire()
    dead.run_maintenance()  # it wakes up and renews
    dead.release(lost)
    with pytest.raises(Throttled):
        dead.acquire()
    alive.release(slot)
    dead.release(dead.acquire())


def test_renewed_slot_is_kept(opening: Opening) -> None:
    """A holder that is heard of keeps its slot beyond the time of one lease."""
    first, second = opening(), opening()
    slot = first.acquire()
    for _ in range(3):
        _rewind(second, leases.LEASE_SECONDS * 600)
        first.run_maintenance()
        with pytest.raises(Throttled):
            second.acquire()
    first.release(slot)


def test_clock_that_was_set_back(opening: Opening) -> None:
    """A lease from a future that is over is no lease."""
    first, second = opening(), opening()
    first.acquire()
    _rewind(first, -3_600_000)
    second.acquire()


def test_rows_that_are_gone(opening: Opening) -> None:
    """Slots that went with a restored database are made again."""
    guard = opening()
    guard.release(guard.acquire())
    guard._run(sa.delete(guard_slots).returning(guard_slots.c.slot))
    with pytest.raises(Throttled):
        guard.acquire()
    guard._make_slots_after = 0.0  # it does not try at every refusal
    guard.release(guard.acquire())


def test_opening_writes_nothing(opening: Opening) -> None:
    """A guard asks its database only when somebody wants a slot."""
    guard = opening()
    everything = sa.delete(guard_slots).returning(guard_slots.c.slot)
    assert guard._run(everything) == []


def test_cancelled_wait_ends(opening: Opening) -> None:
    """A caller who gave up is not kept waiting; one who waits is served."""
    guard, other = opening(), opening()
    slot = guard.acquire()
    with pytest.raises(OperationCancelled):
        other.acquire(wait=60, cancelled=lambda: True)
    threading.Timer(0.05, guard.release, [slot]).start()
    other.release(other.acquire(wait=60))


def test_forked_child_competes_like_any_process(opening: Opening) -> None:
    """The parent's slot is not the child's: neither to use nor to give back."""
    guard = opening()
    slot = guard.acquire()
    child = os.fork()
    if child == 0:
        refused = 0
        guard.release(slot)  # the parent's: nothing happens
        try:
            guard.acquire()
        except Throttled:
            refused = 1
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    guard.release(slot)
    guard.release(guard.acquire())


def test_closed_guard(opening: Opening) -> None:
    """A closed guard gives out nothing; what is held is held until released."""
    guard, other = opening(), opening()
    slot = guard.acquire()
    guard.close()
    guard.close()
    with pytest.raises(DatabaseError, match="open it again"):
        guard.acquire()
    with pytest.raises(Throttled):
        other.acquire()
    guard.release(slot)
    other.release(other.acquire())


def test_database_that_is_away(opening: Opening) -> None:
    """Without its database a guard lets nobody in, and loses no answer."""
    guard = opening()
    slot = guard.acquire()
    guard._disconnect()
    guard._engine = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    guard.release(slot)  # logged: it lapses
    with pytest.raises(DatabaseError):
        guard.acquire()


def test_bad_limits_are_refused(server_url: str) -> None:
    """A limit below 1 says so."""
    server = PostgresqlServer(parse_database_url(server_url))
    with pytest.raises(InvalidParameter, match="pair_limit"):
        LeaseGuard(server, "pairs", 0)
