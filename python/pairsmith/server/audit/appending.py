"""Appending groups of lines to a log that other processes append to as well."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pairsmith.server.audit.chain import Head, read_line, write_line
from pairsmith.server.audit.entry import moment_text
from pairsmith.server.audit.errors import AuditUnavailable
from pairsmith.server.audit.files import (
    earlier_parts,
    first_line,
    last_line,
    lock_path,
    part_path,
    synchronise_directory,
)

LOCK_TIMEOUT_SECONDS = 10.0
LOCK_POLL_SECONDS = 0.0005
SPARE_BYTES = 1_000_000
"""How much room a disk must have for ``check`` to call it writable."""

Told = dict[str, Any]


class Appender:
    """One process's hand on the log; one thread at a time.

    Args:
        path: The log.
        key: Signs every line.
        rotate_bytes: Begin another part when this one is longer.
        rotate_daily: Begin another part every day, UTC.
        clock: Gives the moment.
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        rotate_bytes: int,
        rotate_daily: bool,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = path
        self._key = key
        self._rotate_bytes = rotate_bytes
        self._rotate_daily = rotate_daily
        self._clock = clock
        self._file = -1
        self._lock = -1
        self._head = Head()
        self._end = 0
        self._day = ""
        self._broken = ""

    def prepare(self) -> None:
        """Find the end of the log, made if there is none.

        Raises:
            AuditUnavailable: It cannot be written, or its end was changed.
        """
        try:
            with self._alone():
                self._catch_up()
        except OSError as error:
            raise self._unwritable(error) from error

    def append(self, group: Sequence[Told]) -> None:
        """Write a group of lines; returns when they are on the disk.

        Raises:
            AuditUnavailable: They are not all there.
        """
        if self._broken:
            raise AuditUnavailable(self._broken)
        try:
            with self._alone():
                self._catch_up()
                if self._is_due():
                    self._rotate()
                self._write(group)
                file = self._file
        except OSError as error:
            raise self._unwritable(error) from error
        # Without the lock, so that the next process writes while the disk works.
        try:
            os.fdatasync(file)
        except OSError as error:
            # The kernel has dropped what it could not write and may say so only once.
            self._broken = (
                f"{self.path}: The disk did not take the audit log ({error.strerror}): "
                "check it, verify the log, and start the server anew."
            )
            raise AuditUnavailable(self._broken) from error

    def check(self) -> None:
        """Find out whether a group could be written now; nothing is.

        Raises:
            AuditUnavailable: It could not.
        """
        if self._broken:
            raise AuditUnavailable(self._broken)
        try:
            space = os.statvfs(self.path.parent)
            with suppress(FileNotFoundError):  # whoever writes next makes it anew
                os.close(os.open(self.path, os.O_WRONLY | os.O_CLOEXEC))
        except OSError as error:
            raise self._unwritable(error) from error
        if space.f_bavail * space.f_frsize < SPARE_BYTES:
            raise AuditUnavailable(f"{self.path}: The disk is full: make room.")

    def close(self) -> None:
        """Give back the descriptors."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only writer, of all processes."""
        if self._lock < 0:
            self._lock = os.open(
                lock_path(self.path), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise AuditUnavailable(
                        f"{self.path}: Another process holds the audit log's lock; "
                        "look for one that was stopped."
                    ) from None
                time.sleep(LOCK_POLL_SECONDS)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        """Find the end of the chain, wherever other processes have moved it."""
        if not self._is_current():
            self._reopen()
        size = os.fstat(self._file).st_size
        if size == self._end and size > 0:
            return
        if size < self._end:
            raise AuditUnavailable(
                f"{self.path}: The audit log is shorter than it was: somebody removed "
                "lines. Keep it as evidence; move it away to begin another."
            )
        text, incomplete = last_line(self._file)
        if text:
            self._head = self._head_of(text, self.path)
            self._day = _day_of(first_line(self._file))
        else:
            self._head = self._head_of_earlier_parts()
        if incomplete or not text:
            self._begin(size, incomplete, is_new=not text)
        else:
            self._end = size

    def _is_current(self) -> bool:
        if self._file < 0:
            return False
        try:
            there, held = self.path.stat(), os.fstat(self._file)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

    def _reopen(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        self._end = 0

    def _begin(self, size: int, incomplete: bytes, *, is_new: bool) -> None:
        """Cut off what a kill has left, and say so; say what a new part follows."""
        told: Told = {"time": moment_text(self._clock())}
        whole = size - len(incomplete)
        os.ftruncate(self._file, whole)
        self._end = whole
        if is_new:
            told |= {"event": "begin", "previous": self._head.hash.hex()}
            self._day = told["time"][:10]
        else:
            told["event"] = "recover"
        if incomplete:
            digest = hashlib.sha256(incomplete).hexdigest()
            told |= {"cut_bytes": len(incomplete), "cut_sha256": digest}
        self._write([told])
        os.fsync(self._file)
        synchronise_directory(self.path)

    def _head_of(self, text: bytes, path: Path) -> Head:
        line = read_line(text)
        if line is None or not line.is_signed(self._key):
            raise AuditUnavailable(
                f"{path}: The last line of the audit log was not written by this "
                "instance, or was changed. Keep it as evidence, verify it, and move it "
                "away to begin another."
            )
        return line.head

    def _head_of_earlier_parts(self) -> Head:
        parts = earlier_parts(self.path)
        if not parts:
            return Head()
        descriptor = os.open(parts[-1], os.O_RDONLY | os.O_CLOEXEC)
        try:
            text, _ = last_line(descriptor)
        finally:
            os.close(descriptor)
        return self._head_of(text, parts[-1])

    def _is_due(self) -> bool:
        today = moment_text(self._clock())[:10]
        return self._end >= self._rotate_bytes or (
            self._rotate_daily and today > self._day
        )

    def _rotate(self) -> None:
        os.fsync(self._file)
        part = part_path(self.path, self._head.sequence)
        if part.exists():
            raise AuditUnavailable(
                f"{part} exists already: the log was cut and grew again. Keep both as "
                "evidence; move them away to begin another."
            )
        self.path.rename(part)
        # Killed here, the next writer finds no log, and follows the newest part.
        self._catch_up()

    def _write(self, group: Sequence[Told]) -> None:
        """Write all lines or none, as far as the disk lets one choose."""
        lines = []
        head = self._head
        for told in group:
            line, head = write_line(self._key, head, told)
            lines.append(line)
        rest = memoryview(b"".join(lines))
        length = len(rest)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            # What cannot be cut off now is cut off by whoever writes next.
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise
        self._head = head
        self._end += length

    def _unwritable(self, error: OSError) -> AuditUnavailable:
        return AuditUnavailable(
            f"{self.path}: The audit log cannot be written ({error.strerror}): make "
            "room on the disk, and let this user write there. Until then nothing is "
            "answered."
        )


def _day_of(text: bytes) -> str:
    line = read_line(text)
    return "" if line is None else str(line.told().get("time", ""))[:10]
