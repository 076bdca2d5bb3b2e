"""Change a registry, its blobs and its records many times, and ask what is given.

    python tests/mutations/mutate.py 100000 --seed 1

Each change is looked at by a process that remembers nothing, then taken back. Prints
what was done how often and what became of it; exits with 1 if an answer was wrong.
"""

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from campaign import Campaign
from campaign_report import Report
from mutated_world import World, build, opened
from table_rows import Rows, Tables

PART = 5_000
"""Changes that one process makes in one copy of the world."""


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


def main() -> int:
    """Make as many changes as the command line says, on every core."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    logging.disable()
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=base, prefix="pairsmith-") as scratch:
        folder = Path(scratch) / "first"
        _build(folder)
        report = Report()
        spawn = get_context("spawn")
        with ProcessPoolExecutor(arguments.workers, mp_context=spawn) as pool:
            parts = range(0, arguments.count, PART)
            make = partial(_make_part, folder, arguments.count, arguments.seed)
            for part in pool.map(make, parts):
                report.join(part)
                print(report.progress(), file=sys.stderr, flush=True)
    print(*report.lines(), sep="\n")
    print(f"seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    return 1 if report.findings else 0


def _build(folder: Path) -> None:
    """Make the world that each part begins with."""
    folder.mkdir()
    world = build(f"sqlite:///{folder}/kms.db", f"file:{folder}/root-key")
    with closing(Rows(world.url)) as rows:
        rows.relax()
    world.save(folder / "world")


def _make_part(folder: Path, count: int, seed: str, first: int) -> Report:
    """Make the changes from a number on, in a copy of the world."""
    logging.disable()
    own = folder.with_name(f"{folder.name}-{first}")
    shutil.copytree(folder, own)
    try:
        world = World.load(own / "world", f"sqlite:///{own}/kms.db")
        with closing(Rows(world.url)) as rows:
            base = rows.all()
        return run(world, seed, range(first, min(first + PART, count)), base)
    finally:
        shutil.rmtree(own)


if __name__ == "__main__":
    sys.exit(main())
