"""What stands at the end of a log: lines that follow, and what an accident has left."""

import os

from pairsmith.server.audit.chain import Head, read_line
from pairsmith.server.audit.files import BLOCK, first_line
from pairsmith.server.audit.state import Point

LINE_BYTES = 1_000_000
"""More than any line has."""

LOST_BYTES = 16_000_000
"""More than a group of lines has: so much cannot have been lost with one."""


def holds(descriptor: int, key: bytes, point: Point) -> bool:
    """Whether the line of a point still stands where it ended, unchanged."""
    if point.end == 0:
        return True
    begin = max(0, point.end - BLOCK)
    text = os.pread(descriptor, point.end - begin, begin)
    line = read_line(text[:-1].rsplit(b"\n", 1)[-1])
    return (
        text.endswith(b"\n")
        and line is not None
        and line.head == point.head
        and line.follows(point.before)
        and line.is_signed(key)
    )


def follow(descriptor: int, key: bytes, point: Point) -> tuple[Point, bytes]:
    """Read every line that follows a point.

    Returns:
        The last of them, and the bytes after it, ``LOST_BYTES`` of them at most.
    """
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(point.end)
        while True:
            text = file.readline(LINE_BYTES + 1)
            after = _next_point(text, key, point)
            if after is None:
                return point, text + file.read(max(0, LOST_BYTES - len(text)))
            point = after


def first_point(descriptor: int, key: bytes) -> Point | None:
    """Give the point before the first line of a part, which says what it follows.

    ``None`` if the file does not begin as a part of this log does.
    """
    line = read_line(first_line(descriptor))
    told = {} if line is None else line.told()
    if line is None or told.get("event") != "begin" or not line.is_signed(key):
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


def _next_point(text: bytes, key: bytes, point: Point) -> Point | None:
    line = read_line(text[:-1]) if text.endswith(b"\n") else None
    if (
        line is None
        or line.sequence != point.head.sequence + 1
        or not line.follows(point.head.hash)
        or not line.is_signed(key)
    ):
        return None
    return Point(line.head, point.head.hash, point.end + len(text))
