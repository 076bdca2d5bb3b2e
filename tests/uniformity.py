"""Are primes uniform? The tests of that, and a report: ``make uniform-primes``.

A candidate is a fresh draw from [3*2^(k-2), 2^k) with p = 7 modulo 8, so all primes
there of that class are equally likely. Modulo another small prime they are then spread
evenly over the residues that are prime to it (Dirichlet), and their leading byte over
its 64 values: primes thin out as 1/ln x, which from one end of the range to the other
changes the expectation by 0.04 %, far too little to be seen.

Neither test sees an incremental search (the next prime after a random start), the
commonest departure from uniformity: it finds a prime the more often, the longer the gap
before it. The mean distance to the previous prime of the class doubles by that, so the
distance is tested, too.
"""

from __future__ import annotations

import math
import platform
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import gmpy2
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from pairsmith import generators
from pairsmith.bulk.batch_gcd import sharing
from pairsmith.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALARM = 1e-9
"""A tail this improbable fails. Some 160 tests with two tails each, in all the runs of
one suite, raise a false alarm with odds of 160 * 2 * 1e-9 < 1e-6."""

LEAST_EXPECTED = 5
"""Where fewer are expected in a class, chi-square is no chi-square."""

SMALL_PRIMES = [n for n in range(3, 230) if gmpy2.is_prime(n)]
"""The first fifty primes but 2, for which p = 7 modulo 8 leaves one residue."""

RECORDED = {"RSA_2048": (20_000, 1000), "RSA_3072": (2000, 200), "RSA_4096": (500, 50)}
"""Keys, and primes whose predecessor is looked for, in the recorded run."""


@dataclass(frozen=True)
class Test:
    """A statistic and how probable one at least as small, or as large, is."""

    name: str
    statistic: str
    lower: float
    upper: float

    @property
    def passed(self) -> bool:
        """Whether neither tail is too improbable: uneven, or too even to be chance."""
        return min(self.lower, self.upper) > ALARM


@dataclass(frozen=True)
class Key:
    """The numbers of an RSA key."""

    n: int
    p: int
    q: int


def generated(spec: str, count: int) -> list[Key]:
    """Generate keys with the core, on two threads."""
    wrapping_key = generators._wrapping_key()

    def one(_: int) -> Key:
        _public, _iv, _blob, private = wrapping_key.generate_data_key_pair(
            spec, "DER", b"", advance=False, with_plaintext=True
        )
        assert private is not None
        key = load_der_private_key(
            private, password=None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(key, RSAPrivateKey)
        numbers = key.private_numbers()
        return Key(numbers.public_numbers.n, numbers.p, numbers.q)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, range(count)))


def all_tests(primes: Sequence[int], gaps: int) -> list[Test]:
    """Every test of uniformity; the distance for the first ``gaps`` of the primes."""
    assert all(p % 8 == 7 for p in primes)
    tests = [residues(primes, modulus) for modulus in SMALL_PRIMES]
    top = primes[0].bit_length() - 8
    leading = Counter(p >> top for p in primes)
    tests.append(chi_square("leading byte", leading, range(0xC0, 0x100)))
    low = Counter(p % 64 for p in primes)
    tests.append(chi_square("lowest free bits, p mod 64", low, range(7, 64, 8)))
    tests.append(distances(primes[:gaps]))
    return [test for test in tests if test is not None]


def residues(primes: Iterable[int], modulus: int) -> Test | None:
    """Whether every residue but 0 is equally frequent."""
    counts = Counter(p % modulus for p in primes)
    return chi_square(f"residues modulo {modulus}", counts, range(1, modulus))


def chi_square(name: str, counts: Counter[int], classes: range) -> Test | None:
    """Pearson's test of equal frequency; ``None`` for too few observations."""
    total = counts.total()
    expected = total / len(classes)
    if expected < LEAST_EXPECTED:
        return None
    if not counts.keys() <= set(classes):
        return Test(name, "an impossible value", 0.0, 0.0)
    statistic = sum((counts[each] - expected) ** 2 for each in classes) / expected
    freedom = len(classes) - 1
    shown = f"chi2 = {statistic:.1f} of {freedom}"
    return Test(name, shown, *gamma_tails(freedom / 2, statistic / 2))


def distances(primes: Sequence[int]) -> Test:
    """Whether the previous prime of the class is as far as for a uniform prime.

    Among numbers that are 7 modulo 8, one in ln(x)/2 is prime. The distance in units of
    that is about exponential, so the sum of n distances has the gamma distribution.
    """
    total = sum(steps_back(p) * 2 / float(gmpy2.log(gmpy2.mpz(p))) for p in primes)
    count = len(primes)
    shown = f"mean = {total / count:.3f} of 1, {count} primes"
    return Test("distance to the previous prime", shown, *gamma_tails(count, total))


def steps_back(p: int) -> int:
    """How many steps of 8 it is down to the previous prime of the class."""
    number, steps = gmpy2.mpz(p) - 8, 1
    while not gmpy2.is_prime(number):
        number -= 8
        steps += 1
    return steps


def gamma_tails(shape: float, x: float) -> tuple[float, float]:
    """P(X <= x) and P(X >= x) for the gamma distribution of scale 1.

    Abramowitz and Stegun: the series 6.5.29 below the mean, the continued fraction
    6.5.31 (by Lentz's method) above it.
    """
    if x <= 0:
        return 0.0, 1.0
    factor = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        n = shape
        while term > total * 1e-16:
            n += 1
            term *= x / n
            total += term
        lower = min(total * factor, 1.0)
        return lower, 1 - lower
    b = x + 1 - shape
    c, d = 1e300, 1 / b
    fraction = d
    for i in range(1, 100_000):
        a = -i * (i - shape)
        b += 2
        d = 1 / (a * d + b)
        c = b + a / c
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    upper = min(fraction * factor, 1.0)
    return 1 - upper, upper


def report() -> bool:
    """Print the recorded run as Markdown; whether everything passed."""
    sound = True
    print("# Primes are uniform: a recorded run\n")
    print("    make uniform-primes\n")
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, engine {Instance.engine()}, ", end=""
    )
    print(f"Python {platform.python_version()}, {platform.machine()}. ", end="")
    print("What is tested and why is said in `tests/uniformity.py`.")
    for spec, (count, gaps) in RECORDED.items():
        keys = generated(spec, count)
        primes = [prime for key in keys for prime in (key.p, key.q)]
        tests = all_tests(primes, gaps)
        shared = sharing([key.n for key in keys])
        repeated = len(primes) - len(set(primes))
        sound &= all(test.passed for test in tests) and not shared and not repeated
        print(f"\n## {spec}: {len(keys):,} keys, {len(primes):,} primes\n")
        print(f"Moduli with a shared factor, by batch gcd: {len(shared)}. ", end="")
        print(f"Primes seen twice: {repeated}.\n")
        print("| test | statistic | P(smaller) | P(larger) | |")
        print("|---|---|---|---|---|")
        for test in tests:
            print(f"| {test.name} | {test.statistic} | {test.lower:.2g} ", end="")
            print(f"| {test.upper:.2g} | {'passed' if test.passed else 'FAILED'} |")
        sys.stdout.flush()
    return sound


if __name__ == "__main__":
    sys.exit(not report())
