"""``make bench-server``: requests per second, latency, and ten thousand connections.

Every operation is measured in turns with two floors: a page that does nothing, and a
request that is refused because its signature is checked. Client and server share the
processors of this machine, so the processor time of both is told for each answer:
unlike the other figures it hardly depends on who else uses the machine.
"""

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benches.server_load import connections
from benches.server_load.generator import Measured, measure, require_wrk
from benches.server_load.requests import Prepared, Signing, preparation

from pairsmith.testing import RunningServer

WORKERS = 2
CONCURRENCY = (1, 16, 128)
SLOTS = 16
"""As many pairs as the quick threads of two workers make at once: none is refused."""
PAIR = "EC_P256 pair"

Rows = dict[tuple[str, int, int], list[Measured]]
"""What was measured in each round, by request, slots for pairs and connections."""


def main() -> None:
    """Measure, print tables, and write everything if asked to."""
    chosen = arguments()
    require_wrk()
    rows: Rows = defaultdict(list)
    with running(pairs_limit=SLOTS) as many, running(pairs_limit=1) as one:
        servers = {SLOTS: many, 1: one}
        prepare = {slots: preparation(server) for slots, server in servers.items()}
        warm_up(servers, prepare)
        check_us = Signing(many).check_seconds() * 1e6
        for number in range(chosen.rounds):
            print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr)
            for slots, request, count in turns(prepare):
                measured = measure(servers[slots], request, count, chosen.seconds)
                rows[request.kind, slots, count].append(measured)
    print_tables(rows, check_us, chosen)
    held = connections.measure(chosen.connections) if chosen.connections else None
    if held is not None:
        connections.print_report(held)
    if chosen.json:
        document = {
            "machine": machine(),
            "workers": WORKERS,
            "signature_check_us": check_us,
            "requests": [
                {"kind": kind, "slots": slots, "connections": count,
                 "rounds": [asdict(each) for each in measured]}
                for (kind, slots, count), measured in rows.items()
            ],
            "connections": None if held is None else asdict(held),
        }  # fmt: skip
        chosen.json.write_text(json.dumps(document, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benches.server_load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="for each figure")
    parser.add_argument("--connections", type=int, default=10_000, help="0 for none")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser.parse_args()


@contextmanager
def running(**settings: object) -> Iterator[RunningServer]:
    """A server for as long as it is needed."""
    server = RunningServer.start(
        tls_insecure_http=True, listen_workers=WORKERS, **settings
    )
    try:
        yield server
    finally:
        server.discard()


def turns(
    prepare: dict[int, Callable[[], list[Prepared]]],
) -> Iterator[tuple[int, Prepared, int]]:
    """Everything that a round measures: slots, request, connections."""
    for count in CONCURRENCY:
        yield from ((SLOTS, request, count) for request in prepare[SLOTS]())
        yield from (
            (1, request, count) for request in prepare[1]() if request.kind == PAIR
        )


def warm_up(
    servers: dict[int, RunningServer], prepare: dict[int, Callable[[], list[Prepared]]]
) -> None:
    """Send everything once, and see that it is answered as it should be."""
    for slots, server in servers.items():
        for request in prepare[slots]():
            connection = server.connect()
            connection.request(
                request.method, request.path, request.body, request.headers
            )
            assert connection.getresponse().status == request.status, request.kind
            connection.close()
            measure(server, request, 16, 1)


def print_tables(rows: Rows, check_us: float, chosen: argparse.Namespace) -> None:
    """The tables of docs/server.md."""
    print(
        f"{machine()}; {WORKERS} workers, plain HTTP on the loopback, wrk beside them;"
    )
    print(
        f"medians of {chosen.rounds} rounds of {chosen.seconds:g} s, and their range."
    )
    print(f"One signature check alone: {check_us:.0f} µs of a processor.\n")
    print("| request | slots | connections | answers per second | p50 ms | p99 ms "
          "| server, µs of processor | wrk, µs | answers |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for (kind, slots, count), measured in rows.items():
        cells = [
            kind, slots, count,
            spread([each.answers / each.seconds for each in measured], 0),
            spread([each.p50_ms for each in measured], 1),
            spread([each.p99_ms for each in measured], 1),
            spread([each.server_us for each in measured], 0),
            spread([each.client_us for each in measured], 0),
            told(measured),
        ]  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")


def spread(values: list[float], digits: int) -> str:
    """The median, and from where to where they are."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def told(measured: list[Measured]) -> str:
    """How many answers, and how many of them were no success."""
    total = sum(each.answers for each in measured)
    refused = sum(each.refused for each in measured)
    broken = sum(each.broken for each in measured)
    return f"{total:,}" + (f", {refused:,} refused" if refused else "") + (
        f", {broken:,} broken" if broken else ""
    )  # fmt: skip


def machine() -> str:
    """What is measured on, and how busy it was besides."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line for line in lines if line.startswith("model name")]
    name = names[0].partition(":")[2].strip() if names else "unknown"
    load = os.getloadavg()[2]  # over the last fifteen minutes
    return f"{os.cpu_count()} × {name}, load average {load:.1f}"


if __name__ == "__main__":
    main()
