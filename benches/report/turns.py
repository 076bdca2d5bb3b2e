"""Contestants take turns, so that whatever slows the machine slows all of them."""

import os
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from pairsmith.bench import Contender, Worker

from .machine import ROOT


@dataclass
class Contestant:
    """What somebody is asked for in each turn, and what was answered.

    Attributes:
        name: One of ``contestants.CONTESTANTS``.
        spec: The kind of pairs.
        pairs: How many in a turn.
        threads: On how many threads, in a batch.
        processes: How many processes at the same time, each of which makes as many.
        is_pinned: Whether each process has one CPU for each of its threads and no more,
            the thread that takes pairs from a batch included.
        keep_singles: Whether every single duration is kept.
    """

    name: str
    spec: str
    pairs: int
    threads: int = 1
    processes: int = 1
    is_pinned: bool = True
    keep_singles: bool = False
    turns: list[list[float]] = field(default_factory=list)

    def take_turn(self, workers: Sequence[Worker]) -> None:
        """Make the pairs of one turn, and remember how long each took, in seconds.

        Whoever makes them together tells one duration for all. Of processes side by
        side the slowest counts: it has the last pair.
        """
        for worker in workers:
            worker.ask(f"{self.spec} {self.pairs} {self.threads}")
        slowest = max((worker.answer() for worker in workers), key=sum)
        if len(slowest) < self.pairs:
            slowest = [sum(slowest) / self.pairs / self.processes]
        self.turns.append(slowest)

    def facts(self) -> dict[str, Any]:
        """Everything but the first turn; durations of a pair in microseconds."""
        turns = self.turns[1:]
        found = {
            "Contestant": self.name,
            "Spec": self.spec,
            "PairsPerTurn": self.pairs * self.processes,
            "Threads": self.threads,
            "Processes": self.processes,
            "TurnMeans": [microseconds(statistics.fmean(turn)) for turn in turns],
            "TurnMedians": [microseconds(statistics.median(turn)) for turn in turns],
        }
        if self.keep_singles:
            found["Singles"] = [microseconds(each) for turn in turns for each in turn]
        return found


def take_turns(contestants: Sequence[Contestant], rounds: int) -> list[dict[str, Any]]:
    """Let everybody have so many turns, one after the other, and tell the facts."""
    with ExitStack() as stack:
        teams = [
            [stack.enter_context(Worker(each)) for each in contenders(contestant)]
            for contestant in contestants
        ]
        # One turn more: the first makes tables and loads code, and does not count.
        for number in range(rounds + 1):
            for contestant, workers in zip(contestants, teams, strict=True):
                tell(f"{contestant.spec}, {contestant.name}", number / (rounds + 1))
                contestant.take_turn(workers)
    tell("", 1.0)
    return [each.facts() for each in contestants]


def contenders(contestant: Contestant) -> list[Contender]:
    """How the processes of a contestant are started, each on CPUs of its own."""
    cpus = sorted(os.sched_getaffinity(0))
    found = []
    for number in range(contestant.processes):
        places = range(number * contestant.threads, (number + 1) * contestant.threads)
        # Where there are too few, some are shared.
        own = [cpus[place % len(cpus)] for place in places]
        own = own if contestant.is_pinned else cpus
        command = (
            sys.executable, "-m", "benches.report.contestants", contestant.name,
            *map(str, own),
        )  # fmt: skip
        found.append(Contender(contestant.name, command, {"PYTHONPATH": str(ROOT)}))
    return found


def microseconds(seconds: float) -> float:
    """Rounded to nanoseconds, for nothing finer is measured."""
    return round(1e6 * seconds, 3)


def tell(what: str, share: float) -> None:
    """Say on stderr whose turn it is."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{share:4.0%}  {what}" if what else "\r\033[K")
        sys.stderr.flush()
