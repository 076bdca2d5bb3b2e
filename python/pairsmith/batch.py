"""Many pairs: an iterator over what threads of the Rust core are making."""

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, Self, TypeVar

from pairsmith.results import DataKeyPairWithoutPlaintext

Pair_co = TypeVar("Pair_co", bound=DataKeyPairWithoutPlaintext, covariant=True)

RawPair = tuple[bytes, bytes, bytes, bytes | None]
"""Public key, Iv, blob, and the private key if it was asked for."""


class RawPairs(Protocol):
    """What the core gives: groups of raw pairs, an empty one at the end."""

    def next_group(self) -> list[RawPair]:
        """Wait for some more pairs."""

    def close(self) -> None:
        """Stop making them."""


class PairBatch(Iterator[Pair_co], Generic[Pair_co]):
    """Pairs in the order they are finished; iterate over it, or close it early.

    It holds a slot of the guard until its last pair was taken, it is closed, or nobody
    refers to it any more. Whatever was taken from it before stays valid.
    """

    def __init__(
        self,
        raw: RawPairs,
        result: Callable[[RawPair], Pair_co],
        release: Callable[[], None],
    ) -> None:
        """Join the core's batch, the way to make results of it, and the slot."""
        self._raw = raw
        self._result = result
        self._ready: deque[RawPair] = deque()
        self._end = weakref.finalize(self, _end, raw, release)

    @property
    def is_ready(self) -> bool:
        """Whether the next pair is there, so that taking it does not wait."""
        return bool(self._ready)

    def __iter__(self) -> Self:
        """Iterate once over all of it."""
        return self

    def __next__(self) -> Pair_co:
        """Give the next pair, waiting for it with the interpreter released.

        Raises:
            KeyboardInterrupt: Ctrl-C; the batch goes on if it is iterated further.
            InternalFailure: The batch was started before a fork, in the parent.
        """
        if not self._ready:
            if not self._end.alive:
                raise StopIteration
            try:
                self._ready.extend(self._raw.next_group())
            except Exception:
                self._end()
                raise
            if not self._ready:
                self._end()
                raise StopIteration
        return self._result(self._ready.popleft())

    def close(self) -> None:
        """Stop making pairs and free the slot; what was not taken is erased."""
        self._ready.clear()
        self._end()

    def __enter__(self) -> Self:
        """Use the batch in a ``with`` statement; leaving it closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the batch."""
        self.close()


def _end(raw: RawPairs, release: Callable[[], None]) -> None:
    try:
        raw.close()
    finally:
        release()
