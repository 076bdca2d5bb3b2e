"""The audit log as a server uses it: many threads record, one writes, in groups.

While the disk takes one group the next one gathers: one ``fdatasync`` serves every
entry that waited for it. Nobody waits longer than ``WAIT_SECONDS``, whatever hangs.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition, Thread
from typing import Self

from pairsmith.registry.forks import watch_forks
from pairsmith.server.audit.appending import Appender
from pairsmith.server.audit.callers import (
    Batch,
    LoopCallers,
    ThreadCallers,
    tell,
    too_slow,
)
from pairsmith.server.audit.entry import AuditEntry
from pairsmith.server.audit.errors import AuditUnavailable
from pairsmith.server.audit.log_file import LogFile

QUEUE_ENTRIES = 10_000
"""How many entries may wait; a server bounds its requests far below that."""

WAIT_SECONDS = 10.0
"""How long an entry may wait, from ``submit`` on, before it is refused."""

CHECK_SECONDS = 2.0
"""How long ``check`` waits for the lock, and for a group that is being written."""

NOTE_SECONDS = 1.0
"""For how long ``NAME.head`` may lack what the log has on the disk."""

POLL_SECONDS = 0.0005
LONGEST_POLL_SECONDS = 0.01


class AuditLog:
    """An audit log, opened by ``AuditLog.open``; safe for threads and forks."""

    _waiting: list[Batch]
    _loops: dict[asyncio.AbstractEventLoop, LoopCallers]
    _thread: Thread | None
    _appender: Appender

    def __init__(
        self, new_appender: Callable[[], Appender], seconds: Callable[[], float]
    ) -> None:
        self._new_appender = new_appender
        self._seconds = seconds
        self._start()
        self._take_lock(seconds() + WAIT_SECONDS)
        self._appender.prepare()
        watch_forks(self)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        key: bytes,
        *,
        rotate_bytes: int = 100_000_000,
        rotate_daily: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: Callable[[], float] = time.monotonic,
    ) -> Self:
        """Open or make the log; any number of processes may have it open.

        Args:
            path: The file; earlier parts, its head and its lock lie beside it.
            key: ``AccessStore.audit_key()``.
            rotate_bytes: Begin another part when this one is longer.
            rotate_daily: Begin another part every day (UTC).
            clock: Gives the moment, by which parts begin.
            seconds: Gives the time by which waiting ends.

        Raises:
            AuditUnavailable: It cannot be written, or its end was changed.
        """
        log = Path(path).absolute()
        return cls(
            lambda: Appender(
                LogFile(
                    log,
                    key,
                    rotate_bytes=rotate_bytes,
                    rotate_daily=rotate_daily,
                    clock=clock,
                )
            ),
            seconds,
        )

    def record(self, entry: AuditEntry) -> None:
        """Write an entry; returns when it is on the disk.

        Raises:
            AuditUnavailable: It is not there: the result must not be sent.
        """
        self._await(self.submit(entry), WAIT_SECONDS)

    def submit(self, entry: AuditEntry) -> Future[None]:
        """Let an entry be written.

        Returns:
            Completed when it is on the disk; else it raises ``AuditUnavailable``.
        """
        return self._threads.submit([entry.to_json()], WAIT_SECONDS)

    def recorded(self, entry: AuditEntry) -> asyncio.Future[None]:
        """Write an entry; done when it is on the disk, and in time in any case.

        For callers in the running event loop. Else it raises ``AuditUnavailable``: it
        is not there, or nobody knows, and the result must not be sent. Whoever stops
        waiting leaves the entry to be written.
        """
        loop = asyncio.get_running_loop()
        callers = self._loops.get(loop) or self._callers_in(loop)
        return callers.submit(entry.to_json())

    def check(self) -> None:
        """Find out whether an entry could be written now, as one would be; none is.

        The thread that writes takes the lock, and compares the end of the log with what
        was left there.

        Raises:
            AuditUnavailable: It could not; the message says why.
        """
        self._await(self._threads.submit([], CHECK_SECONDS), CHECK_SECONDS)

    def close(self) -> None:
        """Write what was submitted, and give back the file."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        self._appender.close()

    def _start(self) -> None:
        self._changed = Condition()
        self._waiting = []
        self._entries = 0
        self._threads = ThreadCallers(self._add)
        self._loops = {}
        self._thread = None
        self._closed = False
        self._noted = self._seconds()
        self._appender = self._new_appender()

    def _callers_in(self, loop: asyncio.AbstractEventLoop) -> LoopCallers:
        with self._changed:
            for each in [each for each in self._loops if each.is_closed()]:
                del self._loops[each]
            made = LoopCallers(loop, self._add, WAIT_SECONDS)
            self._loops[loop] = made
        return made

    def _add(self, batch: Batch) -> None:
        batch.deadline = self._seconds() + batch.seconds
        with self._changed:
            is_taken = not self._closed and self._entries < QUEUE_ENTRIES
            if is_taken:
                if not self._waiting:  # else it is awake, or will be
                    self._wake()
                self._waiting.append(batch)
                self._entries += len(batch.told)
        if not is_taken:
            error = AuditUnavailable("The audit log is closed, or takes no more.")
            tell([batch], error)

    def _wake(self) -> None:
        """Let the thread that writes look for work; it begins with the first."""
        if self._thread is None:
            self._thread = Thread(
                target=self._write, name="pairsmith-audit", daemon=True
            )
            self._thread.start()
        self._changed.notify()

    def _await(self, future: Future[None], seconds: float) -> None:
        try:
            future.result(seconds)
        except TimeoutError:
            raise too_slow(seconds) from None

    # The thread that writes.

    def _write(self) -> None:
        while self._is_wanted():
            try:
                self._serve_those_who_wait()
            except AuditUnavailable as error:
                tell(self._taken(), error)
        with suppress(AuditUnavailable):
            if self._appender.has_news:
                self._take_lock(self._seconds() + CHECK_SECONDS)
                self._appender.note()

    def _is_wanted(self) -> bool:
        """Wait until somebody wants something; ``False`` if nobody will any more."""
        while True:
            with self._changed:
                if not self._waiting and not self._closed:
                    has_news = self._appender.has_news
                    self._changed.wait(NOTE_SECONDS if has_news else None)
                is_wanted, is_closed = bool(self._waiting), self._closed
            if self._seconds() - self._noted >= NOTE_SECONDS:
                self._note()
            if is_wanted or is_closed:
                return is_wanted

    def _serve_those_who_wait(self) -> None:
        """Take the lock and serve them, and whoever came until then."""
        pause = POLL_SECONDS
        while not self._appender.acquire():
            if not self._drop_late(self._held_up):
                return
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_POLL_SECONDS)
        self._drop_late(lambda: too_slow(WAIT_SECONDS))
        self._serve(self._taken())

    def _drop_late(self, refusal: Callable[[], AuditUnavailable]) -> bool:
        """Refuse those who have waited too long; tell whether others are left."""
        now = self._seconds()
        with self._changed:
            late = [each for each in self._waiting if each.deadline <= now]
            if late:
                self._waiting = [each for each in self._waiting if each.deadline > now]
                self._entries -= sum(len(each.told) for each in late)
            are_left = bool(self._waiting)
        if late:
            tell(late, refusal())
        return are_left

    def _taken(self) -> list[Batch]:
        with self._changed:
            taken, self._waiting, self._entries = self._waiting, [], 0
        return taken

    def _serve(self, batches: list[Batch]) -> None:
        """Write what is to be written; the lock is held, and given back."""
        group = [told for batch in batches for told in batch.told]
        try:
            if group:
                self._appender.append(group)
            else:
                self._appender.probe()
        except Exception as error:  # noqa: BLE001 -- each caller gets its own
            tell(batches, error)
        else:
            tell(batches, None)

    def _note(self) -> None:
        """Let the head beside the log catch up, unless another process writes now."""
        self._noted = self._seconds()
        with suppress(AuditUnavailable):
            if self._appender.has_news and self._appender.acquire():
                self._appender.note()

    def _take_lock(self, deadline: float) -> None:
        while not self._appender.acquire():
            if self._seconds() > deadline:
                raise self._held_up()
            time.sleep(LONGEST_POLL_SECONDS)

    def _held_up(self) -> AuditUnavailable:
        return AuditUnavailable(
            f"{self._appender.path}: Another process holds the audit log's lock; look "
            "for one that was stopped."
        )

    def before_fork(self) -> None:
        """Do nothing: a child has a log of its own, on the same file."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Begin afresh; what was waiting is the parent's.

        The parent's descriptors are closed here and stay open there, and so does the
        lock it may hold.
        """
        was_closed = self._closed
        self._appender.close()
        self._start()
        self._closed = was_closed
