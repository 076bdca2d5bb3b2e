"""Change a registry, its blobs and its records many times, and ask what is given.

    python tests/mutations/mutate.py 100000 --seed 1

Each change is looked at by a process that remembers nothing, then taken back. Prints
what was done how often and what became of it; exits with 1 if an answer was wrong.
"""

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from campaign import Campaign
from campaign_report import Report
from mutated_world import World, build, opened
from table_rows import Rows, Tables


def run(world: World, seed: str, numbers: Iterable[int], base: Tables) -> Report:
    """Make the changes of these numbers."""
    rows = Rows(world.url)
    with opened(world) as here:
        campaign = Campaign(world, here, rows, seed)
        for number in numbers:
            part = number % 10
            if part < 4:
                campaign.database(number)
            else:
                campaign.text(number, record=part > 6)
        here.forget()
        for question in campaign.questions:
            assert question.answer(here) == campaign.first[question.name], question
    assert rows.all() == base, "the database is as it was"
    rows.close()
    return campaign.report


def _run_copy(folder: Path, worker: int, workers: int, count: int, seed: str) -> Report:
    logging.disable()
    own = folder.with_name(f"{folder.name}-{worker}")
    shutil.copytree(folder, own)
    try:
        world = World.load(own / "world", f"sqlite:///{own}/kms.db")
        rows = Rows(world.url)
        base = rows.all()
        rows.close()
        return run(world, seed, range(worker, count, workers), base)
    finally:
        shutil.rmtree(own)


def main() -> int:
    """Run as many as the command line says, on every core."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    logging.disable()
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=base, prefix="pairsmith-") as scratch:
        folder = Path(scratch) / "first"
        folder.mkdir()
        world = build(f"sqlite:///{folder}/kms.db", f"file:{folder}/root-key")
        rows = Rows(world.url)
        rows.relax()
        rows.close()
        world.save(folder / "world")
        report = Report()
        with ProcessPoolExecutor(
            arguments.workers, mp_context=get_context("spawn")
        ) as pool:
            jobs = [
                pool.submit(
                    _run_copy,
                    folder,
                    worker,
                    arguments.workers,
                    arguments.count,
                    arguments.seed,
                )
                for worker in range(arguments.workers)
            ]
            for job in jobs:
                report.join(job.result())
    print(*report.lines(), sep="\n")
    print(f"seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
