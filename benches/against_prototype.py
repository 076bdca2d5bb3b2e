"""Run the vector engine and its prototype alternately, and compare.

    python3 benches/against_prototype.py [--rounds 7] [--shared ../shared] [--json FILE]

Builds the prototype (``prototype/prime_lanes.rs`` of the shared folder) with
``-C opt-level=3 -C target-cpu=native`` and this workspace with its release profile. The
prototype has no measure of a squaring alone, so ``prototype_squaring.rs`` takes the
place of its ``main`` in a temporary folder. Each round runs one after the other. A
run's result is the least of its samples, because whoever shares the cores only ever
adds time; a figure is the median over the rounds.
"""

import argparse
import json
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

WORKSPACE = Path(__file__).resolve().parent.parent
RUSTC = ["rustc", "-Awarnings", "-Copt-level=3", "-Ctarget-cpu=native"]
NANOSECONDS_UP_TO = 1e5
HARNESS = WORKSPACE / "benches" / "prototype_squaring.rs"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shared", type=Path, default=default_shared())
    parser.add_argument("--json", type=Path, help="write every round's nanoseconds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rivals = build(Path(folder), arguments.shared.resolve())
        minima: dict[str, dict[str, list[float]]] = {"prototype": {}, "pairsmith": {}}
        for _ in range(arguments.rounds):
            for rival, command in rivals:
                for name, nanoseconds in measure(command):
                    minima[rival].setdefault(name, []).append(nanoseconds)
    if arguments.json:
        arguments.json.write_text(json.dumps({"Nanoseconds": minima}))
    print("| measure | prototype (spread) | pairsmith (spread) | ratio |")
    print("|---|---|---|---|")
    for name, prototype in minima["prototype"].items():
        ours = minima["pairsmith"][name]
        ratio = statistics.median(ours) / statistics.median(prototype)
        print(f"| {name} | {shown(prototype)} | {shown(ours)} | {ratio:.2f} |")


def default_shared() -> Path:
    """Return the nearest folder ``shared`` beside the workspace or above it."""
    folders = (parent / "shared" for parent in WORKSPACE.parents)
    return next(folder for folder in folders if folder.is_dir())


def build(folder: Path, shared: Path) -> list[tuple[str, list[str]]]:
    """Build the rivals; return their names and commands in the order to run."""
    text = (shared / "prototype" / "prime_lanes.rs").read_text()
    lists, squaring = folder / "lists.rs", folder / "squaring.rs"
    lists.write_text(text)
    squaring.write_text(text[: text.index("fn main()")] + HARNESS.read_text())
    for source in (lists, squaring):
        run([*RUSTC, "-o", str(source.with_suffix("")), str(source)])
    cargo = ["cargo", "build", "--quiet", "--release", "-p", "pairsmith-benches"]
    run(cargo)
    ours = str(WORKSPACE / "target" / "release" / "pairsmith-benches")
    return [
        ("prototype", [str(squaring.with_suffix(""))]),
        ("pairsmith", [ours, "avx512ifma squaring"]),
        ("prototype", [str(lists.with_suffix("")), str(shared / "vectors" / "cctv")]),
        ("pairsmith", [ours, "avx512ifma cctv"]),
    ]


def measure(command: list[str]) -> Iterator[tuple[str, float]]:
    """Run a rival once and yield its measures and their minima in nanoseconds."""
    for line in run(command).splitlines():
        if match := re.search(r"(squaring|cctv) (\d+).*min (\d+) ns", line):
            kind, bits, nanoseconds = match.groups()
            yield f"{kind} {bits}", float(nanoseconds)
        elif match := re.search(r"RSA-(\d+) CCTV.* ([\d.]+) min", line):
            bits, milliseconds = match.groups()
            yield f"cctv {bits}", 1e6 * float(milliseconds)


def run(command: list[str]) -> str:
    """Run a command in the workspace and return what it prints."""
    # The commands are built above, from this file and two folders.
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=WORKSPACE
    )
    return done.stdout


def shown(nanoseconds: list[float]) -> str:
    """Give the median and the range, in ns or ms."""
    unit, scale = ("ms", 1e6) if min(nanoseconds) >= NANOSECONDS_UP_TO else ("ns", 1)
    low, high = min(nanoseconds) / scale, max(nanoseconds) / scale
    digits = 2 if unit == "ms" else 0
    middle = statistics.median(nanoseconds) / scale
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main()
