"""How far the log goes, kept beside it: ``NAME.head``.

A chain does not show that its last lines are missing. So whoever writes a group of
lines also writes here where the log ends now, still holding the lock: every process,
and the next start, compares the log with this record. One record of less than a disk's
sector, authenticated with the key of the log; a record that is not is as good as none.
"""

import hmac
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pairsmith.server.audit.bounds import encoded
from pairsmith.server.audit.chain import NO_HASH, Head
from pairsmith.server.audit.files import synchronise_directory
from pairsmith.server.audit.held_file import HeldFile
from pairsmith.server.audit.mac import Mac

RECORD_BYTES = 512
"""A disk writes a sector whole or not at all."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Point:
    """Where in its file a line ends, and what shows that it is this line.

    Attributes:
        head: The line.
        before: The hash of the line before it.
        end: The offset after its newline; 0 before the first line of a file.
    """

    head: Head = field(default_factory=Head)
    before: bytes = NO_HASH
    end: int = 0

    def to_json(self) -> str:
        """Write it as ``NAME.head`` has it."""
        head, before = self.head, self.before.hex()
        return f'[{head.sequence},"{head.hash.hex()}","{before}",{self.end}]'


@dataclass(frozen=True, slots=True)
class State:
    """What the last writer has left.

    Attributes:
        written: The last line. True for as long as the machine is not started anew:
            after a power failure the disk may lack it.
        synced: A line that the disk has for certain, ``written`` or one before it.
        reserved: No line has a greater sequence number; on the disk before any line
            beyond the previous value is written.
        inode: The file of ``written``.
        boot: The start of the machine that ``written`` holds for.
    """

    written: Point
    synced: Point
    reserved: int
    inode: int
    boot: str

    def is_exact(self, boot: str) -> bool:
        """Whether the log must end with ``written`` and nothing less."""
        return self.written == self.synced or (boot != "" and boot == self.boot)

    def certain(self, boot: str) -> Point:
        """The last line that must be there."""
        return self.written if self.is_exact(boot) else self.synced

    def following(self, boot: str) -> Head:
        """What the first line of another part follows if this one is not at hand.

        Where lines may be missing that somebody was answered on, their numbers are left
        out: none is ever given twice.
        """
        if self.is_exact(boot):
            return self.written.head
        return Head(self.reserved, self.synced.head.hash)

    def may_go_on_from(self, head: Head, boot: str) -> bool:
        """Whether the first line of a part that says it follows this line does."""
        known = self.synced.head.sequence <= head.sequence <= self.reserved
        return known and head.hash == self.following(boot).hash

    # Made for each group: ``replace`` would take three times as long.

    def with_written(self, point: Point) -> "State":
        """The same, with another last line."""
        return State(point, self.synced, self.reserved, self.inode, self.boot)

    def with_synced(self, point: Point) -> "State":
        """The same, with a line that the disk has; an older one changes nothing."""
        if point.head.sequence <= self.synced.head.sequence:
            return self
        return State(self.written, point, self.reserved, self.inode, self.boot)

    def to_json(self) -> str:
        """Write it as ``NAME.head`` has it; once for each group of lines."""
        return (
            f'{{"written":{self.written.to_json()},"synced":{self.synced.to_json()},'
            f'"reserved":{self.reserved},"inode":{self.inode},'
            f'"boot":{encoded(self.boot)}}}'
        )


class StateFile:
    """The record on the disk; used by whoever holds the lock.

    The file stays open once it was written. What is read is compared with what was read
    or written last, byte for byte; only if it differs is it checked and taken apart.

    Args:
        path: ``NAME.head``.
        key: That of the log.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._mac = Mac(key)
        self._file = HeldFile(path, os.O_RDWR)
        self._record = b""
        self._state: State | None = None

    def read(self) -> State | None:
        """Read it; ``None`` if there is none that was written with this key."""
        record = self._found()
        if record != self._record:
            self._state = self._checked(record)
            self._record = record
        return self._state

    def write(self, state: State, *, durable: bool = False) -> None:
        """Replace it.

        Args:
            state: The new one.
            durable: Return when it is on the disk.

        Raises:
            OSError: It is not written.
        """
        body = state.to_json().encode("ascii")
        record = (body + b" " + self._mac_of(body)).ljust(RECORD_BYTES - 1) + b"\n"
        is_new = False
        if self._file.descriptor < 0:
            is_new = not self._file.path.exists()
            self._file.open()
        os.pwrite(self._file.descriptor, record, 0)
        if durable:
            os.fsync(self._file.descriptor)
        if is_new:
            synchronise_directory(self._file.path)
        self._record, self._state = record, state

    def close(self) -> None:
        """Give back the descriptor."""
        self._file.close()

    def _found(self) -> bytes:
        """The bytes that are there now; none if nothing is."""
        if self._file.found():
            return os.pread(self._file.descriptor, RECORD_BYTES, 0)
        # Another file or none: the next write opens it, or makes it.
        self._file.close()
        try:
            return self._file.path.read_bytes()[:RECORD_BYTES]
        except FileNotFoundError:
            return b""

    def _checked(self, record: bytes) -> State | None:
        body, _, mac = record.rstrip().rpartition(b" ")
        if not hmac.compare_digest(mac, self._mac_of(body)):
            return None
        told = json.loads(body)
        return State(
            _read_point(told["written"]),
            _read_point(told["synced"]),
            told["reserved"],
            told["inode"],
            told["boot"],
        )

    def _mac_of(self, body: bytes) -> bytes:
        return self._mac.of(b"head of the audit log:" + body).hex().encode()


def present_boot() -> str:
    """Name this start of the machine; empty where that cannot be known."""
    with suppress(OSError):
        return BOOT_ID.read_text(encoding="ascii").strip()
    return ""


def _read_point(told: list[Any]) -> Point:
    sequence, digest, before, end = told
    return Point(Head(sequence, bytes.fromhex(digest)), bytes.fromhex(before), end)
