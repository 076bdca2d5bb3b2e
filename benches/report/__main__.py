"""``make bench-report``: measure, then render; or one of them.

make bench-report                            # twenty minutes; keep the machine quiet
make bench-report ARGS=--quick               # two minutes, and figures to match
make bench-report ARGS="--only workers"      # measure one section again
make bench-report ARGS=--render              # nothing is measured
"""

import argparse
import sys
from pathlib import Path

from .machine import ROOT, Watch, machine
from .render import render
from .results import FOLDER, read_results, write_results
from .sections import SECTIONS


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="benches.report")
    parser.add_argument("--quick", action="store_true", help="few samples")
    parser.add_argument("--only", action="append", choices=SECTIONS, metavar="SECTION",
                        help=f"measure it alone: {', '.join(SECTIONS)}")  # fmt: skip
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "docs",
                        help="where benchmarks.md and its folder are")  # fmt: skip
    options = parser.parse_args()
    folder = options.out / FOLDER
    if not options.render:
        measure(folder, options.only or list(SECTIONS), quick=options.quick)
    render(read_results(folder), options.out)


def measure(folder: Path, names: list[str], *, quick: bool) -> None:
    """Measure sections; each is written as soon as it is there."""
    for name in names:
        print(f"{name} ...", file=sys.stderr)
        watch = Watch()
        data = SECTIONS[name](quick=quick)
        if data is None:
            print(f"{name} cannot be measured here; left as it was.", file=sys.stderr)
            continue
        document = {"Quick": quick, **watch.facts(), "Machine": machine(), "Data": data}
        write_results(folder, name, document)


if __name__ == "__main__":
    main()
