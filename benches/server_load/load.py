"""Each request, kept up by 1, 16 and 128 connections, turn by turn for each commit."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from benches.server_load.checkouts import AFTER, Checkout, MeasuredServer
from benches.server_load.flush import flush_us
from benches.server_load.generator import Measured, measure
from benches.server_load.requests import HEALTH, REFUSED, Prepared, Requests, Signing

CONCURRENCY = (1, 16, 128)
SLOTS = 16
"""As many pairs as the quick threads of two workers make at once: none is refused."""


@dataclass(frozen=True)
class Case:
    """What is measured of one commit.

    Attributes:
        kind: Of the request.
        slots: For pairs, of the server.
        connections: That keep it up.
    """

    kind: str
    slots: int
    connections: int


@dataclass(frozen=True)
class Load:
    """What was measured.

    Attributes:
        rounds: By role of the commit and by case, one for each round.
        signature_check_us: To check one signature alone, in this process.
        flush_us: To write a line of a log to the disk; one for each round.
    """

    rounds: dict[str, dict[Case, list[Measured]]]
    signature_check_us: float
    flush_us: list[float] = field(default_factory=list)

    def cases(self) -> list[Case]:
        """In their order; they are the same for each commit."""
        return list(self.rounds[AFTER])

    def times_health(self, role: str, case: Case) -> list[float]:
        """The server's processor time over that of the page, round by round."""
        rounds = self.rounds[role]
        floor = rounds[Case(HEALTH, SLOTS, case.connections)]
        return [
            one.server_us / max(other.server_us, 1e-9)
            for one, other in zip(rounds[case], floor, strict=True)
        ]

    def beyond_flush_us(self, role: str, case: Case) -> list[float]:
        """The median latency without that of the disk, round by round."""
        measured = self.rounds[role][case]
        return [
            one.p50_ms * 1e3 - flush
            for one, flush in zip(measured, self.flush_us, strict=True)
        ]

    def document(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "signature_check_us": self.signature_check_us,
            "flush_us": self.flush_us,
            "requests": [
                {"role": role, **asdict(case), "rounds": [asdict(each) for each in of]}
                for role, cases in self.rounds.items()
                for case, of in cases.items()
            ],
        }


@dataclass(frozen=True)
class Contestant:
    """One server, and the requests to it.

    Attributes:
        role: Of its commit.
        slots: For pairs.
        server: Itself.
        requests: Prepared for it.
    """

    role: str
    slots: int
    server: MeasuredServer
    requests: Requests

    def each(self) -> list[Prepared]:
        """What is measured, signed now: with one slot nothing but pairs."""
        if self.slots == 1:
            return [self.requests.pair("EC_P256")]
        return self.requests.each()


def measure_load(checkouts: Sequence[Checkout], rounds: int, seconds: float) -> Load:
    """Measure every case in every round.

    Args:
        checkouts: One, or two that take turns.
        rounds: How many.
        seconds: For each figure.
    """
    with ExitStack() as stack:
        contestants = [
            contestant(stack, checkout, slots)
            for slots in (SLOTS, 1)
            for checkout in checkouts
        ]
        for each in contestants:
            warm_up(each)
        server = next(each.server for each in contestants if each.role == AFTER)
        found: dict[str, dict[Case, list[Measured]]] = {
            checkout.role: defaultdict(list) for checkout in checkouts
        }
        load = Load(found, Signing(server).check_seconds() * 1e6)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            load.flush_us.append(flush_us(server.folder))
            for who, request, count in turns(contestants, number):
                case = Case(request.kind, who.slots, count)
                measured = measure(who.server, request, count, seconds)
                found[who.role][case].append(measured)
    return load


def contestant(stack: ExitStack, checkout: Checkout, slots: int) -> Contestant:
    """A server that runs until the stack is left."""
    server = stack.enter_context(checkout.running(pairs_limit=slots))
    return Contestant(checkout.role, slots, server, Requests(server))


def warm_up(who: Contestant) -> None:
    """Send everything, and see that it is answered as it should be.

    A server that limits how many refused signatures it checks would answer otherwise
    after a second of them, and the floor would be measured without the check.
    """
    for request in who.each():
        request.answer_of(who.server)
        measure(who.server, request, 16, 1)
        if request.kind == REFUSED:
            request.answer_of(who.server)


def turns(
    contestants: Sequence[Contestant], number: int
) -> Iterator[tuple[Contestant, Prepared, int]]:
    """Everything that a round measures; each request by all commits, one by one.

    Args:
        contestants: All of them.
        number: Of the round: who goes first in one goes last in the next.
    """
    for count in CONCURRENCY:
        for slots in (SLOTS, 1):
            several = [each for each in contestants if each.slots == slots]
            in_order = several if number % 2 == 0 else several[::-1]
            for same in zip(*(each.each() for each in in_order), strict=True):
                for who, request in zip(in_order, same, strict=True):
                    yield who, request, count
