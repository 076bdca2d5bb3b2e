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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Protocol, Self

from pairsmith.registry.forks import watch_forks
from pairsmith.server.audit.appending import Appender
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


class _Log(Protocol):
    def submit(self, entry: AuditEntry) -> Future[None]: ...


@dataclass(frozen=True, slots=True)
class _Wish:
    """An entry that waits to be written; without one, a look whether it could be."""

    told: dict[str, Any] | None
    deadline: float
    future: Future[None] = field(default_factory=Future)

    def __post_init__(self) -> None:
        # It is written, whoever stops waiting.
        self.future.set_running_or_notify_cancel()


class AuditLog:
    """An audit log, opened by ``AuditLog.open``; safe for threads and forks."""

    _waiting: list[_Wish]
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
        """Let an entry be written; for asynchronous callers there is ``recorded``.

        Raises:
            AuditUnavailable: Too many wait already, or the log was closed.
        """
        return self._wish(entry.to_dict(), WAIT_SECONDS)

    def check(self) -> None:
        """Find out whether an entry could be written now, as one would be; none is.

        The thread that writes takes the lock, and compares the end of the log with what
        was left there.

        Raises:
            AuditUnavailable: It could not; the message says why.
        """
        self._await(self._wish(None, CHECK_SECONDS), CHECK_SECONDS)

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
        self._thread = None
        self._closed = False
        self._noted = self._seconds()
        self._appender = self._new_appender()

    def _wish(self, told: dict[str, Any] | None, seconds: float) -> Future[None]:
        wish = _Wish(told, self._seconds() + seconds)
        with self._changed:
            if self._closed or len(self._waiting) >= QUEUE_ENTRIES:
                raise AuditUnavailable("The audit log is closed, or takes no more.")
            if self._thread is None:
                self._thread = Thread(
                    target=self._write, name="pairsmith-audit", daemon=True
                )
                self._thread.start()
            self._waiting.append(wish)
            self._changed.notify()
        return wish.future

    def _await(self, future: Future[None], seconds: float) -> None:
        try:
            future.result(seconds)
        except TimeoutError:
            raise _too_slow(seconds) from None

    # The thread that writes.

    def _write(self) -> None:
        while self._is_wanted():
            try:
                self._serve_those_who_wait()
            except AuditUnavailable as error:
                _refuse(self._taken(), error)
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
            if not self._drop_late(self._held_up()):
                return
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_POLL_SECONDS)
        self._drop_late(_too_slow(WAIT_SECONDS))
        self._serve(self._taken())

    def _drop_late(self, error: AuditUnavailable) -> bool:
        """Refuse those who have waited too long; tell whether others are left."""
        now = self._seconds()
        with self._changed:
            late = [each for each in self._waiting if each.deadline <= now]
            self._waiting = [each for each in self._waiting if each.deadline > now]
            are_left = bool(self._waiting)
        _refuse(late, error)
        return are_left

    def _taken(self) -> list[_Wish]:
        with self._changed:
            taken, self._waiting = self._waiting, []
        return taken

    def _serve(self, wishes: list[_Wish]) -> None:
        """Write what is to be written; the lock is held, and given back."""
        group = [wish.told for wish in wishes if wish.told is not None]
        try:
            if group:
                self._appender.append(group)
            else:
                self._appender.probe()
        except Exception as error:  # noqa: BLE001 -- each caller gets its own
            _refuse(wishes, error)
        else:
            for wish in wishes:
                wish.future.set_result(None)

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


async def recorded(log: _Log, entry: AuditEntry) -> None:
    """Write an entry; returns when it is on the disk.

    Raises:
        AuditUnavailable: It is not there, or nobody knows: the result must not be sent.
    """
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await asyncio.wrap_future(log.submit(entry))
    except TimeoutError:
        raise _too_slow(WAIT_SECONDS) from None


def _too_slow(seconds: float) -> AuditUnavailable:
    return AuditUnavailable(
        f"The audit log did not take an entry within {seconds:g} s: look at its disk, "
        "and for a stopped process that holds its lock."
    )


def _refuse(wishes: list[_Wish], error: Exception) -> None:
    """Tell each: an exception that is raised twice tells two stories."""
    for wish in wishes:
        made = AuditUnavailable(str(error))
        made.__cause__ = error
        wish.future.set_exception(made)
