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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pairsmith.server.audit.chain import NO_HASH, Head
from pairsmith.server.audit.files import open_file, synchronise_directory

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

    def with_synced(self, point: Point) -> Self:
        """The same, with a line that the disk has; an older one changes nothing."""
        if point.head.sequence <= self.synced.head.sequence:
            return self
        return replace(self, synced=point)


class StateFile:
    """The record on the disk; used by whoever holds the lock.

    Args:
        path: ``NAME.head``.
        key: That of the log.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key

    def read(self) -> State | None:
        """Read it; ``None`` if there is none that was written with this key."""
        try:
            record = self._path.read_bytes()[:RECORD_BYTES]
        except FileNotFoundError:
            return None
        body, _, mac = record.rstrip().rpartition(b" ")
        if not hmac.compare_digest(mac, self._mac(body)):
            return None
        told = json.loads(body)
        return State(
            _read_point(told["written"]),
            _read_point(told["synced"]),
            told["reserved"],
            told["inode"],
            told["boot"],
        )

    def write(self, state: State, *, durable: bool = False) -> None:
        """Replace it.

        Args:
            state: The new one.
            durable: Return when it is on the disk.

        Raises:
            OSError: It is not written.
        """
        body = json.dumps(
            {
                "written": _point_told(state.written),
                "synced": _point_told(state.synced),
                "reserved": state.reserved,
                "inode": state.inode,
                "boot": state.boot,
            },
            separators=(",", ":"),
        ).encode("ascii")
        record = (body + b" " + self._mac(body)).ljust(RECORD_BYTES - 1) + b"\n"
        is_new = not self._path.exists()
        descriptor = open_file(self._path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, record, 0)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            synchronise_directory(self._path)

    def _mac(self, body: bytes) -> bytes:
        digest = hmac.digest(self._key, b"head of the audit log:" + body, "sha256")
        return digest[:16].hex().encode()


def present_boot() -> str:
    """Name this start of the machine; empty where that cannot be known."""
    with suppress(OSError):
        return BOOT_ID.read_text(encoding="ascii").strip()
    return ""


def _point_told(point: Point) -> list[Any]:
    head = point.head
    return [head.sequence, head.hash.hex(), point.before.hex(), point.end]


def _read_point(told: list[Any]) -> Point:
    sequence, digest, before, end = told
    return Point(Head(sequence, bytes.fromhex(digest)), bytes.fromhex(before), end)
