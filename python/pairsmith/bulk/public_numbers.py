"""The public numbers of all records: none may occur twice, moduli may share nothing.

In memory are 16 bytes for every record, and the modulus where there is one; finding
repetitions takes another 40 bytes for each, for a moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import overload

from pairsmith.instance.judging import repeated_digests

DIGEST = 16
"""Bytes of a hash that stand for a number: with 10^9 of them, two that differ have the
same with odds of 10^-21."""


class PublicNumbers:
    """Public numbers in the order of their records; a record may have none.

    Attributes:
        width: Bytes of each number that are kept, for moduli; 0 keeps none.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._digests = bytearray()
        self._numbers = bytearray()

    def __len__(self) -> int:
        """How many records there were."""
        return len(self._digests) // DIGEST

    def extend(self, digests: bytes, numbers: bytes) -> None:
        """Note the numbers of the next records, as the core has them.

        Args:
            digests: ``DIGEST`` bytes of the SHA-256 of each.
            numbers: ``width`` bytes of each.
        """
        self._digests += digests
        self._numbers += numbers

    def put(self, position: int, number: bytes | None) -> None:
        """Note the number of a record that is there already."""
        if number is None:
            # No hash begins with so many zeros, and no two records have one position.
            digest = position.to_bytes(DIGEST, "big")
            number = bytes(self.width)
        else:
            digest = hashlib.sha256(number).digest()[:DIGEST]
        self._digests[position * DIGEST : (position + 1) * DIGEST] = digest
        start = position * self.width
        self._numbers[start : start + self.width] = number[: self.width]

    def repeated(self) -> list[tuple[int, int]]:
        """Positions where a number was first, and where it is again."""
        return repeated_digests(bytes(self._digests))

    def moduli(self, without: set[int]) -> Moduli:
        """The moduli, but for some positions and for records that have none."""
        nothing = bytes(self.width)
        view = memoryview(self._numbers)
        positions = [
            position
            for position in range(len(self))
            if position not in without
            and view[position * self.width : (position + 1) * self.width] != nothing
        ]
        return Moduli(view, self.width, positions)


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
