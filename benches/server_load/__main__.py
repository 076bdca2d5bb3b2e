"""``make bench-server``: what the server serves, what that takes, and how it holds up.

make bench-server                                    # load, and 10,000 connections
make bench-server ARGS="--against FOLDER --connections 0 --json FILE"
make bench-server ARGS="--flood --rounds 5 --seconds 10"
make bench-server ARGS="--soak 300"

Every operation is measured in turn with two floors: a page that does nothing, and a
request that is refused because its signature is checked. Client and server share the
processors of this machine, so the processor time of both is told for each answer:
unlike the other figures it hardly depends on who else uses the machine.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benches.server_load import connections
from benches.server_load.checkouts import WORKERS, Checkout, other, present
from benches.server_load.flood import measure_flood, print_flood
from benches.server_load.generator import require_wrk
from benches.server_load.load import measure_load
from benches.server_load.machine import machine
from benches.server_load.soak import measure_soak, print_soak
from benches.server_load.tables import print_load

SOAK_SECONDS = 300


def main() -> None:
    """Measure, print tables, and write everything if asked to."""
    chosen = arguments()
    require_wrk()
    checkouts = [other(chosen.against)] if chosen.against else []
    checkouts.append(present())
    found = measured(chosen, checkouts)
    document = {
        "machine": machine(),
        "workers": WORKERS,
        "commits": {each.role: each.commit for each in checkouts},
        **found,
    }
    if chosen.json:
        chosen.json.write_text(json.dumps(document, indent=1) + "\n")
    if chosen.picture:
        from benches.server_load.picture import draw

        draw(document, chosen.picture, chosen.parts)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benches.server_load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="for each figure")
    parser.add_argument("--connections", type=int, default=10_000, help="0 for none")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="a built checkout of another commit, which is measured in turn",
    )
    parser.add_argument(
        "--flood",
        action="store_true",
        help="measure latency under a flood of RSA_4096 pairs instead",
    )
    parser.add_argument(
        "--soak",
        type=float,
        nargs="?",
        const=SOAK_SECONDS,
        metavar="SECONDS",
        help=f"keep up a mixed load for so long instead ({SOAK_SECONDS})",
    )
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="PATH",
        help="draw the load: NAME.svg gives NAME-light.svg and NAME-dark.svg",
    )
    parser.add_argument(
        "--parts",
        type=Path,
        metavar="FILE",
        help="JSON of microseconds by part, for a third panel of the picture",
    )
    chosen = parser.parse_args()
    if chosen.picture and (chosen.flood or chosen.soak):
        parser.error("--picture is of the load; leave --flood and --soak out")
    return chosen


def measured(chosen: argparse.Namespace, checkouts: list[Checkout]) -> dict[str, Any]:
    """What was chosen, measured and printed; as JSON has it."""
    if chosen.flood or chosen.soak:
        return extremes(chosen, checkouts)
    load = measure_load(checkouts, chosen.rounds, chosen.seconds)
    print_load(load, chosen.seconds)
    held = connections.measure(chosen.connections) if chosen.connections else None
    if held is not None:
        connections.print_report(held)
    return {**load.document(), "connections": None if held is None else asdict(held)}


def extremes(chosen: argparse.Namespace, checkouts: list[Checkout]) -> dict[str, Any]:
    """The flood, the soak, or one after the other."""
    document: dict[str, Any] = {}
    if chosen.flood:
        flooded = measure_flood(checkouts, chosen.rounds, chosen.seconds)
        print_flood(flooded)
        document["flood"] = {role: asdict(each) for role, each in flooded.items()}
    if chosen.soak:
        soaked = measure_soak(checkouts[-1], chosen.soak)
        print_soak(soaked)
        document["soak"] = asdict(soaked)
    return document


if __name__ == "__main__":
    main()
