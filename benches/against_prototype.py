"""Run the vector engine and its prototype alternately, and compare.

    python3 benches/against_prototype.py [--rounds 7] [--shared ../shared]

Builds the prototype (``prototype/prime_lanes.rs`` of the shared folder) with
``-C opt-level=3 -C target-cpu=native`` and this workspace with its release profile.
The prototype has no measure of a squaring alone, so a harness is appended to its text
in a temporary folder.
Each round runs one after the other; a figure is the median of the rounds' medians.
"""

import argparse
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

WORKSPACE = Path(__file__).resolve().parent.parent
SQUARING_HARNESS = """
unsafe fn squaring<const B: usize, const K: usize>(bits: usize) {
    let n = [_mm512_set1_epi64(0xfedcba987654f); 40];
    let inverse = inverse(0xfedcba987654f).wrapping_neg() & MASK52;
    let n_inv = _mm512_set1_epi64(inverse as i64);
    let mut x = [_mm512_set1_epi64(0x123456789abcd); 40];
    let mut t = [_mm512_setzero_si512(); 82];
    let one = _mm512_set1_epi64(1);
    let mut times: Vec<f64> = (0..21).map(|_| {
        let start = Instant::now();
        for _ in 0..4000 {
            square::<B, K>(x.as_mut_ptr(), n.as_ptr(), n_inv, one, t.as_mut_ptr());
        }
        start.elapsed().as_secs_f64() * 1e9 / 4000.0
    }).collect();
    times.sort_by(f64::total_cmp);
    println!("squaring {bits}: min {:.0} ns, median {:.0} ns", times[0], times[10]);
}
fn main() {
    unsafe {
        squaring::<10, 2>(1024);
        squaring::<10, 3>(1536);
        squaring::<10, 4>(2048);
    }
}
"""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shared", type=Path, default=default_shared())
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rivals = build(Path(folder), arguments.shared.resolve())
        medians: dict[str, dict[str, list[float]]] = {"prototype": {}, "pairsmith": {}}
        for _ in range(arguments.rounds):
            for rival, command in rivals:
                for name, nanoseconds in measure(command):
                    medians[rival].setdefault(name, []).append(nanoseconds)
    print("| measure | prototype (spread) | pairsmith (spread) | ratio |")
    print("|---|---|---|---|")
    for name, prototype in medians["prototype"].items():
        ours = medians["pairsmith"][name]
        ratio = statistics.median(ours) / statistics.median(prototype)
        print(f"| {name} | {shown(prototype)} | {shown(ours)} | {ratio:.2f} |")


def default_shared() -> Path:
    """Return the nearest folder ``shared`` beside the workspace or above it."""
    folders = (parent / "shared" for parent in WORKSPACE.parents)
    return next(
        (folder for folder in folders if folder.is_dir()), WORKSPACE.parent / "shared"
    )


def build(folder: Path, shared: Path) -> list[tuple[str, list[str]]]:
    """Build the rivals; return their names and commands in the order to run."""
    text = (shared / "prototype" / "prime_lanes.rs").read_text()
    lists, squaring = folder / "lists.rs", folder / "squaring.rs"
    lists.write_text(text)
    # The outer doc comments of the file's head are allowed in no other place.
    squaring.write_text(text[: text.index("fn main()")] + SQUARING_HARNESS)
    for source in (lists, squaring):
        command = [
            "rustc",
            "-A",
            "warnings",
            "-C",
            "opt-level=3",
            "-C",
            "target-cpu=native",
        ]
        subprocess.run([*command, "-o", source.with_suffix(""), source], check=True)
    cargo = ["cargo", "build", "--quiet", "--release", "-p", "pairsmith-benches"]
    subprocess.run(cargo, check=True, cwd=WORKSPACE)
    ours = str(WORKSPACE / "target" / "release" / "pairsmith-benches")
    return [
        ("prototype", [str(squaring.with_suffix(""))]),
        ("pairsmith", [ours, "avx512ifma squaring"]),
        ("prototype", [str(lists.with_suffix("")), str(shared / "vectors" / "cctv")]),
        ("pairsmith", [ours, "avx512ifma cctv"]),
    ]


def measure(command: list[str]) -> Iterator[tuple[str, float]]:
    """Run a rival once and yield its measures and their medians in nanoseconds."""
    run = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=WORKSPACE
    )
    for line in run.stdout.splitlines():
        if match := re.search(r"(squaring|cctv) (\d+).*median (\d+) ns", line):
            kind, bits, nanoseconds = match.groups()
            yield f"{kind} {bits}", float(nanoseconds)
        elif match := re.search(r"RSA-(\d+) CCTV.*: ([\d.]+) ms median", line):
            bits, milliseconds = match.groups()
            yield f"cctv {bits}", 1e6 * float(milliseconds)


def shown(nanoseconds: list[float]) -> str:
    """Give the median and the range, in ns or ms."""
    unit, scale = ("ms", 1e6) if min(nanoseconds) > 1e5 else ("ns", 1)
    low, high = min(nanoseconds) / scale, max(nanoseconds) / scale
    digits = 2 if unit == "ms" else 0
    middle = statistics.median(nanoseconds) / scale
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f}–{high:.{digits}f})"


if __name__ == "__main__":
    main()
