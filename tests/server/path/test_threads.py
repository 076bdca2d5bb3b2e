"""Threads: bounded, honest about being full, and shared by all who ask for them."""

import asyncio
import gc
import os
import sys
import threading
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from pairsmith.errors import ServiceUnavailable, Throttled
from pairsmith.server.path.bodies import NOBODY
from pairsmith.server.path.refusals import QuotaExceeded, retry_headers
from pairsmith.server.path.threads import FairThreads, _Call, _Share
from waiting import PATIENCE_SECONDS, eventually


class Blocking:
    """Calls that note that they have begun, and end when they are let."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._may_end: dict[str, threading.Event] = {}
        self._begins = threading.Semaphore(0)

    def call(self, name: str) -> Callable[[], str]:
        """A call of that name, which gives the name."""
        may_end = self._may_end.setdefault(name, threading.Event())

        def work() -> str:
            self.begun.append(name)
            self._begins.release()
            may_end.wait()
            return name

        return work

    async def wait_for(self, count: int) -> None:
        """Wait until so many more have begun."""
        for _ in range(count):
            acquire = partial(self._begins.acquire, timeout=PATIENCE_SECONDS)
            assert await asyncio.to_thread(acquire)

    def end(self, *names: str) -> None:
        """Let them end; without names, all of them."""
        for name in names or list(self._may_end):
            self._may_end[name].set()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test in an event loop, where nothing fails that nobody waits for."""
    failed: list[dict[str, Any]] = []

    async def watched() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failed.append(context))
        await asyncio.wait_for(test(), PATIENCE_SECONDS)

    asyncio.run(watched())
    assert not failed


async def enter(
    threads: FairThreads, who: str, work: Callable[[], Any]
) -> asyncio.Task[Any]:
    """Let a call go in, wherever it comes to be."""
    task = asyncio.create_task(threads.run(who, work))
    await asyncio.sleep(0)
    return task


def test_a_flood_of_one_leaves_threads_for_another_at_once() -> None:
    """All calls of the flood are blocked, and still are when the other's has ended."""

    async def test() -> None:
        threads, flood = FairThreads("test", 4, 100, ServiceUnavailable), Blocking()
        tasks = [
            await enter(threads, "flood", flood.call(str(number)))
            for number in range(50)
        ]
        await flood.wait_for(2)
        for _ in range(10):
            assert await threads.run("other", lambda: 5) == 5
        assert sorted(flood.begun) == ["0", "1"]
        assert not any(task.done() for task in tasks)
        flood.end()
        assert await asyncio.gather(*tasks) == [str(number) for number in range(50)]
        await threads.close()

    run(test)


@pytest.mark.parametrize(
    ("who", "count", "percent", "most"),
    [
        ("one", 8, 50, 4),
        ("one", 3, 50, 1),
        ("one", 1, 50, 1),
        ("one", 8, 100, 8),
        (NOBODY, 8, 50, 2),
        (NOBODY, 8, 100, 2),
        (NOBODY, 3, 50, 1),
    ],
)
def test_a_principal_has_its_share_of_the_threads(
    who: str, count: int, percent: int, most: int
) -> None:
    """Half of them, or as it was said; all strangers together a quarter."""

    async def test() -> None:
        threads = FairThreads(
            "test", count, 100, ServiceUnavailable, share_percent=percent
        )
        calls = Blocking()
        tasks = [
            await enter(threads, who, calls.call(str(number)))
            for number in range(count + 1)
        ]
        await calls.wait_for(most)
        assert threads._idle == count - most
        assert len(calls.begun) == most
        for number in range(count + 1 - most):  # as one ends the next one begins
            calls.end(str(number))
            await tasks[number]
            await calls.wait_for(1)
            assert len(calls.begun) == most + number + 1
        calls.end()
        await threads.close()

    run(test)


def test_principals_take_turns_and_each_keeps_its_order() -> None:
    """One call of each, however many the first one has put in front."""

    async def test() -> None:
        threads, calls = FairThreads("test", 1, 100, ServiceUnavailable), Blocking()
        names = ["a1", "a2", "a3", "a4", "b1", "b2", "c1", "c2", "c3", NOBODY]
        tasks = [await enter(threads, name[:1], calls.call(name)) for name in names]
        calls.end()
        await asyncio.gather(*tasks)
        await threads.close()
        first, second = ["a1", "b1", "c1", NOBODY], ["a2", "b2", "c2"]
        assert calls.begun == [*first, *second, "a3", "c3", "a4"]

    run(test)


def test_who_comes_while_others_flood_waits_for_one_call_of_each() -> None:
    """Two of them keep all threads busy; the third one is the next."""

    async def test() -> None:
        threads, calls = FairThreads("test", 2, 100, ServiceUnavailable), Blocking()
        tasks = [
            await enter(threads, who, calls.call(f"{who}{number}"))
            for number in range(10)
            for who in "ab"
        ]
        await calls.wait_for(2)
        tasks.append(await enter(threads, "c", calls.call("c")))
        assert sorted(calls.begun) == ["a0", "b0"]
        calls.end("a0")
        await calls.wait_for(1)
        assert calls.begun[2:] == ["c"]
        calls.end()
        await asyncio.gather(*tasks)
        await threads.close()

    run(test)


def test_every_thread_that_becomes_free_is_for_who_waits() -> None:
    """Whoever had it before, and up to the share of the one who waits."""

    async def test() -> None:
        threads, calls = FairThreads("test", 4, 100, ServiceUnavailable), Blocking()
        tasks = [
            await enter(threads, name[0], calls.call(name))
            for name in ("a1", "a2", "b1", "b2", "c1", "c2", "c3")
        ]
        await calls.wait_for(4)
        for name, next_one in (("a1", "c1"), ("b1", "c2"), ("c1", "c3")):
            calls.end(name)
            await calls.wait_for(1)
            assert calls.begun[-1] == next_one
        calls.end()
        await asyncio.gather(*tasks)
        await threads.close()

    run(test)


def test_nobody_has_more_than_half_of_the_places() -> None:
    """One more is 429 with Retry-After; others still have theirs, until it is full."""

    async def test() -> None:
        threads, calls = FairThreads("test", 1, 8, ServiceUnavailable), Blocking()
        tasks = [
            await enter(threads, "one", calls.call(f"one {number}"))
            for number in range(4)
        ]
        with pytest.raises(QuotaExceeded) as refused:
            await threads.run("one", lambda: None)
        assert (refused.value.http_status, refused.value.code) == (
            429,
            "Rejected.Throttling",
        )
        assert retry_headers(refused.value) == ((b"retry-after", b"1"),)
        tasks += [
            await enter(threads, NOBODY, calls.call(f"stranger {number}"))
            for number in range(2)
        ]
        assert not threads.is_full
        with pytest.raises(ServiceUnavailable):
            await threads.run(NOBODY, lambda: None)
        tasks += [
            await enter(threads, "other", calls.call(f"other {number}"))
            for number in range(2)
        ]
        assert threads.is_full
        for who in ("one", "other", NOBODY, "third"):
            with pytest.raises(ServiceUnavailable):
                await threads.run(who, lambda: None)
        calls.end()
        assert len(await asyncio.gather(*tasks)) == 8
        assert await threads.run("one", lambda: 5) == 5
        await threads.close()

    run(test)


def test_at_a_share_of_all_one_may_fill_everything() -> None:
    """The refusal is the one that was given then, not that of a quota."""

    async def test() -> None:
        threads = FairThreads("test", 3, 3, Throttled, share_percent=100)
        calls = Blocking()
        tasks = [
            await enter(threads, "one", calls.call(str(number))) for number in range(3)
        ]
        await calls.wait_for(3)
        with pytest.raises(Throttled) as refused:
            await threads.run("one", lambda: None)
        assert refused.type is Throttled
        calls.end()
        await asyncio.gather(*tasks)
        await threads.close()

    run(test)


def test_a_place_is_free_once_there_is_an_answer() -> None:
    """The client may follow it with its next request at once."""

    async def test() -> None:
        threads = FairThreads("test", 1, 1, ServiceUnavailable)
        for number in range(100):
            assert await threads.run("one", lambda number=number: number) == number
            assert not threads.is_full
        await threads.close()

    run(test)


class OfTheCall(BaseException):
    """Such as what a panic of the core is raised as."""


@pytest.mark.parametrize("kind", [ValueError, OfTheCall, asyncio.CancelledError])
def test_errors_come_back_and_free_the_place(kind: type[BaseException]) -> None:
    """A call that fails fails for its caller only, whatever it raises."""

    async def test() -> None:
        threads = FairThreads("test", 1, 1, ServiceUnavailable)

        def fail() -> None:
            raise kind("of the call")

        for _ in range(3):
            with pytest.raises(kind, match="of the call"):
                await threads.run("one", fail)
        assert not threads.is_full
        await threads.close()

    run(test)


def test_an_error_that_no_coroutine_can_raise_is_an_error_too() -> None:
    """Its caller does not wait for ever."""

    async def test() -> None:
        threads = FairThreads("test", 1, 1, ServiceUnavailable)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await threads.run("one", lambda: next(iter(())))
        await threads.close()

    run(test)


def test_nothing_of_a_call_stays_when_it_has_ended() -> None:
    """Neither in its thread, nor in a circle that begins with its error."""

    class Request:
        """What a call is about."""

        def fail(self) -> None:
            raise ValueError

    async def failed(threads: FairThreads) -> weakref.ref[Request]:
        request = Request()
        with suppress(ValueError):  # pytest.raises would keep it
            await threads.run("one", request.fail)
            pytest.fail("it did not fail")
        return weakref.ref(request)

    async def test() -> None:
        threads = FairThreads("test", 1, 1, ServiceUnavailable)
        left = await failed(threads)
        eventually(lambda: left() is None)
        await threads.close()

    gc.disable()
    try:
        run(test)
    finally:
        gc.enable()


def test_a_caller_that_goes_away_leaves_its_place_taken_until_the_end() -> None:
    """Otherwise callers who give up could have any amount of work under way."""

    async def test() -> None:
        threads, calls = FairThreads("test", 1, 1, ServiceUnavailable), Blocking()
        task = await enter(threads, "one", calls.call("begun"))
        await calls.wait_for(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert threads.is_full
        with pytest.raises(ServiceUnavailable):
            await threads.run("two", lambda: None)
        calls.end()
        await threads.close()
        assert not threads.is_full

    run(test)


def test_a_call_that_waits_goes_with_its_caller() -> None:
    """It is never done, its place is free at once, and the others keep their turns."""

    async def test() -> None:
        threads, calls = FairThreads("test", 1, 6, ServiceUnavailable), Blocking()
        tasks = {
            name: await enter(threads, name[0], calls.call(name))
            for name in ("a1", "b1", "b2", "c1", "c2", "d1")
        }
        assert threads.is_full
        for name in ("b1", "c1", "c2"):
            tasks[name].cancel()
            with pytest.raises(asyncio.CancelledError):
                await tasks[name]
        assert threads._inside == 3
        tasks["e1"] = await enter(threads, "e", calls.call("e1"))
        calls.end()
        await asyncio.wait(tasks.values())
        assert calls.begun == ["a1", "b2", "d1", "e1"]
        await threads.close()

    run(test)


def test_a_call_goes_with_its_caller_until_its_thread_takes_it() -> None:
    """A thread of low priority may take a while for that."""

    async def test() -> None:
        left: list[object] = []
        call = _Call(
            lambda: pytest.fail("nobody waits"), _Share("a", 1, 1), left.append
        )
        call.ended.cancel()
        call.do()
        await asyncio.sleep(0)
        assert left == [call]
        assert call._error is None

    run(test)


def test_callers_that_come_and_go_leave_nothing_behind() -> None:
    """While the only thread is blocked, and afterwards."""

    async def test() -> None:
        threads, calls = FairThreads("test", 1, 8, ServiceUnavailable), Blocking()
        blocked = await enter(threads, "a", calls.call("a"))
        for number in range(100):
            for who in ("a", f"client {number}"):
                task = await enter(threads, who, calls.call("never"))
                task.cancel()
                await asyncio.wait([task])
        assert list(threads._shares) == ["a"]
        assert not threads._ready
        assert not threads._shares["a"].waiting
        calls.end()
        await blocked
        assert not threads._shares
        assert not threads._ready
        assert (threads._inside, threads._idle) == (0, 1)
        await threads.close()
        assert calls.begun == ["a"]

    run(test)


def test_closing_finishes_what_was_accepted_and_accepts_no_more() -> None:
    """What waits as well as what has begun; then the threads have ended."""

    async def test() -> None:
        threads, calls = FairThreads("closing", 2, 8, ServiceUnavailable), Blocking()
        tasks = [
            await enter(threads, who, calls.call(f"{who}{number}"))
            for number in range(2)
            for who in "abc"
        ]
        closing = asyncio.create_task(threads.close())
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable):
            await threads.run("d", lambda: None)
        assert not closing.done()
        tasks[-1].cancel()  # "c1", which waits
        calls.end()
        await closing
        assert len(await asyncio.gather(*tasks[:-1])) == 5
        assert "c1" not in calls.begun
        assert not any(thread.is_alive() for thread in threads._threads)
        await threads.close()

    run(test)


def test_what_nobody_closes_ends_with_its_owner() -> None:
    """Threads of a test that has forgotten them do not stay."""

    async def test() -> list[threading.Thread]:
        threads = FairThreads("test", 3, 3, ServiceUnavailable)
        await threads.run("one", lambda: None)
        return threads._threads

    left = asyncio.run(test())
    gc.collect()
    for thread in left:
        thread.join()


def test_each_call_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wake-up costs more than all that is noted about a call."""

    async def test() -> None:
        threads, woken = FairThreads("test", 2, 8, ServiceUnavailable), []
        loop = asyncio.get_running_loop()
        wake = loop.call_soon_threadsafe

        def counted(*call: Any) -> asyncio.Handle:
            woken.append(call)
            return wake(*call)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        await asyncio.gather(*(threads.run(who, lambda: None) for who in "aabbcc"))
        monkeypatch.undo()
        assert len(woken) == 6
        await threads.close()

    run(test)


def test_a_loop_that_has_ended_is_no_matter_for_a_thread() -> None:
    """It ends its call, and then itself."""
    calls = Blocking()

    async def test() -> FairThreads:
        threads = FairThreads("test", 1, 1, ServiceUnavailable)
        await enter(threads, "one", calls.call("one"))
        await calls.wait_for(1)
        return threads

    threads = asyncio.run(test())
    calls.end()
    threads._end_threads()
    for thread in threads._threads:
        thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere of processes only")
def test_threads_may_have_a_lower_priority() -> None:
    """Each of them, and nobody else; as far as there is a lower one."""

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)

    async def test() -> None:
        before = priority()
        for nice, expected in ((0, before), (5, min(19, before + 5)), (100, 19)):
            threads = FairThreads("test", 2, 8, ServiceUnavailable, nice=nice)
            assert await threads.run("one", priority) == expected
            await threads.close()
        assert priority() == before

    run(test)


def test_a_priority_that_cannot_be_lowered_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sandbox that forbids it is no reason not to serve."""

    def forbidden(*_: int) -> None:
        raise PermissionError

    async def test() -> None:
        threads = FairThreads("test", 1, 1, ServiceUnavailable, nice=5)
        assert await threads.run("one", lambda: 5) == 5
        await threads.close()

    monkeypatch.setattr(os, "setpriority", forbidden)
    run(test)


def test_threads_that_the_system_does_not_give_are_missed_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error says what to lower or to raise; those that there are end again."""
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        start(thread)
        started.append(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(ServiceUnavailable, match=r"limits\.threads"):
        FairThreads("test", 3, 3, ServiceUnavailable)
    monkeypatch.undo()
    gc.collect()
    for thread in started:
        thread.join()


def test_the_least_is_one_thread_and_one_place_for_anybody() -> None:
    """However few there are to be divided."""

    async def test() -> None:
        threads = FairThreads("test", 1, 1, ServiceUnavailable)
        assert await threads.run("one", lambda: 1) == 1
        assert await threads.run(NOBODY, lambda: 2) == 2
        await threads.close()

    run(test)
