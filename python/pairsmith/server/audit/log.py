"""The audit log as a server uses it: many threads record, one writes, in groups.

While the disk takes one group the next one gathers: one ``fdatasync`` serves every
entry that waited for it.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Self

from pairsmith.registry.forks import watch_forks
from pairsmith.server.audit.appending import Appender
from pairsmith.server.audit.entry import AuditEntry
from pairsmith.server.audit.errors import AuditUnavailable

QUEUE_ENTRIES = 10_000
"""How many entries may wait; a server bounds its requests far below that."""


class AuditLog:
    """An audit log, opened by ``AuditLog.open``; safe for threads and forks."""

    _waiting: list[tuple[dict[str, Any], Future[None]]]
    _thread: Thread | None
    _appender: Appender

    def __init__(self, new_appender: Callable[[], Appender]) -> None:
        self._new_appender = new_appender
        self._start()
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
    ) -> Self:
        """Open or make the log; any number of processes may have it open.

        Args:
            path: The file; earlier parts and its lock lie beside it.
            key: ``AccessStore.audit_key()``.
            rotate_bytes: Begin another part when this one is longer.
            rotate_daily: Begin another part every day (UTC).
            clock: Gives the moment, by which parts begin.

        Raises:
            AuditUnavailable: It cannot be written, or its end was changed.
        """
        log = Path(path).absolute()
        return cls(
            lambda: Appender(
                log,
                key,
                rotate_bytes=rotate_bytes,
                rotate_daily=rotate_daily,
                clock=clock,
            )
        )

    def record(self, entry: AuditEntry) -> None:
        """Write an entry; returns when it is on the disk.

        Raises:
            AuditUnavailable: It is not there: the result must not be sent.
        """
        self.submit(entry).result()

    def submit(self, entry: AuditEntry) -> Future[None]:
        """As ``record``, for asynchronous callers: ``await asyncio.wrap_future(…)``.

        Raises:
            AuditUnavailable: Too many wait already, or the log was closed.
        """
        told = entry.to_dict()
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # it is written, whoever stops waiting
        with self._changed:
            if self._closed or len(self._waiting) >= QUEUE_ENTRIES:
                raise AuditUnavailable("The audit log is closed, or takes no more.")
            if self._thread is None:
                self._thread = Thread(
                    target=self._write, name="pairsmith-audit", daemon=True
                )
                self._thread.start()
            self._waiting.append((told, future))
            self._changed.notify()
        return future

    def check(self) -> None:
        """Find out whether an entry could be written now; none is.

        Raises:
            AuditUnavailable: It could not; the message says why.
        """
        self._appender.check()

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
        self._appender = self._new_appender()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                group, self._waiting = self._waiting, []
            if not group:
                return
            try:
                self._appender.append([told for told, _ in group])
            except Exception as error:  # noqa: BLE001 -- each caller gets its own
                for _, future in group:
                    future.set_exception(_unavailable(error))
            else:
                for _, future in group:
                    future.set_result(None)

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


def _unavailable(error: Exception) -> AuditUnavailable:
    """Make one for each caller: an exception that is raised twice tells two stories."""
    made = AuditUnavailable(str(error))
    made.__cause__ = error
    return made
