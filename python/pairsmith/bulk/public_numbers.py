"""The public numbers of all records: none may occur twice, moduli may share nothing.

In memory are 16 bytes for every record, and the modulus where there is one; finding
repetitions takes another 100 bytes for each, for a moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST = 16
"""Bytes of a hash that stand for a number: with 10^9 of them, two that differ have the
same with odds of 10^-21."""


class PublicNumbers:
    """Public numbers in the order of their records; a record may have none.

    Args:
        width: Bytes of each number that are kept, for moduli; 0 keeps none.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._digests = bytearray()
        self._numbers = bytearray()

    def __len__(self) -> int:
        """How many records there were."""
        return len(self._digests) // DIGEST

    def add(self, number: bytes | None) -> None:
        """Note the number of the next record."""
        if number is None:
            # No hash begins with so many zeros, and no two records have one position.
            self._digests += len(self).to_bytes(DIGEST, "big")
            self._numbers += bytes(self._width)
        else:
            self._digests += hashlib.sha256(number).digest()[:DIGEST]
            self._numbers += number[: self._width]

    def repeated(self) -> Iterator[tuple[int, int]]:
        """Positions of a number that was there before, with where it was first."""
        digests = bytes(self._digests)

        def digest(position: int) -> bytes:
            return digests[position * DIGEST : (position + 1) * DIGEST]

        # Sorting is stable: the first of equals stays the first.
        for _, positions in groupby(sorted(range(len(self)), key=digest), digest):
            first, *again = positions
            for position in again:
                yield first, position

    def moduli(self, without: set[int]) -> Moduli:
        """The moduli, but for some positions and for records that have none."""
        nothing = bytes(self._width)
        view = memoryview(self._numbers)
        positions = [
            position
            for position in range(len(self))
            if position not in without
            and view[position * self._width : (position + 1) * self._width] != nothing
        ]
        return Moduli(view, self._width, positions)


class Moduli(Sequence[int]):
    """Moduli, made numbers only when they are asked for.

    Attributes:
        positions: Of the records that they are from.
    """

    def __init__(self, kept: memoryview, width: int, positions: list[int]) -> None:
        self._kept = kept
        self._width = width
        self.positions = positions

    def __len__(self) -> int:
        """How many there are."""
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        """One of them, or some."""
        if isinstance(index, slice):
            return [self._at(position) for position in self.positions[index]]
        return self._at(self.positions[index])

    def _at(self, position: int) -> int:
        start = position * self._width
        return int.from_bytes(self._kept[start : start + self._width], "big")
