"""The file of the log under the writer's lock: where it ends, its parts, its lines.

Before each group the end of the log is compared with what its last writer has left in
``NAME.head``: nothing is written after lines that were removed, changed or put there.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pairsmith.server.audit.chain import Head, read_line, write_lines
from pairsmith.server.audit.ending import (
    LastLine,
    first_point,
    follow,
    has_a_line,
    was_lost,
)
from pairsmith.server.audit.entry import event_json
from pairsmith.server.audit.errors import AuditUnavailable
from pairsmith.server.audit.files import (
    earlier_parts,
    first_line,
    head_path,
    last_line,
    part_path,
    synchronise_directory,
)
from pairsmith.server.audit.held_file import HeldFile
from pairsmith.server.audit.mac import Mac
from pairsmith.server.audit.state import Point, State, StateFile, present_boot

RESERVED_LINES = 10_000
"""How many sequence numbers are reserved at a time, for one write to the disk."""

EVIDENCE = (
    "Keep the log and its earlier parts as evidence: verify them, and move them away "
    "together; then another part begins."
)


class LogFile:
    """The log as one process writes it; whoever calls holds the lock.

    Every method raises ``AuditUnavailable`` if the log is not as it was left, and
    ``OSError`` if it cannot be written.

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
        self._mac = Mac(key)
        self._rotate_bytes = rotate_bytes
        self._rotate_daily = rotate_daily
        self._clock = clock
        self._kept = StateFile(head_path(path), key)
        self._boot = present_boot()
        self._file = HeldFile(path, os.O_RDWR | os.O_APPEND)
        self._last_line = LastLine(self._mac)
        self._is_new = False
        self._day = ""
        self._state: State | None = None
        self._synced = Point()
        self._noted = 0

    @property
    def has_news(self) -> bool:
        """Whether the disk has lines of which its ``NAME.head`` does not know yet."""
        return self._synced.head.sequence > self._noted

    def catch_up(self) -> None:
        """Find the end of the chain, and make sure that it is where it was left."""
        known = self._newest_state()
        found = self._file.found() or self._reopened()
        is_other = self._is_new or known is None or known.inode != found.st_ino
        if is_other and not has_a_line(self._file.descriptor):
            self._begin(known, found.st_size)
            return
        first = self._first(known) if is_other else None
        end, rest = first or self._left_end(known, found.st_size), b""
        if found.st_size > end.end:
            end, rest = follow(self._file.descriptor, self._mac, end)
        self._adopt(known, end, found.st_ino, synced=first)
        if rest:
            self._repair(end, rest)
        if known is None:
            os.fsync(self._file.descriptor)
            self._synced = self._present.written
            self._keep(self._present.with_synced(self._synced), durable=True)

    def is_due(self) -> bool:
        """Whether it is time for another part."""
        return self._present.written.end >= self._rotate_bytes or (
            self._rotate_daily and _day(self._clock()) > self._day
        )

    def rotate(self) -> None:
        """Put this part away, and begin another."""
        os.fsync(self._file.descriptor)
        self._synced = self._present.written
        self._keep(self._present.with_synced(self._synced), durable=True)
        part = part_path(self.path, self._synced.head.sequence)
        if part.exists():
            raise self._tampered(f"{part} exists already.")
        self.path.rename(part)
        # Killed here, the next writer finds no log, and follows the newest part.
        self.catch_up()

    def write(self, group: Sequence[str]) -> Point:
        """Write all lines or none, as far as the disk lets one choose.

        Args:
            group: What each tells, as JSON.

        Returns:
            The last of them.
        """
        left = self._present.written
        lines = write_lines(self._mac, left.head, group)
        self._reserve(lines.head.sequence)
        self._write_all(lines.text, left.end)
        end = Point(lines.head, lines.before, left.end + len(lines.text))
        written = self._present.with_written(end).with_synced(self._synced)
        try:
            self._keep(written)
        except OSError:
            self._cut(left.end)
            raise
        self._last_line.note(end, lines.last)
        return end

    def synchronise(self, end: Point) -> None:
        """Let the disk have all lines; ``end`` is one of them. Needs no lock."""
        os.fdatasync(self._file.descriptor)
        self._synced = end

    def note(self) -> None:
        """Let ``NAME.head`` say, on the disk, what the log has on the disk."""
        state = self._newest_state()
        if state is not None:
            self._keep(state.with_synced(self._synced), durable=True)

    def close(self) -> None:
        """Give back the descriptors."""
        self._file.close()
        self._kept.close()

    # Where the log ends.

    def _newest_state(self) -> State | None:
        """What the last writer left, or what this one did if that was put back."""
        kept, own = self._kept.read(), self._state
        if kept is None or own is None:
            return kept or own
        is_older = kept.written.head.sequence < own.written.head.sequence
        return own if is_older else kept

    def _reopened(self) -> os.stat_result:
        """Open what is at the path, and say what that is."""
        self._is_new = not self.path.exists()  # the inode may be that of an older one
        self._day = ""
        return self._file.open()

    def _first(self, known: State | None) -> Point | None:
        """Before the first line, if that is one that the next part begins with."""
        first = first_point(self._file.descriptor, self._mac)
        if first is None or known is None:
            return first
        return first if known.may_go_on_from(first.head, self._boot) else None

    def _left_end(self, known: State | None, size: int) -> Point:
        """Where the last writer has left the log.

        Raises:
            AuditUnavailable: That is not there any more.
        """
        if known is None:
            raise self._tampered(
                "The audit log was not written by this instance, or was changed."
            )
        left = known.certain(self._boot)
        if size < left.end:
            raise self._tampered(
                "The audit log is shorter than it was: lines were removed, or an older "
                "copy was put in its place."
            )
        if not self._last_line.holds(self._file.descriptor, left):
            raise self._tampered(
                "The audit log does not go on from where it was left: it was changed, "
                "or another was put in its place."
            )
        return left

    def _adopt(
        self, known: State | None, end: Point, inode: int, synced: Point | None
    ) -> None:
        """Take this end for the last line of the log."""
        reserved = end.head.sequence if known is None else known.reserved
        if synced is None:
            synced = Point() if known is None else known.synced
        self._state = State(end, synced, reserved, inode, self._boot)
        if not self._day:
            self._day = _day_of(first_line(self._file.descriptor))

    def _repair(self, end: Point, rest: bytes) -> None:
        """Cut off a group that was lost on its way to the disk, and say so."""
        if not was_lost(rest):
            raise self._tampered(
                "The last line of the audit log was not written by this instance, or "
                "was changed."
            )
        os.ftruncate(self._file.descriptor, end.end)
        noted = self.write([event_json("recover", self._clock(), **_cut_off(rest))])
        os.fsync(self._file.descriptor)
        self._synced = noted

    # Parts.

    def _begin(self, known: State | None, incomplete_bytes: int) -> None:
        """Begin a part: its first line says what it follows."""
        head = self._head_of_earlier_parts()
        if known is not None:
            following = known.following(self._boot)
            head = max(head, following, key=lambda each: each.sequence)
        told: dict[str, object] = {"previous": head.hash.hex()}
        if incomplete_bytes:
            rest = os.pread(self._file.descriptor, incomplete_bytes, 0)
            told |= _cut_off(rest)
            os.ftruncate(self._file.descriptor, 0)
        self._state = known or State(Point(head), Point(head), 0, 0, self._boot)
        self._reserve(head.sequence + 1)
        moment = self._clock()
        begin = write_lines(self._mac, head, [event_json("begin", moment, **told)])
        self._write_all(begin.text, 0)
        os.fsync(self._file.descriptor)
        synchronise_directory(self.path)
        self._is_new = False
        # Nothing of the new file is told in NAME.head before the disk has it.
        self._synced = first = Point(begin.head, begin.before, len(begin.text))
        self._last_line.note(first, begin.last)
        self._day = _day(moment)
        inode, reserved = os.fstat(self._file.descriptor).st_ino, self._present.reserved
        state = State(first, first, reserved, inode, self._boot)
        self._keep(state, durable=True)

    def _head_of_earlier_parts(self) -> Head:
        parts = earlier_parts(self.path)
        if not parts:
            return Head()
        descriptor = os.open(parts[-1], os.O_RDONLY | os.O_CLOEXEC)
        try:
            text, _ = last_line(descriptor)
        finally:
            os.close(descriptor)
        line = read_line(text)
        if line is None or not line.is_signed(self._mac):
            raise AuditUnavailable(
                f"{parts[-1]}: The last line of this part of the audit log was not "
                f"written by this instance, or was changed. {EVIDENCE}"
            )
        return line.head

    # Writing.

    @property
    def _present(self) -> State:
        """What was found by ``catch_up``."""
        if self._state is None:
            raise AuditUnavailable(f"{self.path}: The end of the log is not known.")
        return self._state

    def _reserve(self, sequence: int) -> None:
        """Let no number be used that a start after a power failure might use again."""
        if sequence > self._present.reserved:
            reserved = sequence + RESERVED_LINES
            self._keep(replace(self._present, reserved=reserved), durable=True)

    def _write_all(self, text: bytes, end: int) -> None:
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[os.write(self._file.descriptor, rest) :]
        except OSError:
            self._cut(end)
            raise
        if os.fstat(self._file.descriptor).st_size != end + len(text):
            raise self._tampered("Somebody else has written to the audit log.")

    def _cut(self, end: int) -> None:
        # What cannot be cut off now is cut off by whoever writes next.
        with suppress(OSError):
            os.ftruncate(self._file.descriptor, end)

    def _keep(self, state: State, *, durable: bool = False) -> None:
        self._kept.write(state, durable=durable)
        self._state = state
        if durable:
            self._noted = state.synced.head.sequence

    def _tampered(self, what: str) -> AuditUnavailable:
        return AuditUnavailable(f"{self.path}: {what} {EVIDENCE}")


def _cut_off(rest: bytes) -> dict[str, object]:
    """What a line tells of bytes that were cut off."""
    return {"cut_bytes": len(rest), "cut_sha256": hashlib.sha256(rest).hexdigest()}


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _day_of(text: bytes) -> str:
    line = read_line(text)
    return "" if line is None else str(line.told().get("time", ""))[:10]
