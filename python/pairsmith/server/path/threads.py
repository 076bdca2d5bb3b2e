"""Threads for work that may block, a fair part of them for everybody who asks.

The event loop never waits for such work: it hands a call to a thread and goes on. How
many calls are worked on, and how many wait, is bounded, in all and for each principal;
and calls that wait are taken in turn, one of each principal. So whatever one of them
asks for, the next thread that ends its call is for another one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import finalize

from pairsmith.errors import ServiceUnavailable
from pairsmith.server.path.bodies import NOBODY, STRANGERS
from pairsmith.server.path.refusals import SOON_SECONDS, QuotaExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class FairThreads:
    """A bounded number of calls, in and before a few threads, shared by principals.

    Used from one event loop, which alone keeps the books: nothing is locked, and no
    step grows with the number of calls or of principals.

    No principal has more than half of the threads at a time, and of the places. Half,
    also while nobody else asks: a call that has begun is never interrupted, so what
    should be free for the next principal at once has to be free already. And not all
    but one: if the calls of one principal block for seconds, all others together would
    go on by a single thread. One that is alone loses little by it: what does not block
    is bounded by processors and by the interpreter, not by the number of threads.

    Args:
        name: Of its threads.
        threads: How many calls are worked on at a time. All are started here.
        bound: How many calls may be inside at all, those included.
        full: The error for one more.
        share_percent: How much of threads and places one principal may have, but one
            of each at least; at 100 only strangers have a quota.
        nice: By how much the priority of the threads is lowered, on Linux.

    Raises:
        ServiceUnavailable: The system does not give so many threads.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        bound: int,
        full: type[Exception],
        *,
        share_percent: int = 50,
        nice: int = 0,
    ) -> None:
        self._bound = max(threads, bound)
        self._full = full
        self._quota = _part(threads, share_percent), _part(self._bound, share_percent)
        self._strangers_quota = (
            max(1, threads // STRANGERS),
            max(1, self._bound // STRANGERS),
        )
        self._idle = threads
        self._inside = 0
        self._shares: dict[str, _Share] = {}
        # The shares with a call that waits and may begin, in the order of their turns.
        self._ready: OrderedDict[str, _Share] = OrderedDict()
        self._is_closing = False
        self._emptied = asyncio.Event()
        self._handed_over: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        # What nobody closes, such as in a test, leaves no threads behind.
        self._end_threads = finalize(self, _end, self._handed_over, threads)
        self._threads = _started(name, threads, self._handed_over, nice)

    @property
    def is_full(self) -> bool:
        """Whether one more call would be refused, whosoever it is."""
        return self._inside >= self._bound

    async def run(self, principal_id: str, work: Callable[[], Answer]) -> Answer:
        """Do the work in one of the threads; give its result or its error.

        A caller that goes away, cancelled, takes a call along that has not begun. One
        that has begun ends by itself, and its place is taken until then.

        Args:
            principal_id: For whom. All who are not recognised yet, ``NOBODY``, share a
                quarter of the threads and of the places.
            work: What to do; the context variables of the caller are not set for it.

        Raises:
            QuotaExceeded: This principal has its share of the places already.
            Exception: Of the class ``full``: there is no place, or none for strangers,
                or the threads are being closed.
        """
        call = self._accept(principal_id, work)
        try:
            await call.ended
            return call.outcome()
        except asyncio.CancelledError:
            self._drop(call)
            raise
        finally:
            del call  # its error would keep this frame, and with it itself

    async def close(self) -> None:
        """Accept nothing more, finish what was accepted, and end the threads."""
        self._is_closing = True
        if self._inside:
            await self._emptied.wait()
        self._end_threads()
        await asyncio.to_thread(_join, self._threads)

    def _accept(self, principal_id: str, work: Callable[[], Answer]) -> _Call[Answer]:
        """Give a call a place, and a thread if there is one for it."""
        if self.is_full or self._is_closing:
            raise self._full
        share = self._shares.get(principal_id)
        if share is None:
            quota = self._strangers_quota if principal_id == NOBODY else self._quota
            share = self._shares[principal_id] = _Share(principal_id, *quota)
        elif share.inside >= share.places:
            raise self._refusal(share)
        call = _Call(work, share, self._leave)
        self._inside += 1
        share.waiting[call] = None
        self._line_up(share)
        self._begin_next()
        return call

    def _refusal(self, share: _Share) -> Exception:
        if share.principal_id == NOBODY:
            return self._full()  # no stranger can help what the others do
        return QuotaExceeded(
            SOON_SECONDS,
            f"It has {share.places} requests under way in this worker already, which "
            "is its share of limits.requests.",
        )

    def _line_up(self, share: _Share) -> None:
        """Let it have a turn, behind all others, if it has none yet and may."""
        if share.waiting and share.running < share.threads:
            self._ready.setdefault(share.principal_id, share)

    def _begin_next(self) -> None:
        """Hand over calls as long as there are threads for them."""
        while self._idle and self._ready:
            _, share = self._ready.popitem(last=False)
            call, _ = share.waiting.popitem(last=False)
            share.running += 1
            self._idle -= 1
            self._handed_over.put(call)
            self._line_up(share)

    def _leave(self, call: _Call[Any]) -> None:
        """Let a thread have its next call, and the caller its answer."""
        call.share.running -= 1
        self._idle += 1
        self._free_place(call.share)
        self._line_up(call.share)
        self._begin_next()
        # Last, for the client may follow its answer with its next request at once.
        if not call.ended.done():
            call.ended.set_result(None)

    def _drop(self, call: _Call[Any]) -> None:
        """Forget a call that waits; one that was handed over leaves by itself."""
        share = call.share
        if call not in share.waiting:
            return
        del share.waiting[call]
        if not share.waiting:
            self._ready.pop(share.principal_id, None)
        self._free_place(share)

    def _free_place(self, share: _Share) -> None:
        self._inside -= 1
        if not share.inside:
            del self._shares[share.principal_id]
        if self._is_closing and not self._inside:
            self._emptied.set()


@dataclass(slots=True, eq=False)
class _Share:
    """What one principal has.

    Attributes:
        principal_id: Whose; ``NOBODY`` for that of all strangers.
        threads: How many it may have at a time.
        places: How many calls it may have inside, those included.
        running: Its calls that were handed to a thread.
        waiting: The others, in their order; keys only, for any of them may leave.
    """

    principal_id: str
    threads: int
    places: int
    running: int = 0
    waiting: OrderedDict[_Call[Any], None] = field(default_factory=OrderedDict)

    @property
    def inside(self) -> int:
        """How many places it has taken."""
        return self.running + len(self.waiting)


class _Call(Generic[Answer]):
    """One call: made and answered in the event loop, done in a thread.

    Attributes:
        share: Of whom it takes.
        ended: Is done when it has ended; cancelled if its caller has gone.
    """

    __slots__ = ("_error", "_leave", "_result", "_work", "ended", "share")

    _result: Answer

    def __init__(
        self,
        work: Callable[[], Answer],
        share: _Share,
        leave: Callable[[_Call[Any]], None],
    ) -> None:
        self.share = share
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._work = work
        self._leave = leave
        self._error: BaseException | None = None

    def do(self) -> None:
        """Do the work on this thread, unless the caller has gone, and say so."""
        try:
            if not self.ended.cancelled():
                self._result = self._work()
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is the caller's
            self._error = error
        with suppress(RuntimeError):  # the loop has ended, and who waited in it
            self.ended.get_loop().call_soon_threadsafe(self._leave, self)
        del self  # its error would keep this frame, and with it itself

    def outcome(self) -> Answer:
        """Give the result or raise the error."""
        try:
            if self._error is not None:
                raise self._error
            return self._result
        finally:
            del self  # likewise


def _part(of: int, percent: int) -> int:
    return max(1, of * percent // 100)


def _started(
    name: str, count: int, handed_over: SimpleQueue[_Call[Any] | None], nice: int
) -> list[Thread]:
    """Start all threads: one that cannot be started under load would be too late.

    They are no obstacle to the end of the process: ``close`` waits for them.
    """
    threads = [
        Thread(
            target=_serve,
            args=(handed_over, nice),
            name=f"{name}_{number}",
            daemon=True,
        )
        for number in range(count)
    ]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError as error:
        raise ServiceUnavailable(
            f"The system gives this process no {count} threads for {name!r} ({error}): "
            "lower limits.threads or listen.workers, or raise what limits them, such "
            "as TasksMax of systemd."
        ) from None
    return threads


def _serve(handed_over: SimpleQueue[_Call[Any] | None], nice: int) -> None:
    """What each thread does, until it is told to end."""
    _lower_priority(nice)
    while (call := handed_over.get()) is not None:
        call.do()
        del call  # what it was about does not stay until the next one


def _lower_priority(nice: int) -> None:
    """Lower the priority of this thread.

    Elsewhere than on Linux it would be that of the process (setpriority(2), "C
    library/kernel differences").
    """
    if nice and sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it; the work is the same
            present = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, 0, present + nice)


def _end(handed_over: SimpleQueue[_Call[Any] | None], threads: int) -> None:
    for _ in range(threads):
        handed_over.put(None)


def _join(threads: list[Thread]) -> None:
    for thread in threads:
        thread.join()
