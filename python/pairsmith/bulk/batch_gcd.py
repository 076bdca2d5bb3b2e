"""Which moduli share a prime? D. J. Bernstein's batch gcd, in chunks of bounded size.

For each modulus n the product of all moduli is taken modulo n²: divided by n it is the
product of the others modulo n, and that has a factor in common with n exactly if one
of the others has. The product descends to every n by a tree of remainders.

One tree over everything would take 256 MB for each of its twenty levels, with a million
moduli of 2048 bits. Instead there is a tree for every chunk, and the product of all is
taken modulo the square of the chunk's product first. That costs a multiplication for
each pair of chunks.
"""

from __future__ import annotations

from itertools import count, pairwise
from typing import TYPE_CHECKING

import gmpy2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

CHUNK_BYTES = 8 * 1024 * 1024
"""Of moduli in a chunk; a tree takes this for each level, of which there are 15."""


def sharing(
    moduli: Sequence[int],
    *,
    chunk_bytes: int = CHUNK_BYTES,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> list[int]:
    """Find the moduli that have a factor in common with another.

    A modulus that occurs twice has all its factors in common.

    Args:
        moduli: Numbers of about equal size; sliced, chunk by chunk.
        chunk_bytes: How many bytes of them are treated together.
        progress: Told the steps that are done, and how many there are; a step is a
            level of a tree, or a multiplication of whole chunks.

    Returns:
        Their positions, ascending.
    """
    spans = _spans(moduli, chunk_bytes)
    levels = sum((span.stop - span.start - 1).bit_length() for span in spans)
    total = len(spans) * (len(spans) - 1) + 3 * levels
    steps = count(1)

    def tick() -> None:
        progress(next(steps), total)

    products = [_tree(moduli[span], tick).pop()[0] for span in spans]
    found: list[int] = []
    for number, span in enumerate(spans):
        square = products[number] ** 2
        remainder = products[number] % square
        for other, product in enumerate(products):
            if other != number:
                remainder = remainder * product % square
                tick()
        chunk = _sharing(moduli[span], remainder, tick)
        found += (span.start + each for each in chunk)
    return found


def partners(
    moduli: Sequence[int], found: Sequence[int], limit: int
) -> Iterator[tuple[int, int]]:
    """With each modulus that shares a factor one that it shares it with.

    Args:
        moduli: The moduli of ``sharing``, all different.
        found: What it found.
        limit: Of how many, for this takes quadratic time.
    """
    for one in found[:limit]:
        n = moduli[one]
        others = (each for each in found if each != one)
        yield one, next(each for each in others if gmpy2.gcd(n, moduli[each]) != 1)


def _spans(moduli: Sequence[int], chunk_bytes: int) -> list[slice]:
    if not moduli:
        return []
    size = max(1, chunk_bytes * 8 // moduli[0].bit_length())
    bounds = [*range(0, len(moduli), size), len(moduli)]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def _tree(moduli: Iterable[int], tick: Callable[[], None]) -> list[list[gmpy2.mpz]]:
    """Levels of products of two, from the moduli up to the product of all."""
    tree = [[gmpy2.mpz(n) for n in moduli]]
    while len(tree[-1]) > 1:
        below = tree[-1]
        pairs = zip(below[::2], below[1::2], strict=False)
        tree.append([a * b for a, b in pairs] + below[len(below) & ~1 :])
        tick()
    return tree


def _sharing(
    moduli: Sequence[int], remainder: gmpy2.mpz, tick: Callable[[], None]
) -> list[int]:
    """Positions, in a chunk, of those that share.

    ``remainder`` is the product of all moduli there are modulo the square of the
    product of these.
    """
    tree = _tree(moduli, tick)
    tree.pop()
    remainders = [remainder]
    while tree:
        below = tree.pop()
        remainders = [remainders[i // 2] % (n * n) for i, n in enumerate(below)]
        tick()
    pairs = enumerate(zip(moduli, remainders, strict=True))
    return [i for i, (n, rest) in pairs if gmpy2.gcd(rest // n, n) != 1]
