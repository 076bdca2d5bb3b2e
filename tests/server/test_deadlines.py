"""Deadlines: everybody's time ends, by one timer of the event loop at a time."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from pairsmith.server.deadlines import Deadlines

SECONDS = 10.0


class FakeLoop:
    """The clock, the timers and the ready callbacks of an event loop."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[..., Any]]] = []
        self.ready: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self.armed = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., Any]) -> None:
        self.armed += 1
        self.timers.append((when, callback))

    def call_soon(self, callback: Callable[..., Any], *args: object) -> None:
        self.ready.append((callback, args))

    def advance(self, seconds: float) -> None:
        """Let time pass, and run what is due."""
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for _, callback in due:
            callback()
        while self.ready:
            ready, args = self.ready.pop(0)
            ready(*args)


@pytest.fixture
def loop() -> FakeLoop:
    """An event loop in which nothing happens by itself."""
    return FakeLoop()


@pytest.fixture
def deadlines(loop: FakeLoop) -> Deadlines:
    """Deadlines by its clock."""
    return Deadlines(SECONDS, cast("asyncio.AbstractEventLoop", loop))


def test_each_wait_ends_at_its_own_time(deadlines: Deadlines, loop: FakeLoop) -> None:
    """Neither earlier nor later, and in the order in which they began."""
    ended: list[int] = []
    for number in range(5):
        deadlines.add(lambda number=number: ended.append(number))
        loop.advance(1)
    loop.advance(SECONDS - 5 - 0.001)
    assert ended == []
    loop.advance(0.001)
    assert ended == [0]
    loop.advance(2)
    assert ended == [0, 1, 2]
    loop.advance(SECONDS)
    assert ended == [0, 1, 2, 3, 4]


def test_a_wait_that_was_ended_is_not_called(
    deadlines: Deadlines, loop: FakeLoop
) -> None:
    """The first, the last or one between; a second time it does nothing."""
    ended: list[int] = []
    handles = [
        deadlines.add(lambda number=number: ended.append(number)) for number in range(5)
    ]
    for number in (0, 2, 4, 2):
        deadlines.discard(handles[number])
    loop.advance(SECONDS)
    assert ended == [1, 3]
    deadlines.discard(handles[1])


def test_one_timer_is_armed_however_many_wait(
    deadlines: Deadlines, loop: FakeLoop
) -> None:
    """Of ten thousand waits that end well, one in a thousand sees it set."""
    waiting: list[int] = []
    for _ in range(10_000):
        waiting.append(deadlines.add(pytest.fail))
        if len(waiting) > 100:
            deadlines.discard(waiting.pop(0))
        loop.advance(SECONDS / 1000)
        assert len(loop.timers) == 1
    assert loop.armed <= 12


def test_no_timer_stays_when_nobody_waits(deadlines: Deadlines, loop: FakeLoop) -> None:
    """It fires once more at most; the next wait has one again."""
    for _ in range(3):
        ended: list[bool] = []
        deadlines.discard(deadlines.add(pytest.fail))
        loop.advance(SECONDS)
        assert loop.timers == []
        deadlines.add(lambda ended=ended: ended.append(True))
        loop.advance(SECONDS)
        assert (ended, loop.timers) == ([True], [])


def test_what_happens_in_a_callback_touches_no_other_wait(
    deadlines: Deadlines, loop: FakeLoop
) -> None:
    """It may end a wait whose time is over, too, begin one, or raise."""
    ended: list[str] = []
    handles: list[int] = []

    def end_others() -> None:
        ended.append("first")
        deadlines.discard(handles[1])
        deadlines.add(lambda: ended.append("new"))

    def raise_something() -> None:
        raise ValueError

    handles += [
        deadlines.add(end_others),
        deadlines.add(pytest.fail),
        deadlines.add(raise_something),
        deadlines.add(lambda: ended.append("last")),
    ]
    with pytest.raises(ValueError):  # noqa: PT011 -- that of this test
        loop.advance(SECONDS)
    loop.advance(0)
    assert ended == ["first", "last"]
    loop.advance(SECONDS)
    assert ended == ["first", "last", "new"]
    assert loop.timers == []


def test_a_timer_that_fires_too_early_is_set_again(
    deadlines: Deadlines, loop: FakeLoop
) -> None:
    """An event loop may call a little early, by the resolution of its clock."""
    ended: list[bool] = []
    deadlines.add(lambda: ended.append(True))
    ((when, callback),) = loop.timers
    loop.timers = []
    loop.now = when - 1e-9
    callback()
    assert (ended, len(loop.timers)) == ([], 1)
    loop.advance(1e-6)
    assert ended == [True]


def test_the_running_event_loop_is_the_default() -> None:
    """Its clock and its timers."""

    async def wait() -> None:
        ended = asyncio.Event()
        Deadlines(0.0).add(ended.set)
        await ended.wait()

    asyncio.run(wait())
