"""Appending groups of lines to a log that other processes append to as well."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from pairsmith.server.audit.entry import event_json
from pairsmith.server.audit.errors import AuditUnavailable
from pairsmith.server.audit.files import lock_path
from pairsmith.server.audit.lock import WriterLock
from pairsmith.server.audit.log_file import LogFile
from pairsmith.server.audit.state import Point

SPARE_BYTES = 1_000_000
"""How much room a disk must have for ``probe`` to call the log writable."""


class Appender:
    """One process's hand on the log; one thread at a time.

    ``prepare``, ``append``, ``probe`` and ``note`` are called with the lock held
    (``acquire``), and give it back.

    Args:
        log: The file.
    """

    def __init__(self, log: LogFile) -> None:
        self.path = log.path
        self._log = log
        self._lock = WriterLock(lock_path(log.path))
        self._broken = ""
        self._was_refused = False

    @property
    def has_news(self) -> bool:
        """Whether there is something to ``note``."""
        return self._log.has_news

    def acquire(self) -> bool:
        """Become the only writer of all processes, unless another one is.

        Raises:
            AuditUnavailable: The lock cannot be used at all.
        """
        try:
            return self._lock.acquire()
        except OSError as error:
            raise self._unwritable(error) from error

    def prepare(self) -> None:
        """Find the end of the log, made if there is none.

        Raises:
            AuditUnavailable: It cannot be written, or its end was changed.
        """
        with self._releasing():
            self._log.catch_up()

    def append(self, group: Sequence[str]) -> None:
        """Write a group of lines; returns when they are on the disk.

        Args:
            group: What each tells, as JSON.

        Raises:
            AuditUnavailable: They are not all there.
        """
        self._was_refused = True
        with self._releasing():
            self._log.catch_up()
            if self._log.is_due():
                self._log.rotate()
            end = self._log.write(group)
        # Without the lock, so that the next process writes while the disk works.
        self._synchronise(end)
        self._was_refused = False

    def probe(self) -> None:
        """Do all that a group needs but writing it.

        If the last group could not be written, one line tries it: only that shows
        whether the next one can.

        Raises:
            AuditUnavailable: A group could not be written now; the message says why.
        """
        if self._was_refused:
            self.append([event_json("resume", datetime.now(UTC))])
            return
        with self._releasing():
            self._log.catch_up()
            space = os.statvfs(self.path.parent)
        if space.f_bavail * space.f_frsize < SPARE_BYTES:
            raise AuditUnavailable(f"{self.path}: The disk is full: make room.")

    def note(self) -> None:
        """Let ``NAME.head`` say, on the disk, what the log has on the disk.

        Raises:
            AuditUnavailable: It cannot be written.
        """
        with self._releasing():
            self._log.note()

    def close(self) -> None:
        """Give back the descriptors."""
        self._lock.close()
        self._log.close()

    @contextmanager
    def _releasing(self) -> Iterator[None]:
        """Give back the lock in the end, and say what went wrong."""
        try:
            if self._broken:
                raise AuditUnavailable(self._broken)
            yield
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            self._lock.release()

    def _synchronise(self, end: Point) -> None:
        try:
            self._log.synchronise(end)
        except OSError as error:
            # The kernel has dropped what it could not write and may say so only once.
            self._broken = (
                f"{self.path}: The disk did not take the audit log ({error.strerror}): "
                "check it, verify the log, and start the server anew."
            )
            raise AuditUnavailable(self._broken) from error

    def _unwritable(self, error: OSError) -> AuditUnavailable:
        return AuditUnavailable(
            f"{self.path}: The audit log cannot be written ({error.strerror}): make "
            "room on the disk, and let this user write there. Until then nothing is "
            "answered."
        )
