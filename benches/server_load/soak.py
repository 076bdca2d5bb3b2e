"""A mixed load for minutes: memory, descriptors and threads must not grow.

All kinds of requests at once, with a few RSA_2048 pairs among them. What grows without
end shows as a last quarter of the samples above the first one.
"""

import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from benches.server_load.checkouts import Checkout
from benches.server_load.generator import Mixed, Sending
from benches.server_load.load import SLOTS
from benches.server_load.processes import Resources, resources_of
from benches.server_load.requests import Prepared, Requests
from benches.server_load.tables import print_header, print_row

from pairsmith.testing import RunningServer

CONNECTIONS = 64
SAMPLE_SECONDS = 2
WARM_UP_SECONDS = 5
SIGNED_SECONDS = 600
"""After which all is signed anew: a signature is good for 900."""

COLUMNS = {"resident_mb": "memory, MB", "descriptors": "descriptors",
           "threads": "threads"}  # fmt: skip


@dataclass(frozen=True)
class Soaked:
    """What was seen.

    Attributes:
        commit: Of the server.
        samples: Of all its processes together, in the order of time.
        loads: What was sent meanwhile, one after another.
    """

    commit: str
    samples: list[Resources]
    loads: list[Mixed]


def measure_soak(checkout: Checkout, seconds: float) -> Soaked:
    """Keep the load up for so long."""
    # Root alone may count the descriptors of processes that forbid tracing.
    traceable = {"PAIRSMITH_ALLOW_TRACING": "1"}
    samples: list[Resources] = []
    loads: list[Mixed] = []
    with checkout.running(traceable, pairs_limit=SLOTS) as server:
        requests = Requests(server)
        keep_up(server, requests, WARM_UP_SECONDS)
        while seconds > 0:
            part = min(seconds, SIGNED_SECONDS)
            seen, load = keep_up(server, requests, part)
            samples += seen
            loads.append(load)
            seconds -= part
            print(f"soak: {seconds:.0f} s left", file=sys.stderr)
    return Soaked(checkout.commit, samples, loads)


def keep_up(
    server: RunningServer, requests: Requests, seconds: float
) -> tuple[list[Resources], Mixed]:
    """Send the mixture for so long, and look at the server meanwhile."""
    samples = []
    with Sending(server, mixture(requests), CONNECTIONS) as load:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(SAMPLE_SECONDS, left))
            samples.append(resources_of(server.pid))
    return samples, load.counted


def mixture(requests: Requests) -> list[Prepared]:
    """A hundred requests in turn, each kind evenly among the others."""
    parts = [
        (requests.pair("EC_P256"), 30),
        (requests.decrypt(), 30),
        (requests.data_key(), 30),
        (requests.refused(), 5),
        (requests.health(), 4),
        (requests.pair("RSA_2048"), 1),
    ]
    placed = [
        ((number + 0.5) / count, place)
        for place, (_, count) in enumerate(parts)
        for number in range(count)
    ]
    return [parts[place][0] for _, place in sorted(placed)]


def print_soak(soaked: Soaked) -> None:
    """A table, and what the load was answered."""
    samples = soaked.samples
    answers = sum(load.answers for load in soaked.loads)
    broken = sum(load.broken for load in soaked.loads)
    seconds = sum(load.seconds for load in soaked.loads)
    print(
        f"\nSoak of {soaked.commit}: {CONNECTIONS} connections for {seconds:.0f} s, "
        f"{answers:,} answers, {broken:,} broken;\n"
        f"by status: {statuses(soaked.loads)}. "
        f"{len(samples)} samples of all processes together.\n"
    )
    quarter = max(1, len(samples) // 4)
    print_header("", "median of the first quarter", "of the last quarter", "max")
    for name, column in COLUMNS.items():
        values = [getattr(each, name) for each in samples]
        first, last = map(statistics.median, (values[:quarter], values[-quarter:]))
        print_row(column, f"{first:.0f}", f"{last:.0f}", f"{max(values):.0f}")


def statuses(loads: Iterable[Mixed]) -> str:
    """How many answers had each, over all loads."""
    total = Counter[str]()
    for load in loads:
        total.update(load.statuses)
    return ", ".join(f"{status} {count:,}" for status, count in sorted(total.items()))
