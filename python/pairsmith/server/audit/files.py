"""Where the parts of a log lie, and how its end is read.

The log is ``NAME``; earlier parts are ``NAME.`` and the sequence number of their last
line in 12 digits, so that the order of names is the order of lines. ``NAME.head`` says
how far the log goes; ``NAME.lock`` is what the processes queue at that write.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from pairsmith.private_files import open_kept, synchronise

BLOCK = 65_536

_DIGITS = 12


def audit_path_beside(database: Path) -> Path:
    """Name the log of an SQLite database: beside it."""
    return database.with_name(f"{database.name}.audit.log")


def lock_path(path: Path) -> Path:
    """Name the lock file of a log."""
    return path.with_name(f"{path.name}.lock")


def head_path(path: Path) -> Path:
    """Name the record of how far a log goes."""
    return path.with_name(f"{path.name}.head")


def part_path(path: Path, last_sequence: int) -> Path:
    """Name an earlier part by its last line."""
    return path.with_name(f"{path.name}.{last_sequence:0{_DIGITS}}")


def earlier_parts(path: Path) -> list[Path]:
    """List the earlier parts of a log, the oldest first."""
    found = path.parent.glob(f"{_escaped(path.name)}.{'[0-9]' * _DIGITS}")
    return sorted(found)


def first_line(descriptor: int) -> bytes:
    """Read the first line of a file, without its newline."""
    return os.pread(descriptor, BLOCK, 0).split(b"\n", 1)[0]


def last_line(descriptor: int) -> tuple[bytes, bytes]:
    """Read the end of a file.

    Returns:
        The last whole line without its newline, empty if there is none, and the bytes
        after it: an incomplete line that a kill has left.
    """
    blocks: list[bytes] = []
    newlines = 0
    for block in _blocks_from_the_end(descriptor):
        blocks.append(block)
        newlines += block.count(b"\n")
        if newlines > 1:
            break
    tail = b"".join(reversed(blocks))
    end = tail.rfind(b"\n")
    if end < 0:
        return b"", tail
    return tail[tail.rfind(b"\n", 0, end) + 1 : end], tail[end + 1 :]


def open_file(path: Path, flags: int) -> int:
    """Open one of these files, made if it is not there, for its owner only.

    The folder may be one that others can change, as ``/var/log`` often is: lines are
    authenticated, and nothing in them is secret.

    Raises:
        OSError: It cannot be, it is no file, or others may write it.
    """
    return open_kept(path, flags, in_trusted=False)


def synchronise_directory(path: Path) -> None:
    """Make the names in the file's directory durable."""
    synchronise(path.parent)


def _blocks_from_the_end(descriptor: int) -> Iterator[bytes]:
    offset = os.fstat(descriptor).st_size
    while offset > 0:
        length = min(BLOCK, offset)
        offset -= length
        yield os.pread(descriptor, length, offset)


def _escaped(name: str) -> str:
    return "".join(f"[{each}]" if each in "*?[" else each for each in name)
