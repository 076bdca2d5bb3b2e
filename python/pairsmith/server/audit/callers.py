"""Who waits for entries to be written, and how they are told.

Entries go to the thread that writes in batches: all that the callers of an event loop
want while it runs what is ready. That thread tells all callers of a group at once:
those in an event loop are woken by one call into it, however many they are.
"""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pairsmith.server.audit.errors import AuditUnavailable
from pairsmith.server.deadlines import Deadlines

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    HandOver = Callable[["Batch"], None]
    """Gives a batch to the thread that writes."""

    AnyFuture = Future[None] | asyncio.Future[None]


class Callers(Protocol):
    """Callers that are told in the same way."""

    def tell(self, batches: Sequence[Batch], error: Exception | None) -> None:
        """Let each caller know what became of its entry; from whatever thread.

        Args:
            batches: Theirs, of one group.
            error: Why the entries are not on the disk; ``None`` if they are.
        """


@dataclass(slots=True, eq=False)
class Batch:
    """Entries that wait to be written; without any, a look whether they could be.

    Attributes:
        callers: Tell who wants them.
        seconds: How long they may wait.
        told: The entries, as JSON.
        futures: What their callers wait for.
        deadline: When they are refused unless they are being written, by the log's
            clock; known once they are handed over.
        expiry: Of the callers' deadline in their event loop.
    """

    callers: Callers
    seconds: float
    told: list[str] = field(default_factory=list)
    futures: list[AnyFuture] = field(default_factory=list)
    deadline: float = 0.0
    expiry: int = 0


class ThreadCallers:
    """Callers that wait in threads of their own, and look at the clock themselves.

    Args:
        hand_over: As its type says.
    """

    def __init__(self, hand_over: HandOver) -> None:
        self._hand_over = hand_over

    def submit(self, told: Sequence[str], seconds: float) -> Future[None]:
        """Hand over an entry or none, and give what its caller waits for."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # it is written, whoever stops waiting
        self._hand_over(Batch(self, seconds, [*told], [future]))
        return future

    def tell(self, batches: Sequence[Batch], error: Exception | None) -> None:
        """Complete what each waits for."""
        for batch in batches:
            _complete(batch, error)


class LoopCallers:
    """Callers that wait in one event loop.

    Args:
        loop: The running one.
        hand_over: As its type says.
        seconds: How long each caller waits, whatever becomes of the thread that writes.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, hand_over: HandOver, seconds: float
    ) -> None:
        self._loop = loop
        self._hand_over = hand_over
        self._seconds = seconds
        self._deadlines = Deadlines(seconds, loop)
        self._gathered: Batch | None = None

    def submit(self, told: str) -> asyncio.Future[None]:
        """Let an entry be handed over soon, and give what its caller awaits."""
        future = self._loop.create_future()
        batch = self._gathered or self._begin()
        batch.told.append(told)
        batch.futures.append(future)
        return future

    def tell(self, batches: Sequence[Batch], error: Exception | None) -> None:
        """Wake the event loop once, and there complete what each awaits."""
        with suppress(RuntimeError):  # it is closed: nobody waits there any more
            self._loop.call_soon_threadsafe(self._tell, batches, error)

    def _begin(self) -> Batch:
        """Begin a batch for all callers that are ready now."""
        self._gathered = batch = Batch(self, self._seconds)
        batch.expiry = self._deadlines.add(partial(self._expire, batch))
        self._loop.call_soon(self._end)
        return batch

    def _end(self) -> None:
        batch, self._gathered = self._gathered, None
        if batch is not None:
            self._hand_over(batch)

    def _tell(self, batches: Sequence[Batch], error: Exception | None) -> None:
        for batch in batches:
            self._deadlines.discard(batch.expiry)
            _complete(batch, error)

    def _expire(self, batch: Batch) -> None:
        _complete(batch, too_slow(self._seconds))


def tell(batches: Iterable[Batch], error: Exception | None) -> None:
    """Let all callers of a group know what became of it."""
    by_callers: dict[Callers, list[Batch]] = {}
    for batch in batches:
        by_callers.setdefault(batch.callers, []).append(batch)
    for callers, theirs in by_callers.items():
        callers.tell(theirs, error)


def too_slow(seconds: float) -> AuditUnavailable:
    """Make what is said of an entry whose time is over."""
    return AuditUnavailable(
        f"The audit log did not take an entry within {seconds:g} s: look at its disk, "
        "and for a stopped process that holds its lock."
    )


def _complete(batch: Batch, error: Exception | None) -> None:
    """Let everybody who still waits for a batch go on."""
    for future in batch.futures:
        if future.done():  # refused before, or the client has gone
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(_refusal(error))


def _refusal(error: Exception) -> AuditUnavailable:
    """Each its own: an exception that is raised twice tells two stories."""
    made = AuditUnavailable(str(error))
    made.__cause__ = error
    return made
