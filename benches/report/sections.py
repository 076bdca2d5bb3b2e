"""What is measured, section by section; each gives what its JSON file holds."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pairsmith import Instance
from pairsmith.bench import UNSUPPORTED
from pairsmith.kinds import KINDS

from .contestants import POOLED
from .machine import ROOT
from .turns import Contestant, take_turns

Facts = dict[str, Any]

BATCHED = {"RSA_2048": 100, "RSA_3072": 40, "RSA_4096": 16}
"""Pairs of a turn, in a batch and one by one."""
EARLIER = "70dde76"
"""The commit with which this one is compared."""
BULK = (1_000, 100_000)
"""Pairs of the two bulk jobs whose memory is compared."""
TAKEN = POOLED * 3 // 4
"""Pairs taken from the pool in a turn: it never runs empty."""


def keygen(*, quick: bool) -> Facts:
    """RSA generators, by ``bench_keygen.py``."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keygen.json"
        words = ["--quick"] if quick else []
        run(sys.executable, "benches/bench_keygen.py", "--json", str(file), *words)
        results = json.loads(file.read_text())["Results"]
    return {"Results": results}


def pairs(*, quick: bool) -> Facts:
    """Whole pairs: the operation, its core, a batch, and the same by hand."""
    found = []
    for spec, rivals in (("EC_P256", ["pycryptodome"]), ("EC_P256K", [])):
        singles = ["instance", "core", "by hand", *rivals]
        contestants = [Contestant(name, spec, 300) for name in singles]
        contestants += [Contestant(name, spec, 1000) for name in ("batch", "tables")]
        found += take_turns(contestants, 10 if quick else 100)
    for spec, count in BATCHED.items():
        contestants = [Contestant(name, spec, count) for name in ("instance", "batch")]
        found += take_turns(contestants, 2 if quick else 20)
    return {"Results": found}


def kinds(*, quick: bool) -> Facts:
    """Whole pairs of the kinds that libraries compute, beside the same by hand."""
    found = []
    for spec, kind in KINDS.items():
        if kind.documented:
            continue
        singles = ["instance", "by hand"]
        if ("cryptography", str(spec)) in UNSUPPORTED:
            singles.remove("by hand")
        contestants = [Contestant(name, spec, 60) for name in singles]
        contestants.append(Contestant("batch", spec, 200))
        found += take_turns(contestants, 5 if quick else 40)
    return {"Results": found}


def workers(*, quick: bool) -> Facts:
    """Batches on more and more threads; independent processes beside them."""
    cores = len(os.sched_getaffinity(0))
    threads = sorted({min(2**power, cores) for power in range(cores.bit_length() + 1)})
    found = []
    for spec, count, rounds in (("RSA_2048", 400, 20), ("EC_P256", 20_000, 40)):
        contestants = [Contestant("batch", spec, count, each) for each in threads]
        if cores > 1:
            contestants.append(Contestant("batch", spec, count, 1, cores))
        found += take_turns(contestants, 2 if quick else rounds)
    return {"Cores": cores, "Results": found}


def bulk(*, quick: bool) -> Facts:
    """Bulk jobs of EC pairs and their verification, beside the batch they are of."""
    cores = len(os.sched_getaffinity(0))
    contestants = [
        Contestant(name, "EC_P256", 50_000, cores, is_pinned=False)
        for name in (
            "bare batch",
            "bulk parquet",
            "bulk jsonl",
            "verify",
            "verify by reading",
        )
    ]
    return {"Cores": cores, "Results": take_turns(contestants, 2 if quick else 20)}


def latency(*, quick: bool) -> Facts:
    """One RSA_2048 pair, with and without a warm pool; EC_P256 beside it."""
    contestants = [
        Contestant(name, spec, TAKEN, is_pinned=False, keep_singles=True)
        for name, spec in (
            ("pool", "RSA_2048"),
            ("instance", "RSA_2048"),
            ("instance", "EC_P256"),
        )
    ]
    return {"Results": take_turns(contestants, 5 if quick else 42)}


def memory(*, quick: bool) -> Facts:
    """The peak memory of a small bulk job of EC pairs and of a large one."""
    peaks: dict[int, list[float]] = {count: [] for count in BULK}
    with tempfile.TemporaryDirectory() as folder:
        place = ["--database", f"sqlite:///{folder}/kms.db"]
        program = [sys.executable, "-m", "pairsmith.cli", *place]
        run(*program, "init")
        key = json.loads(run(*program, "--json", "key", "create"))["KeyId"]
        for number in range(1 if quick else 5):
            for count in BULK:
                job = ["bulk", "--key", key, "--spec", "EC_P256", "--count", str(count)]
                out = ["--out", f"{folder}/{count}-{number}"]
                kibibytes = peak(*place, *job, *out)
                peaks[count].append(round(kibibytes / 1024, 1))
    return {"PeakMiB": {str(count): values for count, values in peaks.items()}}


def lanes(*, quick: bool) -> Facts | None:
    """The vector engine against its prototype, by ``against_prototype.py``."""
    folders = (parent / "shared" for parent in ROOT.parents)
    if Instance.engine() != "avx512ifma" or not any(map(Path.is_dir, folders)):
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lanes.json"
        words = ["--rounds", "1" if quick else "5", "--json", str(file)]
        run(sys.executable, "benches/against_prototype.py", *words)
        found: Facts = json.loads(file.read_text())
    return found


def commit(*, quick: bool) -> Facts | None:
    """The same RSA keys by an earlier commit, by ``against_commit.py``."""
    if Instance.engine() != "avx512ifma" or not has_commit(EARLIER):
        return None
    with tempfile.TemporaryDirectory() as folder:
        checkout, file = Path(folder) / "checkout", Path(folder) / "commit.json"
        run("git", "worktree", "add", "--quiet", "--detach", str(checkout), EARLIER)
        try:
            words = ["--keys", "12" if quick else "400", "--json", str(file)]
            run(sys.executable, "benches/against_commit.py", str(checkout), *words)
        finally:
            run("git", "worktree", "remove", "--force", str(checkout))
        found: Facts = {"Commit": EARLIER, "Results": json.loads(file.read_text())}
    return found


def has_commit(name: str) -> bool:
    """Whether this is a clone that has the commit."""
    command = ["git", "cat-file", "-e", f"{name}^{{commit}}"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def work(*, quick: bool) -> Facts:  # noqa: ARG001 -- it is quick
    """How much work two primes take: a count, the same on every machine."""
    tests = ["--locked", "--quiet", "--package", "pairsmith-tests"]
    name = "two_primes_take_no_more_work"
    said = run("cargo", "test", *tests, "--test", "suite", "--", name, "--nocapture")
    line = r"(\w+), (\d+) bits: (\d+) sifted, (\d+) tested, (\d+) squarings"
    rows = [
        {
            "Engine": engine,
            "Bits": int(bits),
            "Sifted": int(sifted),
            "Tested": int(tested),
            "Squarings": int(squarings),
        }
        for engine, bits, sifted, tested, squarings in re.findall(line, said)
    ]
    return {"Results": rows}


def threads(*, quick: bool) -> Facts:
    """Two threads on one RSA_4096 key against one, with the same candidates."""
    said = cargo("run", "--release", "--bin", "threads", "--", "5" if quick else "100")
    return {"Summaries": summaries(said)}


def profile(*, quick: bool) -> Facts:
    """Where an RSA generation spends its time."""
    said = cargo("run", "--release", "--bin", "profile", "--", "12" if quick else "400")
    heading = re.compile(r"^RSA-(\d+), (\w+), (\d+) keys$", re.MULTILINE)
    _, *parts = heading.split(said)
    row = re.compile(
        r"^\| (.+?) \| +([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) % \|$",
        re.MULTILINE,
    )
    found = []
    for bits, engine, keys, text in zip(*(parts[i::4] for i in range(4)), strict=True):
        stages = [
            {"Stage": stage, "MsPerKey": float(ms), "Share": float(share) / 100}
            for stage, _calls, _each, ms, share in row.findall(text)
        ]
        product = summaries(text)["The product, in turn with it, ms per key"]
        found.append(
            {
                "Bits": int(bits),
                "Engine": engine,
                "Keys": int(keys),
                "Stages": stages,
                "Product": product,
            }
        )
    return {"Results": found}


SECTIONS: dict[str, Callable[..., Facts | None]] = {
    "keygen": keygen,
    "pairs": pairs,
    "kinds": kinds,
    "workers": workers,
    "bulk": bulk,
    "latency": latency,
    "memory": memory,
    "lanes": lanes,
    "commit": commit,
    "work": work,
    "threads": threads,
    "profile": profile,
}
"""Each takes ``quick`` and gives ``None`` if it cannot be measured here."""


def summaries(said: str) -> dict[str, dict[str, float]]:
    """The lines that ``statistics.rs`` writes, by what stands before them."""
    number = r"([\d.]+|NaN)"
    line = re.compile(
        rf"^(.+): {number} ± {number} \(median {number}, (\d+) samples\)\.?$",
        re.MULTILINE,
    )
    return {
        what: {
            "Mean": float(mean),
            "StandardError": float(error),
            "Median": float(median),
            "Samples": int(samples),
        }
        for what, mean, error, median, samples in line.findall(said)
    }


def cargo(verb: str, *words: str) -> str:
    """What a program of the benches crate prints."""
    package = ["--locked", "--quiet", "--package", "pairsmith-benches"]
    return run("cargo", verb, *package, *words)


def run(*command: str) -> str:
    """What a command prints; whatever it complains about is seen at once."""
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    return done.stdout


def peak(*words: str) -> int:
    """The most memory that a command of ``pairsmith`` had at once, in KiB."""
    said = run(sys.executable, "-m", "benches.report.peak", *words)
    return int(said.splitlines()[-1])
