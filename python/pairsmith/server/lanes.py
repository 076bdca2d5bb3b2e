"""Threads for what takes time, so that the event loop never waits for it.

Each kind of work has a lane: a few threads and a bound on what may be in it. A lane
that is full refuses at once; it never lets a queue grow. Work on keys releases the
interpreter, so a lane of long work leaves the others theirs.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

Answer = TypeVar("Answer")


class Lane:
    """A bounded number of calls, in and before a few threads.

    Used from one event loop.

    Args:
        name: Of its threads.
        threads: How many calls are worked on at a time.
        bound: How many may be in the lane at all, those included.
        full: The error for one more.
    """

    def __init__(
        self, name: str, threads: int, bound: int, full: type[Exception]
    ) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._bound = max(threads, bound)
        self._full = full
        self._inside = 0

    @property
    def is_full(self) -> bool:
        """Whether one more call would be refused."""
        return self._inside >= self._bound

    async def run(self, call: Callable[[], Answer]) -> Answer:
        """Do the call in a thread of the lane; give its result or its error.

        A caller that goes away leaves a call that has begun to end by itself, and its
        place is taken until then.
        """
        if self.is_full:
            raise self._full
        loop = asyncio.get_running_loop()
        future = self._executor.submit(call)
        self._inside += 1
        # Registered before wrap_future's own, so the place is free once there is an
        # answer, which the client may follow with its next request at once.
        future.add_done_callback(lambda done: self._end(loop, done))
        return await asyncio.wrap_future(future, loop=loop)

    async def close(self) -> None:
        """Wait for what is in the lane, and end its threads."""
        await asyncio.to_thread(self._executor.shutdown)

    def _end(self, loop: asyncio.AbstractEventLoop, _done: Future[Answer]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._inside -= 1
