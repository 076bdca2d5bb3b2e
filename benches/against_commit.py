"""Make the same RSA keys by this commit and by another, turn by turn, and compare.

    python3 benches/against_commit.py FOLDER [--keys 300] [--engine NAME] [--json FILE]

FOLDER is a checkout of the other commit (``git worktree add FOLDER COMMIT``). The
program that makes the keys, ``src/bin/same_keys.rs``, is copied there and built in
both. Both get the same seeds, so both test the same candidates and luck does not
enter: a ratio of each key's times has a narrow spread even on a busy machine. Who
begins changes with each key.
"""

import argparse
import json
import random
import shutil
import statistics
import subprocess
from pathlib import Path

WORKSPACE = Path(__file__).resolve().parent.parent
PROGRAM = Path("benches/src/bin/same_keys.rs")
Maker = subprocess.Popen[str]
SIZES = {2048: 1.0, 3072: 0.5, 4096: 0.25}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a checkout of the other commit")
    parser.add_argument("--keys", type=int, default=300, help="of 2048 bits")
    parser.add_argument("--engine", default="avx512ifma")
    parser.add_argument("--json", type=Path, help="write every key's nanoseconds")
    arguments = parser.parse_args()
    checkouts = [arguments.folder.resolve(), WORKSPACE]
    shutil.copy(WORKSPACE / PROGRAM, checkouts[0] / PROGRAM)
    makers = [started(folder, arguments.engine) for folder in checkouts]
    columns = (
        "size | keys | the other, ms | this, ms | of the sums | of a key (quartiles)"
    )
    print(f"| {columns} |\n|{'---|' * 6}")
    results = []
    for bits, share in SIZES.items():
        keys = max(2, int(arguments.keys * share))
        both = compared(makers, bits, keys)
        results.append({"Bits": bits, "Nanoseconds": both})
        earlier, this = both.values()
        medians = [statistics.median(times) / 1e6 for times in (earlier, this)]
        ratios = [ours / theirs for theirs, ours in zip(earlier, this, strict=True)]
        low, median, high = statistics.quantiles(ratios)
        print(
            f"| RSA_{bits} | {keys} | {medians[0]:.2f} | {medians[1]:.2f} "
            f"| {sum(this) / sum(earlier):.3f} "
            f"| {median:.3f} ({low:.3f} to {high:.3f}) |",
            flush=True,
        )
    for maker in makers:
        # Until it is waited for, its time counts as somebody else's.
        maker.communicate()
    if arguments.json:
        arguments.json.write_text(json.dumps(results))


def started(folder: Path, engine: str) -> Maker:
    """Build the program in a checkout and start it."""
    build = ["cargo", "build", "--release", "--quiet", "-p", "pairsmith-benches"]
    subprocess.run([*build, "--bin", PROGRAM.stem], cwd=folder, check=True)
    command = [str(folder / "target" / "release" / PROGRAM.stem), engine]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)


def compared(makers: list[Maker], bits: int, keys: int) -> dict[str, list[int]]:
    """Return the nanoseconds that the earlier commit and this one took for each key.

    The first key makes tables and is left out.
    """
    times: list[list[int]] = [[], []]
    for seed in range(keys + 1):
        public_keys = set()
        for i in random.sample(range(2), 2):
            nanoseconds, public_key = answer(makers[i], bits, seed)
            times[i].append(nanoseconds)
            public_keys.add(public_key)
        if len(public_keys) != 1:
            message = f"the commits make different keys of {bits} bits of seed {seed}"
            raise SystemExit(message)
    return {"Earlier": times[0][1:], "This": times[1][1:]}


def answer(maker: Maker, bits: int, seed: int) -> tuple[int, str]:
    """Return the nanoseconds of a key, and its public half's digest."""
    assert maker.stdin is not None
    assert maker.stdout is not None
    maker.stdin.write(f"{bits} {seed}\n")
    maker.stdin.flush()
    nanoseconds, public_key = maker.stdout.readline().split(maxsplit=1)
    return int(nanoseconds), public_key


if __name__ == "__main__":
    main()
