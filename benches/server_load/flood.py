"""Latency of cheap operations while clients flood the server with RSA_4096 pairs.

One connection asks for EC_P256 pairs and for Decrypt in turns: at rest, and while wrk
asks for RSA_4096 pairs over four connections as fast as they are answered. All sign
with the same client key, so the server does not tell them apart. wrk is a process of
its own; the client that measures has its interpreter to itself.
"""

import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from benches.server_load.checkouts import Checkout, MeasuredServer
from benches.server_load.generator import Mixed, Sending
from benches.server_load.requests import Prepared, Requests
from benches.server_load.tables import print_header, print_row, spread

FLOODERS = 4
SLOTS = 2
"""One for RSA pairs and one for elliptic curves."""
SPEC = "RSA_4096"
SETTLE_SECONDS = 1
"""Until the flood is at its height, and until the last of its pairs has ended."""
REST, FLOOD = "rest", "flood"


@dataclass(frozen=True)
class Latency:
    """Of one kind of request in one round.

    Attributes:
        calls: How many; the samples of the percentiles.
        p50_ms: From sending to the whole answer.
        p99_ms: Likewise.
        max_ms: Likewise.
        refused: How many of the calls had another status than 200.
    """

    calls: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int


@dataclass(frozen=True)
class Flooded:
    """What was measured of one commit.

    Attributes:
        latencies: By kind of request, then at rest and under flood, round by round.
        floods: What the flood was answered in each round.
    """

    latencies: dict[str, dict[str, list[Latency]]] = field(default_factory=dict)
    floods: list[Mixed] = field(default_factory=list)

    def add(self, state: str, latencies: dict[str, Latency]) -> None:
        """Note what a round has measured, by kind."""
        for kind, latency in latencies.items():
            states = self.latencies.setdefault(kind, {REST: [], FLOOD: []})
            states[state].append(latency)


def measure_flood(
    checkouts: Sequence[Checkout], rounds: int, seconds: float
) -> dict[str, Flooded]:
    """Measure each commit at rest and under flood, in every round; by role.

    Args:
        checkouts: One, or two that take turns.
        rounds: How many.
        seconds: At rest, and as many under flood.
    """
    found = {checkout.role: Flooded() for checkout in checkouts}
    with ExitStack() as stack:
        servers = {
            checkout.role: stack.enter_context(checkout.running(pairs_limit=SLOTS))
            for checkout in checkouts
        }
        requests = {role: Requests(server) for role, server in servers.items()}
        for role, server in servers.items():
            asked(server, cheap(requests[role]), 1)  # to warm up
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for role, server in servers.items():
                one_round(server, requests[role], seconds, found[role])
    return found


def one_round(
    server: MeasuredServer, requests: Requests, seconds: float, found: Flooded
) -> None:
    """Rest, then flood."""
    found.add(REST, asked(server, cheap(requests), seconds))
    with Sending(server, [requests.pair(SPEC)], FLOODERS) as flood:
        time.sleep(SETTLE_SECONDS)
        found.add(FLOOD, asked(server, cheap(requests), seconds))
    found.floods.append(flood.counted)
    time.sleep(SETTLE_SECONDS)


def cheap(requests: Requests) -> list[Prepared]:
    """What is measured, signed now."""
    return [requests.decrypt(), requests.pair("EC_P256")]


def asked(
    server: MeasuredServer, requests: Sequence[Prepared], seconds: float
) -> dict[str, Latency]:
    """Send each kind in turn on one connection, for some seconds; by kind."""
    times: dict[str, list[float]] = {request.kind: [] for request in requests}
    refused = Counter[str]()
    end = time.monotonic() + seconds
    with closing(server.connect()) as connection:
        while time.monotonic() < end:
            for request in requests:
                begun = time.perf_counter()
                status, _ = request.answer_on(connection)
                times[request.kind].append(time.perf_counter() - begun)
                refused[request.kind] += status != request.status
    return {kind: latency(each, refused[kind]) for kind, each in times.items()}


def latency(times: Sequence[float], refused: int) -> Latency:
    """The percentiles of calls that took so many seconds each."""
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    p50, p99, longest = (each * 1e3 for each in (cuts[49], cuts[98], max(times)))
    return Latency(len(times), p50, p99, longest, refused)


def print_flood(found: dict[str, Flooded]) -> None:
    """A table, and what the flood was answered."""
    print(f"\nLatency at rest and while {FLOODERS} connections ask for {SPEC} pairs.\n")
    print_header(
        "request", "commit", "p50 ms at rest", "under flood", "p99 ms at rest",
        "under flood", "ratio of p99", "calls at rest", "under flood",
    )  # fmt: skip
    for role, flooded in found.items():
        for kind, states in flooded.latencies.items():
            both = (states[REST], states[FLOOD])
            print_row(
                kind, role,
                *(spread([each.p50_ms for each in one], 2) for one in both),
                *(spread([each.p99_ms for each in one], 2) for one in both),
                spread(ratios(*both), 2),
                *map(calls, both),
            )  # fmt: skip
    for role, flooded in found.items():
        pairs = sum(each.answers - each.refused for each in flooded.floods)
        refused = sum(each.refused for each in flooded.floods)
        seconds = sum(each.seconds for each in flooded.floods)
        print(f"\nThe flood, {role}: {pairs} pairs and {refused} refusals in "
              f"{seconds:.0f} s.")  # fmt: skip


def calls(latencies: Sequence[Latency]) -> str:
    """How many there were, and how many were refused."""
    refused = sum(each.refused for each in latencies)
    total = f"{sum(each.calls for each in latencies):,}"
    return f"{total}, {refused:,} refused" if refused else total


def ratios(rest: Sequence[Latency], flood: Sequence[Latency]) -> list[float]:
    """Of the p99 of each round, under flood over at rest."""
    both = zip(flood, rest, strict=True)
    return [under.p99_ms / at_rest.p99_ms for under, at_rest in both]
