"""How callers in event loops are told: together, in time, and whoever has gone."""

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from entries import KEY, entry, requests

from pairsmith.server.audit import AuditEntry, AuditLog, AuditUnavailable
from pairsmith.server.audit import log as log_module

SAFETY_SECONDS = 60
"""Only a defect lasts as long."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop that counts how often it is woken, and has a clock of its own.

    Attributes:
        now: The time.
        wakes: Calls from other threads.
        complaints: What it was told of that went wrong.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.wakes = 0
        self.complaints: list[dict[str, Any]] = []
        super().__init__()
        self.set_exception_handler(lambda _, told: self.complaints.append(told))

    def time(self) -> float:
        return self.now

    def call_soon_threadsafe(self, *args: Any, **options: Any) -> asyncio.Handle:
        self.wakes += 1
        return super().call_soon_threadsafe(*args, **options)

    def serve(self, work: Callable[["Loop"], Coroutine[Any, Any, None]]) -> None:
        """Do this, and nothing may go wrong beside it."""
        with asyncio.Runner(loop_factory=lambda: self) as runner:
            runner.run(work(self))
        assert self.complaints == []


class Disk:
    """A disk that hangs: each ``fdatasync`` waits until it is let go.

    Attributes:
        begun: Set when one has begun.
        let_go: Set lets all go on.
        syncs: How many there were.
    """

    def __init__(self) -> None:
        self.begun, self.let_go = Event(), Event()
        self.syncs = 0

    def fdatasync(self, _: int) -> None:
        """Hang."""
        self.syncs += 1
        self.begun.set()
        assert self.let_go.wait(SAFETY_SECONDS)

    async def until_it_hangs(self) -> None:
        """Wait for it, in an event loop that goes on."""
        await asyncio.to_thread(self.begun.wait, SAFETY_SECONDS)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """The disk of the log."""
    made = Disk()
    monkeypatch.setattr(os, "fdatasync", made.fdatasync)
    yield made
    made.let_go.set()


@contextmanager
def opened(path: Path) -> Iterator[AuditLog]:
    """A log that is closed in the end."""
    log = AuditLog.open(path, KEY)
    yield log
    log.close()


async def recorded(log: AuditLog, made: AuditEntry) -> None:
    """Wait, as a request does, until the log has taken an entry."""
    await log.recorded(made)


def begin(log: AuditLog, *names: object) -> list[asyncio.Task[None]]:
    """Let requests of these names wait for their entries."""
    return [asyncio.create_task(recorded(log, entry(str(name)))) for name in names]


async def steps() -> None:
    """Let everything happen that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_an_event_loop_is_woken_once_for_a_group(path: Path, disk: Disk) -> None:
    """However many of its callers were in it."""

    async def work(loop: Loop) -> None:
        first = begin(log, "first")
        await disk.until_it_hangs()
        others = begin(log, *range(100))
        await steps()
        before = loop.wakes
        disk.let_go.set()
        await asyncio.gather(*first, *others)
        assert (disk.syncs, loop.wakes - before) == (2, 2)

    with opened(path) as log:
        Loop().serve(work)
    assert requests(path) == ["first", *map(str, range(100))]


def test_what_an_event_loop_wants_at_a_time_is_one_group(
    path: Path, disk: Disk
) -> None:
    """The thread that writes does not go off with the first of many."""

    async def work(loop: Loop) -> None:
        for number in range(1, 4):
            await asyncio.gather(*begin(log, *range(100)))
            assert (disk.syncs, loop.wakes) == (number, number)

    disk.let_go.set()
    with opened(path) as log:
        Loop().serve(work)
    assert requests(path) == [*map(str, range(100))] * 3


def test_each_event_loop_is_woken_for_its_own(path: Path, disk: Disk) -> None:
    """Callers of two loops, and a thread, may be in one group."""
    names = [f"{loop}-{number}" for loop in "ab" for number in range(10)]
    waiting = {"a": Event(), "b": Event()}
    wakes: list[int] = []

    async def work(name: str, loop: Loop) -> None:
        tasks = begin(log, *[each for each in names if each.startswith(name)])
        await steps()
        before = loop.wakes
        waiting[name].set()
        await asyncio.gather(*tasks)
        wakes.append(loop.wakes - before)

    with opened(path) as log:
        first = log.submit(entry("first"))
        assert disk.begun.wait(SAFETY_SECONDS)
        threads = [
            Thread(target=Loop().serve, args=[lambda loop, name=name: work(name, loop)])
            for name in waiting
        ]
        for thread in threads:
            thread.start()
        for each in waiting.values():
            assert each.wait(SAFETY_SECONDS)
        last = log.submit(entry("last"))
        disk.let_go.set()
        for thread in threads:
            thread.join(SAFETY_SECONDS)
        for future in (first, last):
            assert future.result(SAFETY_SECONDS) is None
    assert (disk.syncs, wakes) == (2, [1, 1])
    assert sorted(requests(path)) == sorted([*names, "first", "last"])


def test_a_disk_that_hangs_refuses_everybody_at_their_own_time(
    path: Path, disk: Disk
) -> None:
    """By one timer; those who came later, and all after it works again, are served."""

    async def work(loop: Loop) -> None:
        patience = log_module.WAIT_SECONDS
        early = begin(log, *range(50))
        await disk.until_it_hangs()
        loop.now = patience / 2
        late = begin(log, "late")
        await steps()
        loop.now = patience - 1
        await steps()
        assert not any(each.done() for each in (*early, *late))
        loop.now = patience
        refusals = await asyncio.gather(*early, return_exceptions=True)
        assert len(set(map(id, refusals))) == len(early)
        for each in refusals:
            assert isinstance(each, AuditUnavailable)
            assert "did not take an entry within" in str(each)
        await steps()
        assert not late[0].done()
        disk.let_go.set()
        await late[0]
        await asyncio.gather(*begin(log, "later"))

    with opened(path) as log:
        Loop().serve(work)
    assert requests(path)[-2:] == ["late", "later"]


def test_a_group_that_is_refused_is_refused_to_each(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that was raised twice would tell two stories."""

    def full(_: int, __: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def work(_: Loop) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            tasks = begin(log, *range(10))
            refusals = await asyncio.gather(*tasks, return_exceptions=True)
        assert len(set(map(id, refusals))) == 10
        for each in refusals:
            assert isinstance(each, AuditUnavailable)
            assert "make room" in str(each)
        await asyncio.gather(*begin(log, "then"))

    with opened(path) as log:
        Loop().serve(work)
    assert requests(path) == ["then"]


def test_whoever_stops_waiting_leaves_the_entry_to_be_written(
    path: Path, disk: Disk
) -> None:
    """Nobody else is disturbed, and no time of theirs goes on running."""

    async def work(loop: Loop) -> None:
        tasks = begin(log, *range(10))
        await disk.until_it_hangs()
        for each in tasks[::2]:
            each.cancel()
        await steps()
        assert [each.cancelled() for each in tasks] == [True, False] * 5
        disk.let_go.set()
        await asyncio.gather(*tasks[1::2])
        loop.now = 10 * log_module.WAIT_SECONDS
        await steps()

    with opened(path) as log:
        Loop().serve(work)
    assert sorted(requests(path)) == list(map(str, range(10)))


def test_an_event_loop_that_has_ended_is_in_nobody_s_way(
    path: Path, disk: Disk
) -> None:
    """Its entries are written, and others are served, in another loop too."""

    async def leave(_: Loop) -> None:
        tasks = begin(log, "left")
        await disk.until_it_hangs()
        assert not tasks[0].done()

    async def work(_: Loop) -> None:
        await asyncio.gather(*begin(log, "other loop"))

    with opened(path) as log:
        Loop().serve(leave)
        waiting = log.submit(entry("thread"))
        disk.let_go.set()
        assert waiting.result(SAFETY_SECONDS) is None
        Loop().serve(work)
    assert requests(path) == ["left", "thread", "other loop"]


def test_a_closed_log_refuses_at_once(path: Path) -> None:
    """As one does that takes no more, and its callers are told like all others."""

    async def work(_: Loop) -> None:
        with pytest.raises(AuditUnavailable, match="closed"):
            await recorded(log, entry())

    log = AuditLog.open(path, KEY)
    log.close()
    Loop().serve(work)
