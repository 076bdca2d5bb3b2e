"""What ``doctor`` finds about this machine: versions, the prime engine, the times."""

from __future__ import annotations

import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from pairsmith.cli.findings import Finding, Verdict
from pairsmith.errors import PairsmithError
from pairsmith.results import KeyPairSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_PER_SPEC = 0.4
MOST_PAIRS_PER_SPEC = 25


def software() -> Iterator[Finding]:
    """Versions, for whoever reports a defect."""
    place = f"Python {platform.python_version()}, {platform.system()}"
    yield Finding(
        "Pairsmith",
        Verdict.GOOD,
        f"{version('pairsmith')} on {place} {platform.machine()}",
    )
    libraries = ("cryptography", "SQLAlchemy", "alembic", "click", "rich")
    text = ", ".join(f"{name} {version(name)}" for name in libraries)
    yield Finding("Libraries", Verdict.GOOD, text)


def engine() -> Finding:
    """Which prime engine this process uses, and whether there is a better one."""
    from pairsmith.instance import Instance

    try:
        name = Instance.engine()
    except PairsmithError as error:
        return Finding("Prime engine", Verdict.PROBLEM, str(error), "unset it.")
    if name == "avx512ifma":
        return Finding("Prime engine", Verdict.GOOD, f"{name}: eight primes at a time")
    if _cpu_has_avx512ifma():
        return Finding(
            "Prime engine",
            Verdict.NOTE,
            f"{name}, though this CPU has AVX-512 IFMA",
            "PAIRSMITH_ENGINE=auto lets RSA keys be several times faster.",
        )
    return Finding(
        "Prime engine",
        Verdict.NOTE,
        f"{name}: this CPU has no AVX-512 IFMA",
        "on one that has (Intel Ice Lake, AMD Zen 4 and later) RSA keys are several "
        "times faster.",
    )


def self_tests() -> Iterator[Finding]:
    """Whether every primitive gives its known answers, by running them all."""
    from pairsmith.instance import Instance

    results = Instance.self_tests()
    for result in results:
        if not result.passed:
            yield Finding(
                "Self-test",
                Verdict.PROBLEM,
                f"{result.name} gives wrong answers",
                "trust nothing made here; try another machine, then install anew.",
            )
    if all(result.passed for result in results):
        duration = sum(result.seconds for result in results) * 1000
        yield Finding(
            "Self-tests",
            Verdict.GOOD,
            f"{len(results)} primitives give their known answers ({duration:.3g} ms)",
        )


def times() -> Iterator[Finding]:
    """Pairs of every spec in an instance that is gone afterwards."""
    from pairsmith.instance import Instance

    with (
        tempfile.TemporaryDirectory(prefix="pairsmith-") as folder,
        Instance.open(f"sqlite:///{folder}/doctor.db") as instance,
    ):
        key_id = instance.create_key("doctor").key_id
        for spec in KeyPairSpec:
            seconds: list[float] = []
            while (
                len(seconds) < MOST_PAIRS_PER_SPEC and sum(seconds) < SECONDS_PER_SPEC
            ):
                begun = time.perf_counter()
                instance.generate_data_key_pair_without_plaintext(key_id, spec, "PEM")
                seconds.append(time.perf_counter() - begun)
            yield Finding(
                f"One {spec}",
                Verdict.GOOD,
                f"{median(seconds) * 1000:.3g} ms (median of {len(seconds)})",
            )


def _cpu_has_avx512ifma() -> bool:
    try:
        return "avx512ifma" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
