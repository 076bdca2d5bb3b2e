"""What a server's processes take of the machine, as Linux tells it."""

import os
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Of a process and all that it started.

    Attributes:
        processor_seconds: Since each began.
        resident_bytes: Now; pages that they share count several times.
    """

    processor_seconds: float
    resident_bytes: int


@dataclass(frozen=True)
class Resources:
    """What a process and all that it started hold at a moment.

    Attributes:
        resident_mb: Memory; pages that they share count several times.
        descriptors: Open files, sockets and pipes.
        threads: How many.
    """

    resident_mb: float
    descriptors: int
    threads: int


def usage_of(pid: int) -> Usage:
    """What this process and its children take; they must go on running."""
    pids = [pid, *children_of(pid)]
    return Usage(
        sum(_processor_seconds(each) for each in pids),
        sum(_resident_bytes(each) for each in pids),
    )


def resources_of(pid: int) -> Resources:
    """What this process and its children hold; they must go on running."""
    pids = [pid, *children_of(pid)]
    return Resources(
        sum(_resident_bytes(each) for each in pids) / 1e6,
        sum(_entries(each, "fd") for each in pids),
        sum(_entries(each, "task") for each in pids),
    )


def children_of(pid: int) -> list[int]:
    """The processes that its main thread has started."""
    return [
        int(child)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]


def _processor_seconds(pid: int) -> float:
    # Fields 14 and 15 of proc(5); the name before may have blanks, but ends in ")".
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def _entries(pid: int, folder: str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/{folder}").iterdir())
