"""What the audit log takes and what it costs: ``python bench_audit.py FOLDER``.

The folder decides: it is its disk that is measured. The rival of entries per second is
a bare write of 500 bytes with ``fdatasync``, one after another, which is what one
thread alone can reach.

Processor time is that of all threads and of the kernel, for making an entry, having it
written and being told so in an event loop. Groups of one size come about by so many
tasks that wait for their entries again and again. What has changed since an earlier
commit is seen by running this file with ``PYTHONPATH=OTHER_WORKTREE/python``, in turns;
a folder in memory (``/dev/shm``) leaves out the driver of the disk.
"""

import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from pairsmith.server.audit import AuditEntry, AuditLog, recorded
from pairsmith.server.audit.verify import verify

KEY = bytes(32)
ENTRIES = {1: 300, 16: 3_000, 128: 10_000}
"""How many, by the number of threads."""

SIZES = (1, 8, 64)
"""Of the groups whose processor time is measured."""

GROUPS = 500
"""Of each size, in each of the repetitions."""

REPETITIONS = 7

BARE_WRITES = 200
VERIFICATIONS = 5


def main() -> None:
    """Measure on the disk of the folder that is named."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as name:
        folder = Path(name)
        report("bare write", BARE_WRITES, *bare_writes(folder / "bare"))
        log = AuditLog.open(folder / "audit.log", KEY)
        for threads, entries in ENTRIES.items():
            report(f"{threads} threads", entries, *by_threads(log, threads, entries))
        log.close()
        verified(folder / "audit.log")
        for size in SIZES:
            one, two = folder / f"one-{size}", folder / f"two-{size}"
            report_cost("one process", size, costs([one], size))
            # As two processes that take turns: neither finds the end as it left it.
            report_cost("two logs in turn", size, costs([two, two], size))
            report_cost("two processes at once", size, costs_at_once(two, size))


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


def by_threads(log: AuditLog, threads: int, entries: int) -> tuple[float, list[float]]:
    """The same for entries of the log."""

    def record(_: int) -> float:
        started = time.perf_counter()
        log.record(made())
        return (time.perf_counter() - started) * 1e3

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        times = list(pool.map(record, range(entries)))
        return time.perf_counter() - started, times


def made() -> AuditEntry:
    """An entry as of a decryption."""
    return AuditEntry(
        "Decrypt", "KAAP." + "0" * 36, "app", "0" * 36, "key-" + "a" * 21,
        "key-" + "a" * 32, "", "OK", 200, "127.0.0.1", datetime.now(UTC), 0.001234567,
        request={"KeyId": "alias/orders", "Algorithm": "AES_256"},
    )  # fmt: skip


def costs(paths: Sequence[Path], size: int) -> list[float]:
    """Microseconds of processor time for each entry in groups of a size.

    Args:
        paths: Of the logs, which take turns.
        size: How many entries wait at a time.
    """
    logs = [AuditLog.open(path, KEY) for path in paths]
    found = []
    for _ in range(REPETITIONS):
        started = time.process_time()
        asyncio.run(write_groups(logs, size))
        found.append((time.process_time() - started) / (GROUPS * size) * 1e6)
    for log in logs:
        log.close()
    return found


async def write_groups(logs: Sequence[AuditLog], size: int) -> None:
    """Let so many tasks write entry after entry; they get into step by themselves."""

    async def work() -> None:
        for number in range(GROUPS):
            await recorded(logs[number % len(logs)], made())

    await asyncio.gather(*(work() for _ in range(size)))


def costs_at_once(path: Path, size: int) -> list[float]:
    """The same of two processes which write to one log as fast as they can."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        both = pool.starmap(costs, [([path], size)] * 2, chunksize=1)
    return [statistics.mean(pair) for pair in zip(*both, strict=True)]


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


def report_cost(what: str, size: int, found: list[float]) -> None:
    """Print one line."""
    print(
        f"{what}, groups of {size}: {min(found):.1f} µs of processor per entry, "
        f"median {statistics.median(found):.1f}, at worst {max(found):.1f}"
    )


if __name__ == "__main__":
    main()
