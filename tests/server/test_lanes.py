"""Lanes: bounded, honest about being full, and apart from each other."""

import asyncio
import threading

import pytest

from pairsmith.errors import ServiceUnavailable, Throttled
from pairsmith.server.lanes import Lane


def test_a_full_lane_refuses_at_once_and_takes_the_next_after() -> None:
    """What is worked on and what waits count; an answer frees its place."""

    async def test() -> None:
        lane = Lane("test", 1, 2, ServiceUnavailable)
        free = threading.Event()
        inside = [asyncio.create_task(lane.run(free.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        assert lane.is_full
        with pytest.raises(ServiceUnavailable):
            await lane.run(lambda: None)
        free.set()
        await asyncio.gather(*inside)
        assert await lane.run(lambda: 5) == 5
        await lane.close()

    asyncio.run(test())


def test_errors_come_back_and_free_the_place() -> None:
    """A call that fails fails for its caller only."""

    async def test() -> None:
        lane = Lane("test", 1, 1, Throttled)

        def fail() -> None:
            raise ValueError("of the call")

        for _ in range(3):
            with pytest.raises(ValueError, match="of the call"):
                await lane.run(fail)
        assert not lane.is_full
        await lane.close()

    asyncio.run(test())


def test_a_caller_that_goes_away_leaves_its_place_taken_until_the_end() -> None:
    """Otherwise callers who give up could have any amount of work under way."""

    async def test() -> None:
        lane = Lane("test", 1, 1, Throttled)
        begun, free = threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            free.wait()

        task = asyncio.create_task(lane.run(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert lane.is_full
        free.set()
        await lane.close()
        await asyncio.sleep(0)
        assert not lane.is_full

    asyncio.run(test())
