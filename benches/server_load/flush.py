"""How long the disk takes to keep one line of a log: the floor of every latency.

Each operation is answered when its line of the audit log is on the disk. A request that
is alone waits for one flush, whatever the server does.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

LINE = b"x" * 600
"""About as long as a line of the audit log."""

FLUSHES = 300


def flush_us(folder: Path) -> float:
    """Append a line and flush it, again and again; the median in microseconds.

    Args:
        folder: In the file system that is measured.
    """
    with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as file:
        return statistics.median(_flushed(file.fileno()) for _ in range(FLUSHES)) * 1e6


def _flushed(descriptor: int) -> float:
    begun = time.perf_counter()
    os.write(descriptor, LINE)
    os.fdatasync(descriptor)
    return time.perf_counter() - begun
