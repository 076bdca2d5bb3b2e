"""What stands at the end of a log: lines that follow, and what an accident has left."""

import os

from pairsmith.server.audit.chain import Head, read_line
from pairsmith.server.audit.files import first_line
from pairsmith.server.audit.mac import Mac
from pairsmith.server.audit.state import Point

LINE_BYTES = 1_000_000
"""More than any line has."""

LIKELY_BYTES = 2_000
"""More than nearly every line has."""

LOST_BYTES = 16_000_000
"""More than a group of lines has: so much cannot have been lost with one."""


class LastLine:
    """The last line of the log as this process has checked or written it.

    It is read again before each group. As long as its bytes are the same its hash and
    its signature need not be computed again.

    Args:
        mac: Signs the lines of the log.
    """

    def __init__(self, mac: Mac) -> None:
        self._mac = mac
        self._point = Point()
        self._text = b""

    def note(self, point: Point, text: bytes) -> None:
        """Remember a line that was written; its newline belongs to it."""
        self._point, self._text = point, text

    def holds(self, descriptor: int, point: Point) -> bool:
        """Whether the line of a point still stands where it ended, unchanged."""
        if point.end == 0:
            return True
        if point == self._point:
            begin = point.end - len(self._text)
            return os.pread(descriptor, len(self._text), begin) == self._text
        text = _line_before(descriptor, point.end)
        line = read_line(text[:-1])
        if (
            line is None
            or line.head != point.head
            or not line.follows(point.before)
            or not line.is_signed(self._mac)
        ):
            return False
        self.note(point, text)
        return True


def follow(descriptor: int, mac: Mac, point: Point) -> tuple[Point, bytes]:
    """Read every line that follows a point.

    Returns:
        The last of them, and the bytes after it, ``LOST_BYTES`` of them at most.
    """
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(point.end)
        while True:
            text = file.readline(LINE_BYTES + 1)
            after = _next_point(text, mac, point)
            if after is None:
                return point, text + file.read(max(0, LOST_BYTES - len(text)))
            point = after


def first_point(descriptor: int, mac: Mac) -> Point | None:
    """Give the point before the first line of a part, which says what it follows.

    ``None`` if the file does not begin as a part of this log does.
    """
    line = read_line(first_line(descriptor))
    told = {} if line is None else line.told()
    if line is None or told.get("event") != "begin" or not line.is_signed(mac):
        return None
    try:
        previous = bytes.fromhex(told.get("previous", ""))
    except (TypeError, ValueError):
        return None
    if not line.follows(previous):
        return None
    return Point(Head(line.sequence - 1, previous))


def has_a_line(descriptor: int) -> bool:
    """Whether the file has one whole line, whoever wrote it."""
    return b"\n" in os.pread(descriptor, LINE_BYTES, 0)


def was_lost(rest: bytes) -> bool:
    """Whether these bytes are a group that was on its way to the disk.

    A kill leaves the beginning of a group, a power failure one with pages of zeros in
    it. A line holds no zero byte; bytes with whole lines only were put there.
    """
    return len(rest) < LOST_BYTES and (b"\n" not in rest or b"\0" in rest)


def _line_before(descriptor: int, end: int) -> bytes:
    """The line that ends at an offset, with its newline; empty if none does."""
    for length in (LIKELY_BYTES, LINE_BYTES):
        begin = max(0, end - length)
        text = os.pread(descriptor, end - begin, begin)
        if not text.endswith(b"\n"):
            return b""
        before = text.rfind(b"\n", 0, -1)
        if before >= 0 or begin == 0:
            return text[before + 1 :]
    return b""


def _next_point(text: bytes, mac: Mac, point: Point) -> Point | None:
    line = read_line(text[:-1]) if text.endswith(b"\n") else None
    if (
        line is None
        or line.sequence != point.head.sequence + 1
        or not line.follows(point.head.hash)
        or not line.is_signed(mac)
    ):
        return None
    return Point(line.head, point.head.hash, point.end + len(text))
