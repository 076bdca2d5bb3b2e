"""Key generators compared: in turns, one at a time, until each has made as many keys.

How long a key takes is a matter of luck: the number of candidates is geometrically
distributed, and the durations' standard deviation is more than half their mean. So
every mean has its standard error, and every ratio of means an interval. Turns
alternate, so that a machine that slows down slows everybody down.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pairsmith.errors import InternalFailure, InvalidParameter
from pairsmith.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "ENGINES", "RIVALS", "Contender", "Interval", "Results", "Worker", "engines",
    "measure", "rivals", "speed_up", "tested",
]  # fmt: skip

ENGINES = ("auto", "portable", "avx512ifma")
RIVALS = {"cryptography": "cryptography", "pycryptodome": "Crypto"}
"""Rivals by name, and the module that shows that one is installed."""

KEYS_PER_TURN = {"RSA_2048": 4, "RSA_3072": 2, "RSA_4096": 1}
"""Short turns, for whatever disturbs the machine to hit all alike."""
EC_KEYS_PER_TURN = 500

UNSUPPORTED = {("cryptography", "ML_KEM_512")} | {
    ("pycryptodome", spec)
    for spec in KINDS
    if spec in ("EC_P256K", "X25519") or spec.startswith("ML_")
}
"""Kinds that a rival does not know."""

NORMAL_95 = 1.96
"""Standard errors to either side of a mean that hold 95 % of its distribution."""


@dataclass(frozen=True)
class Contender:
    """A generator that takes part.

    Attributes:
        name: What it is known by in requests and results.
        command: What starts it; it speaks the protocol of ``pairsmith.generators``.
        environment: Variables that it is started with, besides ours.
        threads: Threads that it may use for one key.
        processes: How many of it run at the same time, each for keys of its own.
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    processes: int = 1

    def makes(self, spec: str) -> bool:
        """Whether it knows the spec."""
        return (self.name, spec) not in UNSUPPORTED


class Interval(NamedTuple):
    """A value and the interval that covers the true one with 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Results:
    """The durations of one contender's keys.

    Attributes:
        spec: The kind of key.
        name: The contender's name.
        label: What it said it is: its version, or our engine.
        seconds: One duration for each key.
        waited: The share of its time in which it waited for a CPU; above some 2 % the
            machine was not quiet. ``None`` where the system does not tell.
    """

    spec: str
    name: str
    label: str
    seconds: Sequence[float]
    waited: float | None = None

    @property
    def mean(self) -> float:
        """Seconds for one key."""
        return fmean(self.seconds)

    @property
    def standard_error(self) -> float:
        """Of the mean; infinite for one key, which tells nothing."""
        count = len(self.seconds)
        return stdev(self.seconds) / math.sqrt(count) if count > 1 else math.inf

    @property
    def median(self) -> float:
        """Seconds that half of the keys took at most."""
        return median(self.seconds)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the single durations, in milliseconds."""
        error = self.standard_error
        return {
            "Spec": self.spec,
            "Generator": self.name,
            "Version": self.label,
            "Keys": len(self.seconds),
            "MeanMs": round(self.mean * 1000, 4),
            "StandardErrorMs": None if math.isinf(error) else round(error * 1000, 4),
            "MedianMs": round(self.median * 1000, 4),
            "WaitedForCpu": None if self.waited is None else round(self.waited, 4),
        }


def speed_up(slow: Results, fast: Results) -> Interval:
    """How many times faster: the ratio of the means, with its interval of 95 %.

    The logarithm of a mean is about normal with the mean's relative standard error.
    """
    ratio = slow.mean / fast.mean
    error = math.hypot(slow.standard_error / slow.mean, fast.standard_error / fast.mean)
    factor = math.exp(min(NORMAL_95 * error, 700))
    return Interval(ratio, ratio / factor, ratio * factor)


def engines(names: Sequence[str] = ()) -> list[Contender]:
    """Give our engines by name; by default all of this machine, the best first.

    Raises:
        InvalidParameter: An engine is not of this machine.
    """
    if names:
        # ``auto`` beside the engine that it stands for would measure that twice.
        found = {_label(contender): contender for contender in map(_engine, names)}
        return list(found.values())
    best = _engine(_label(_engine("auto")).removeprefix("pairsmith "))
    portable = _engine("portable")
    return [best] if best == portable else [best, portable]


def tested(contender: Contender) -> Contender:
    """The same engine, with the pairwise test of pairs that are no RSA pairs."""
    name = f"{contender.name}, pairwise test"
    return replace(contender, name=name, command=_program("pairsmith-tested"))


def rivals(names: Sequence[str] = ()) -> list[Contender]:
    """Give rivals by name, cryptography always; by default those that are installed.

    Raises:
        InvalidParameter: A rival is not installed.
    """
    for name in names:
        if find_spec(RIVALS[name]) is None:
            raise InvalidParameter("rival", f"{name} is not installed; pip knows it.")
    chosen = {"cryptography", *names} if names else RIVALS
    return [
        Contender(name, _program(name))
        for name, module in RIVALS.items()
        if name in chosen and find_spec(module) is not None
    ]


def measure(
    contenders: Sequence[Contender],
    spec: str,
    *,
    keys: int | None = None,
    seconds: float = 20.0,
    progress: Callable[[str, float], object] = lambda _name, _share: None,
) -> list[Results]:
    """Let contenders generate keys of a spec in turns.

    Args:
        contenders: Who takes part; those that do not know the spec sit out.
        spec: The kind of key.
        keys: How many keys each makes at least. If not given:
        seconds: After how many seconds no new round begins.
        progress: Told whose turn is next, and the share that is done, 0 to 1.

    Raises:
        InternalFailure: A contender ended before it should.
    """
    begun = time.monotonic()
    turn = KEYS_PER_TURN.get(spec, EC_KEYS_PER_TURN)
    turn = min(turn, keys or turn)
    with ExitStack() as stack:
        teams = [
            stack.enter_context(_Team(contender, spec))
            for contender in contenders
            if contender.makes(spec)
        ]
        for team in teams:
            # The first key makes tables and loads code; it does not count.
            team.generate(1)
            team.begin()
        done = 0.0
        while done < 1:
            for team in teams:
                progress(team.contender.name, done)
                team.seconds += team.generate(turn)
            if keys is not None:
                done = min(len(team.seconds) for team in teams) / keys
            else:
                done = (time.monotonic() - begun) / seconds
        progress("", 1.0)
        return [team.results() for team in teams]


class _Team:
    """The running processes of one contender."""

    def __init__(self, contender: Contender, spec: str) -> None:
        self.contender = contender
        self.spec = spec
        self.seconds: list[float] = []
        self._workers: list[Worker] = []
        self._before: list[tuple[int, int]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            for _ in range(self.contender.processes):
                worker = stack.enter_context(Worker(self.contender))
                self._workers.append(worker)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self) -> None:
        """From here on it counts."""
        self._before = [worker.times() for worker in self._workers]

    def generate(self, keys: int) -> list[float]:
        """Seconds per key; those of processes side by side are shared among them."""
        request = f"{self.spec} {keys} {self.contender.threads}"
        for worker in self._workers:
            worker.ask(request)
        durations = [each for worker in self._workers for each in worker.answer()]
        return [duration / len(self._workers) for duration in durations]

    def results(self) -> Results:
        """What was measured."""
        running = waiting = 0
        for worker, (ran, waited) in zip(self._workers, self._before, strict=True):
            now = worker.times()
            running += now[0] - ran
            waiting += now[1] - waited
        return Results(
            spec=self.spec,
            name=self.contender.name,
            label=self._workers[0].label + self._beside(),
            seconds=self.seconds,
            waited=waiting / (running + waiting) if running else None,
        )

    def _beside(self) -> str:
        """What it has more of than others."""
        threads, processes = self.contender.threads, self.contender.processes
        return f", {threads} threads" * (threads > 1) + f", {processes} processes" * (
            processes > 1
        )


class Worker:
    """One process that generates."""

    def __init__(self, contender: Contender) -> None:
        self._name = contender.name
        self._process = subprocess.Popen(  # noqa: S603 -- a command of our own
            contender.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **contender.environment},
            # Ctrl-C is for us; the end of their input ends them.
            start_new_session=True,
        )
        self.label = ""

    def __enter__(self) -> Self:
        """Wait until it has told its label."""
        with ExitStack() as stack:
            stack.callback(self.__exit__)
            self.label = self._line()
            if self.label.startswith("error "):
                raise InvalidParameter(self._name, self.label.removeprefix("error "))
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        # Killed, for it may be in the middle of a key and holds nothing of value.
        self._process.kill()
        self._process.communicate()

    def ask(self, request: str) -> None:
        """Send a line."""
        assert self._process.stdin is not None  # noqa: S101 -- a pipe, for mypy
        try:
            self._process.stdin.write(f"{request}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def answer(self) -> list[float]:
        """Wait for the durations."""
        return [float(word) for word in self._line().split()]

    def times(self) -> tuple[int, int]:
        """Nanoseconds that its first thread ran, and waited for a CPU, so far."""
        try:
            text = Path(f"/proc/{self._process.pid}/schedstat").read_text("ascii")
        except OSError:
            return 0, 0
        ran, waited, _slices = text.split()
        return int(ran), int(waited)

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 -- a pipe, for mypy
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        return line.rstrip("\n")

    def _ended(self) -> InternalFailure:
        return InternalFailure(
            f"The generator {self._name} ended before the benchmark did. Run it alone "
            "to see why: python -m pairsmith.generators NAME."
        )


def _engine(name: str) -> Contender:
    if name not in ENGINES:
        raise InvalidParameter("engine", f"must be one of {', '.join(ENGINES)}.")
    environment = {"PAIRSMITH_ENGINE": name}
    return Contender(f"pairsmith {name}", _program("pairsmith"), environment)


def _label(contender: Contender) -> str:
    with Worker(contender) as worker:
        return worker.label


def _program(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pairsmith.generators", name)
