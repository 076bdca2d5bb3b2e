"""RSA key generation against rivals in Python and Rust: ``make bench-keygen``.

Timed are, for Pairsmith, search, proof, encoding as DER and wrapping, in one call into
the core; for rivals, generation alone. Everybody has one thread unless the name says
more, and everybody works in turn: no two at the same time, but for the two processes
that are to be compared with two threads. Durations vary by more than half of their mean
from key to key, hence hundreds of keys, standard errors and intervals.
"""

import argparse
import json
import platform
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pairsmith.bench import Contender, Results, engines, measure, rivals, speed_up
from pairsmith.cli.bench import show

ROOT = Path(__file__).parent.parent
KEYS = {"RSA_2048": 400, "RSA_3072": 200, "RSA_4096": 60}
QUICK = 20
"""With ``--quick``, so many times fewer."""

TARGETS = {
    ("avx512ifma", "RSA_2048"): 11.0,
    ("avx512ifma", "RSA_3072"): 11.0,
    ("avx512ifma", "RSA_4096"): 11.0,
    ("portable", "RSA_2048"): 3.2,
}
"""How many times faster than ``cryptography`` is wanted at least."""
THREADS_TARGET = 1.6
"""And two threads than one, on RSA_4096."""


def main() -> None:
    """Measure, show, and write what was measured."""
    options = arguments()
    contenders = everybody(with_rust=not options.without_rust)
    measured = []
    for spec in options.spec or KEYS:
        keys = options.keys or max(KEYS[spec] // (QUICK if options.quick else 1), 2)
        taking_part = [*contenders, *(in_parallel() if spec == "RSA_4096" else [])]
        measured.append(measure(taking_part, spec, keys=keys, progress=tell))
        tell("", 1.0)
    print(f"{machine()}\n")
    show(measured)
    print()
    for line in verdicts(measured):
        print(line)
    if options.json:
        document = {
            "Machine": machine(),
            "Command": " ".join(["bench_keygen.py", *sys.argv[1:]]),
            "Results": [facts(each) for results in measured for each in results],
            "Verdicts": verdicts(measured),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=1) + "\n")
        print(f"\nEvery single duration is in {options.json}.")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare RSA key generators.")
    parser.add_argument("--spec", action="append", choices=KEYS)
    parser.add_argument("--keys", type=int, help=f"instead of {KEYS}")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the keys")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all durations")
    parser.add_argument("--without-rust", action="store_true",
                        help="leave out rivals that must be compiled")  # fmt: skip
    return parser.parse_args()


def everybody(*, with_rust: bool) -> list[Contender]:
    """Our engines, the rivals of Python, and those of Rust."""
    compiled = rust_rivals() if with_rust else []
    return [*engines(), *rivals(), *compiled]


def rust_rivals() -> list[Contender]:
    """Compile and name the generators of other crates."""
    build = ["cargo", "build", "--release", "--locked", "--quiet",
             "--package", "pairsmith-benches", "--features", "rivals",
             "--bin", "rivals", "--message-format", "json"]  # fmt: skip
    built = subprocess.run(build, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    (program,) = {m["executable"] for m in messages if m.get("executable")}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    versions = {package["name"]: package["version"] for package in lock}
    return [
        Contender(name, (program, name, versions[name]))
        for name in ("rsa", "aws-lc-rs")
    ]


def in_parallel() -> list[Contender]:
    """Two threads for one key; and two processes, each for keys of its own."""
    best = engines()[0]
    command, environment = best.command, best.environment
    return [
        Contender(f"{best.name}, 2 threads", command, environment, threads=2),
        Contender(f"{best.name}, 2 processes", command, environment, processes=2),
    ]


def verdicts(measured: list[list[Results]]) -> list[str]:
    """What was wanted, and what came out."""
    lines = []
    for results in measured:
        by_name = {each.name: each for each in results}
        for (engine, spec), target in TARGETS.items():
            ours = by_name.get(f"pairsmith {engine}")
            if ours is not None and ours.spec == spec:
                yardstick = by_name["cryptography"]
                what = f"{spec}, {engine}, over cryptography"
                lines.append(verdict(what, yardstick, ours, target))
        for together in (each for each in results if each.name.endswith("2 threads")):
            one = by_name[together.name.removesuffix(", 2 threads")]
            what = f"{together.spec}, two threads over one"
            lines.append(verdict(what, one, together, THREADS_TARGET))
    return lines


def verdict(what: str, slow: Results, fast: Results, target: float) -> str:
    """Put a ratio beside what it should be."""
    value, low, high = speed_up(slow, fast)
    met = "met" if value >= target else "MISSED"
    if low < target < high:
        met += ", but the interval allows the other; measure more keys"
    return f"{what}: {value:.2f} ({low:.2f} to {high:.2f}), at least {target}: {met}"


def facts(results: Results) -> dict[str, Any]:
    """Everything about one generator."""
    milliseconds = [round(seconds * 1000, 4) for seconds in results.seconds]
    return {**results.to_dict(), "Milliseconds": milliseconds}


def machine() -> str:
    """Say where and when."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        models = [line for line in text.splitlines() if line.startswith("model name")]
        cpu = f"{len(models)} x {models[0].partition(': ')[2]}"
    except (OSError, IndexError):
        cpu = platform.processor() or platform.machine()
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{cpu}, {platform.system()}, Python {platform.python_version()}, {now}"


def tell(name: str, share: float) -> None:
    """Say on stderr whose turn it is."""
    if sys.stderr.isatty():
        shown = f"{share:4.0%}  {name}" if name else ""
        sys.stderr.write(f"\r\033[K{shown}")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
