"""Turns: no client keeps the slots of the pairs from the others."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clock import Clock
from pairsmith.errors import Throttled
from pairsmith.server.path import turns as module
from pairsmith.server.path.refusals import QuotaExceeded
from pairsmith.server.path.turns import ASKING_SECONDS, Turn, Turns
from pairsmith.server.settings import Pairs
from waiting import PATIENCE_SECONDS


class Slot:
    """The one slot that the guard has, as far as turns can know."""

    def __init__(self) -> None:
        self.is_taken = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take it, or be refused, as by the guard."""
        if self.is_taken:
            raise Throttled
        self.is_taken = True
        try:
            yield
        finally:
            self.is_taken = False


@pytest.fixture
def clock() -> Clock:
    """Stands still until told otherwise."""
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., Turns]:
    """Makes turns with settings of one's own, by that clock."""
    patient = {"turn_ms": PATIENCE_SECONDS * 1000}

    def made(workers: int = 1, **settings: int) -> Turns:
        return Turns(Pairs(**(patient | settings)), workers, clock)

    return made


def rsa(turns: Turns, name: str) -> Turn:
    """A turn for an RSA pair."""
    return turns.of(name, is_long=True)


def curve(turns: Turns, name: str) -> Turn:
    """A turn for a pair of an elliptic curve."""
    return turns.of(name, is_long=False)


def test_a_client_that_is_alone_pauses_for_nobody(
    make: Callable[..., Turns], clock: Clock
) -> None:
    """One RSA pair after the other, as fast as they can be made."""
    turns = make()
    for _ in range(100):
        with rsa(turns, "hog").attempt():
            clock.advance(seconds=1)


@pytest.mark.parametrize(
    ("workers", "share", "pause"), [(1, 50, 2), (1, 20, 8), (1, 80, 0.5), (4, 50, 14)]
)
def test_while_others_ask_a_client_has_its_share_of_the_time(
    make: Callable[..., Turns], clock: Clock, workers: int, share: int, pause: float
) -> None:
    """After a pair of two seconds it pauses for as long as its share says.

    In each of several workers it has a part of its share.
    """
    turns = make(workers, share_percent=share)
    with curve(turns, "other").attempt():
        pass
    with rsa(turns, "hog").attempt():
        clock.advance(seconds=2)
    with pytest.raises(QuotaExceeded) as refused, rsa(turns, "hog").attempt():
        pass
    assert refused.value.seconds == pytest.approx(pause)
    clock.advance(seconds=pause)
    with rsa(turns, "hog").attempt():
        pass


def test_the_share_is_each_clients_own(
    make: Callable[..., Turns], clock: Clock
) -> None:
    """A client pauses for its own pairs, and for RSA only: curves take no time."""
    turns = make()
    with rsa(turns, "hog").attempt():
        clock.advance(seconds=5)
    for turn in (rsa(turns, "other"), curve(turns, "other"), curve(turns, "hog")):
        with turn.attempt():
            pass
    with pytest.raises(QuotaExceeded), rsa(turns, "hog").attempt():
        pass


def test_when_others_ask_no_more_the_pause_is_over(
    make: Callable[..., Turns], clock: Clock
) -> None:
    """A client that has left long ago keeps nobody waiting."""
    turns = make(share_percent=1)
    with curve(turns, "other").attempt():
        pass
    with rsa(turns, "hog").attempt():
        clock.advance(seconds=ASKING_SECONDS)
    with rsa(turns, "hog").attempt():
        pass


def test_at_a_share_of_all_there_is_no_pause(
    make: Callable[..., Turns], clock: Clock
) -> None:
    """100 % is how an operator says that shares are not wanted."""
    turns = make(4, share_percent=100)
    for name in ("other", "hog", "hog"):
        with rsa(turns, name).attempt():
            clock.advance(seconds=1)


async def refused_first(turn: Turn, slot: Slot) -> None:
    """Make an attempt that finds the slot taken."""
    with pytest.raises(Throttled), turn.attempt(), slot.taken():
        pass


def run(test: Callable[[], Any]) -> None:
    """Run a test that waits."""
    asyncio.run(test())


def test_another_clients_request_gets_the_slot_next(
    make: Callable[..., Turns],
) -> None:
    """While it waits no further RSA pair begins, until it had its turn."""

    async def test() -> None:
        turns, slot = make(), Slot()
        waiting = curve(turns, "other")
        with rsa(turns, "hog").attempt(), slot.taken():
            await refused_first(waiting, slot)
            waited = asyncio.create_task(waiting.wait())
            await asyncio.sleep(0)
            assert not waited.done()
        with pytest.raises(Throttled) as refused, rsa(turns, "hog").attempt():
            pass
        assert refused.type is Throttled  # its share would have allowed it
        assert await waited
        with waiting.attempt(), slot.taken():
            pass
        with rsa(turns, "hog").attempt(), slot.taken():
            pass

    run(test)


def test_clients_have_their_turns_in_the_order_in_which_they_came(
    make: Callable[..., Turns],
) -> None:
    """Each pair that ends wakes one of them: the one that came first."""

    async def test() -> None:
        turns, slot = make(), Slot()
        line = [rsa(turns, f"client {number}") for number in range(3)]
        tasks = []
        with rsa(turns, "hog").attempt(), slot.taken():
            for turn in line:
                await refused_first(turn, slot)
                tasks.append(asyncio.create_task(turn.wait()))
                await asyncio.sleep(0)
        for number, turn in enumerate(line):
            assert await tasks[number]
            assert [task.done() for task in tasks[number + 1 :]] == [False] * (
                2 - number
            )
            with turn, turn.attempt(), slot.taken():
                pass

    run(test)


def test_one_request_of_each_client_waits(make: Callable[..., Turns]) -> None:
    """A second one is refused at once, so nobody takes all places of the line."""

    async def test() -> None:
        turns, slot = make(), Slot()
        first, second = curve(turns, "other"), curve(turns, "other")
        own = rsa(turns, "hog")
        with rsa(turns, "hog").attempt(), slot.taken():
            await refused_first(first, slot)
            waited = asyncio.create_task(first.wait())
            await asyncio.sleep(0)
            await refused_first(second, slot)
            assert not await second.wait()
            with pytest.raises(Throttled), own.attempt():
                pass
            assert not await own.wait()
        assert await waited

    run(test)


def test_there_are_so_many_places_in_the_line(make: Callable[..., Turns]) -> None:
    """Whoever comes when they are taken is refused at once."""

    async def test() -> None:
        turns, slot = make(waiting=1), Slot()
        first, second = curve(turns, "one"), curve(turns, "two")
        with rsa(turns, "hog").attempt(), slot.taken():
            await refused_first(first, slot)
            waited = asyncio.create_task(first.wait())
            await asyncio.sleep(0)
            await refused_first(second, slot)
            assert not await second.wait()
        assert await waited

    run(test)


@pytest.mark.parametrize("settings", [{"turn_ms": 0}, {"waiting": 0}])
def test_waiting_can_be_switched_off(
    make: Callable[..., Turns], settings: dict[str, int]
) -> None:
    """Then the answer is that of the documented service: refused at once."""

    async def test() -> None:
        turns, slot = make(**settings), Slot()
        turn = curve(turns, "other")
        with rsa(turns, "hog").attempt(), slot.taken():
            await refused_first(turn, slot)
            assert not await turn.wait()

    run(test)


def test_nobody_waits_for_a_slot_that_is_taken_elsewhere(
    make: Callable[..., Turns],
) -> None:
    """Nobody here would hand it over, so the guard's refusal stands."""

    async def test() -> None:
        turns, slot = make(), Slot()
        turn = curve(turns, "other")
        with slot.taken():
            await refused_first(turn, slot)
            assert not await turn.wait()

    run(test)


def test_a_pair_that_has_ended_meanwhile_is_not_waited_for(
    make: Callable[..., Turns],
) -> None:
    """Who was refused because of it tries again at once: nobody would wake it."""

    async def test() -> None:
        turns, slot = make(), Slot()
        turn = curve(turns, "other")
        with rsa(turns, "hog").attempt(), slot.taken():
            await refused_first(turn, slot)
        assert await turn.wait()

    run(test)


@pytest.mark.parametrize("how", ["too long", "cancelled"])
def test_who_leaves_the_line_stands_in_nobodys_way(
    make: Callable[..., Turns], how: str
) -> None:
    """RSA pairs of others begin again."""

    async def test() -> None:
        turns, slot = make(turn_ms=1 if how == "too long" else 5000), Slot()
        leaving = curve(turns, "leaving")
        with rsa(turns, "hog").attempt(), slot.taken(), leaving:
            await refused_first(leaving, slot)
            waited = asyncio.create_task(leaving.wait())
            await asyncio.sleep(0)
            if how == "cancelled":
                waited.cancel()
            await asyncio.wait([waited])
            assert waited.cancelled() or not waited.result()
        with rsa(turns, "third").attempt(), slot.taken():
            pass

    run(test)


def test_who_was_woken_and_leaves_wakes_the_next(make: Callable[..., Turns]) -> None:
    """A slot that was handed over to a request that broke off goes to the next."""

    async def test() -> None:
        turns, slot = make(), Slot()
        first, second = curve(turns, "one"), curve(turns, "two")
        tasks = []
        with rsa(turns, "hog").attempt(), slot.taken():
            for turn in (first, second):
                await refused_first(turn, slot)
                tasks.append(asyncio.create_task(turn.wait()))
                await asyncio.sleep(0)
        assert await tasks[0]
        turns.leave(first)
        assert await tasks[1]

    run(test)


def test_a_refused_attempt_costs_no_share_and_hands_over_nothing(
    make: Callable[..., Turns], clock: Clock
) -> None:
    """A client that hammers at a taken slot wakes nobody and pauses for nothing."""

    async def test() -> None:
        turns, slot = make(), Slot()
        waiting = curve(turns, "other")
        with rsa(turns, "hog").attempt(), slot.taken():
            await refused_first(waiting, slot)
            waited = asyncio.create_task(waiting.wait())
            await asyncio.sleep(0)
            for _ in range(5):
                await refused_first(curve(turns, "third"), slot)
                clock.advance(seconds=0.1)
                await asyncio.sleep(0)
            assert not waited.done()
        assert await waited

    run(test)


def test_clients_that_ask_no_more_are_forgotten(
    make: Callable[..., Turns], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered of clients does not grow without end."""
    monkeypatch.setattr(module, "CLIENTS", 8)
    turns = make()
    for number in range(100):
        with curve(turns, f"client {number}").attempt():
            clock.advance(seconds=ASKING_SECONDS / 4)
        assert len(turns._clients) <= 8
