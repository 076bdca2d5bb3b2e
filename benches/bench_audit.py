"""How many entries per second the audit log takes: ``python bench_audit.py FOLDER``.

The folder decides: it is its disk that is measured. The rival is a bare write of 500
bytes with ``fdatasync``, one after another, which is what one thread alone can reach.
"""

import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from pairsmith.server.audit import AuditEntry, AuditLog
from pairsmith.server.audit.verify import verify

KEY = bytes(32)
ENTRIES = {1: 300, 16: 3_000, 128: 10_000}
"""How many, by the number of threads."""

BARE_WRITES = 200
VERIFICATIONS = 5


def main() -> None:
    """Measure on the disk of the folder that is named."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as name:
        folder = Path(name)
        report("bare write", BARE_WRITES, *bare_writes(folder / "bare"))
        log = AuditLog.open(folder / "audit.log", KEY)
        for threads, entries in ENTRIES.items():
            report(f"{threads} threads", entries, *recorded(log, threads, entries))
        log.close()
        verified(folder / "audit.log")


def bare_writes(path: Path) -> tuple[float, list[float]]:
    """Seconds in all, and milliseconds of each."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def write(_: int) -> float:
        started = time.perf_counter()
        os.write(descriptor, b"x" * 500)
        os.fdatasync(descriptor)
        return (time.perf_counter() - started) * 1e3

    started = time.perf_counter()
    times = [write(number) for number in range(BARE_WRITES)]
    elapsed = time.perf_counter() - started
    os.close(descriptor)
    return elapsed, times


def recorded(log: AuditLog, threads: int, entries: int) -> tuple[float, list[float]]:
    """The same for entries of the log."""
    entry = AuditEntry(
        "Decrypt", "KAAP." + "0" * 36, "app", "0" * 36, "key-" + "a" * 21,
        "key-" + "a" * 32, "", "OK", 200, "127.0.0.1", datetime.now(UTC), 0.001,
    )  # fmt: skip

    def record(_: int) -> float:
        started = time.perf_counter()
        log.record(entry)
        return (time.perf_counter() - started) * 1e3

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        times = list(pool.map(record, range(entries)))
        return time.perf_counter() - started, times


def verified(path: Path) -> None:
    """Print how fast the log is read."""
    times = []
    for _ in range(VERIFICATIONS):
        started = time.perf_counter()
        lines = verify(path, KEY).lines
        times.append(time.perf_counter() - started)
    fastest, median = (lines / each for each in (min(times), statistics.median(times)))
    print(f"verify: {lines} lines, {fastest:.0f}/s at best, {median:.0f}/s median")


def report(what: str, count: int, elapsed: float, times: list[float]) -> None:
    """Print one line."""
    percentiles = statistics.quantiles(times, n=100)
    print(
        f"{what}: {count / elapsed:.0f}/s, min {min(times):.2f} ms, "
        f"p50 {percentiles[49]:.2f} ms, p99 {percentiles[98]:.2f} ms"
    )


if __name__ == "__main__":
    main()
