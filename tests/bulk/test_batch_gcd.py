"""Batch gcd: who shares a factor with whom, in chunks of any size."""

import random
from collections.abc import Iterator

import gmpy2
import pytest

from pairsmith.bulk.batch_gcd import partners, sharing

BITS = 192


def primes(seed: int) -> Iterator[int]:
    """Different primes, repeatable."""
    draw = random.Random(seed)  # noqa: S311 -- no key is made of them
    while True:
        yield int(gmpy2.next_prime(draw.getrandbits(BITS) | 1 << (BITS - 1)))


def moduli_of(source: Iterator[int], count: int) -> list[int]:
    """Products of two primes each."""
    return [next(source) * next(source) for _ in range(count)]


@pytest.mark.parametrize("chunk_bytes", [1, 100, 1000, 10**6])
def test_a_shared_factor_is_found_among_many(chunk_bytes: int) -> None:
    """Both moduli that have it and nobody else, within a chunk and across chunks."""
    source = primes(6)
    moduli = moduli_of(source, 50)
    assert sharing(moduli, chunk_bytes=chunk_bytes) == []
    shared, left, right, third = (next(source) for _ in range(4))
    for first, second in ((13, 14), (0, 51), (20, 45)):
        some = list(moduli)
        some.insert(first, shared * left)
        some.insert(second, shared * right)
        assert sharing(some, chunk_bytes=chunk_bytes) == [first, second]
        assert list(partners(some, [first, second], 9)) == [
            (first, second),
            (second, first),
        ]
    many = [shared * left, *moduli, left * right, *moduli_of(source, 3), third * right]
    assert sharing(many, chunk_bytes=chunk_bytes) == [0, 51, 55]
    found = dict(partners(many, [0, 51, 55], 9))
    assert found == {0: 51, 51: 0, 55: 51}
    assert len(list(partners(many, [0, 51, 55], 2))) == 2


@pytest.mark.parametrize("chunk_bytes", [1, 100, 10**6])
def test_a_modulus_that_occurs_twice_shares_everything(chunk_bytes: int) -> None:
    """Both of them are found."""
    moduli = moduli_of(primes(7), 13)
    assert sharing([*moduli, moduli[5]], chunk_bytes=chunk_bytes) == [5, 13]


@pytest.mark.parametrize("chunk_bytes", [1, 100, 10**6])
def test_few_moduli_and_none(chunk_bytes: int) -> None:
    """Every count up to nine, whatever the shape of the tree."""
    moduli = moduli_of(primes(8), 9)
    for count in range(10):
        assert sharing(moduli[:count], chunk_bytes=chunk_bytes) == []


@pytest.mark.parametrize("chunk_bytes", [1, 100, 10**6])
@pytest.mark.parametrize("count", [1, 2, 5, 17])
def test_progress_ends_at_its_total(chunk_bytes: int, count: int) -> None:
    """One step after the other."""
    told: list[tuple[int, int]] = []
    sharing(
        moduli_of(primes(9), count),
        chunk_bytes=chunk_bytes,
        progress=lambda *each: told.append(each),
    )
    assert told == [(step + 1, len(told)) for step in range(len(told))]
