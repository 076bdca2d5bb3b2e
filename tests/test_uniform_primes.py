"""Primes are uniform, no two keys share one, and the tests would see it otherwise."""

import math
import random
from collections import Counter

import gmpy2
import pytest

import uniformity
from pairsmith.bulk.batch_gcd import sharing
from uniformity import Key, all_tests, chi_square, distances, gamma_tails

BITS = 384
"""Of the primes that the tests are tried on: large enough, and much faster."""


def assert_uniform(keys: list[Key], gaps: int) -> None:
    """Every test passes, and all primes differ."""
    primes = [prime for key in keys for prime in (key.p, key.q)]
    failed = [test for test in all_tests(primes, gaps) if not test.passed]
    assert failed == []
    assert sharing([key.n for key in keys]) == []
    assert len(set(primes)) == len(primes)
    assert all(key.p * key.q == key.n for key in keys)


def test_some_primes_are_uniform() -> None:
    """Two hundred keys: a quick look on every run."""
    assert_uniform(uniformity.generated("RSA_2048", 200), gaps=100)


@pytest.mark.slow
@pytest.mark.parametrize("spec", uniformity.RECORDED)
def test_many_primes_are_uniform(spec: str) -> None:
    """The sizes of the recorded run: 40,000 primes, 20,000 moduli of 2048 bits."""
    count, gaps = uniformity.RECORDED[spec]
    assert_uniform(uniformity.generated(spec, count), gaps)


def draws(seed: int) -> random.Random:
    """Repeatable draws, for what tries the tests."""
    return random.Random(seed)  # noqa: S311 -- no key is made of them


def candidate(draw: random.Random) -> int:
    """A number of the form that the search draws."""
    return draw.getrandbits(BITS) | 0b11 << (BITS - 2) | 0b111


def fresh_prime(draw: random.Random) -> int:
    """As the search does it: a fresh draw for every candidate."""
    while not gmpy2.is_prime(number := candidate(draw)):
        pass
    return number


def next_prime(draw: random.Random) -> int:
    """As the search must not do it: upwards from one start."""
    number = candidate(draw)
    while not gmpy2.is_prime(number):
        number += 8
    return number


def test_fresh_draws_pass() -> None:
    """The tests do not cry wolf: fresh draws of another library pass all of them."""
    draw = draws(1)
    primes = [fresh_prime(draw) for _ in range(400)]
    tests = all_tests(primes, 160)
    assert len(tests) > 15
    assert all(test.passed for test in tests)


def test_an_incremental_search_is_found_out() -> None:
    """By the distance to the previous prime, and by that alone."""
    draw = draws(2)
    primes = [next_prime(draw) for _ in range(400)]
    *others, distance = all_tests(primes, 160)
    assert not distance.passed
    assert distance.upper < 1e-12
    assert all(test.passed for test in others)


def test_primes_after_short_gaps_are_found_out() -> None:
    """The other way round: whoever prefers the near is as wrong."""
    draw = draws(3)
    starts = [fresh_prime(draw) for _ in range(160)]
    near = [min(starts[i : i + 2], key=uniformity.steps_back) for i in range(0, 160, 2)]
    assert distances(near).lower < 1e-4
    assert distances(starts).passed


@pytest.mark.parametrize("modulus", [3, 37, 61])
def test_missing_residues_are_found_out(modulus: int) -> None:
    """Primes that are squares modulo another: half of the residues never occur."""
    draw = draws(4)
    squares = {x * x % modulus for x in range(1, modulus)}
    primes = [fresh_prime(draw) for _ in range(800)]
    chosen = [p for p in primes if p % modulus in squares]
    test = uniformity.residues(chosen, modulus)
    assert test is not None
    assert not test.passed


def test_a_leaning_residue_is_found_out() -> None:
    """One of twenty that is a quarter too frequent, among 40,000 primes."""
    even = Counter(dict.fromkeys(range(1, 21), 2000))
    even[7] += 500
    test = chi_square("leaning", even, range(1, 21))
    assert test is not None
    assert not test.passed


def test_a_narrow_leading_byte_is_found_out() -> None:
    """A top that is not drawn from the whole range, or outside of it."""
    top = BITS - 8
    draw = draws(5)
    primes = [fresh_prime(draw) for _ in range(800)]
    leading = Counter(p >> top for p in primes if p >> top < 0xF0)
    assert not chi_square("narrow", leading, range(0xC0, 0x100)).passed
    leading[0xBF] += 1
    assert not chi_square("outside", leading, range(0xC0, 0x100)).passed


def test_counts_too_even_to_be_chance_are_found_out() -> None:
    """A counter instead of a random source would give them."""
    even = Counter(dict.fromkeys(range(1, 229), 2000))
    assert not chi_square("even", even, range(1, 229)).passed


@pytest.mark.parametrize(
    ("shape", "x"), [(0.5, 0.1), (0.5, 20.0), (1.0, 1.0), (1.0, 30.0), (3.0, 2.5)]
)
def test_tails_agree_with_closed_forms(shape: float, x: float) -> None:
    """Half: the error function. Whole: the sum of Poisson's probabilities."""
    upper = (
        math.erfc(math.sqrt(x))
        if shape < 1
        else sum(math.exp(-x) * x**k / math.factorial(k) for k in range(int(shape)))
    )
    lower, found = gamma_tails(shape, x)
    assert found == pytest.approx(upper, rel=1e-9)
    assert lower == pytest.approx(1 - upper, abs=1e-12)
    assert gamma_tails(shape, 0.0) == (0.0, 1.0)
