"""Many pairs: an iterator over what threads of the Rust core are making."""

import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Generic, Protocol, Self, TypeVar

from pairsmith.pair_reader import (
    FetchedPair,
    PairReader,
    PairTable,
    RawReader,
    parse_rows,
)
from pairsmith.results import (
    ALGORITHM,
    DataKeyPair,
    DataKeyPairWithoutPlaintext,
    KeyFormat,
    KeyPairSpec,
)

Pair_co = TypeVar("Pair_co", bound=DataKeyPairWithoutPlaintext, covariant=True)

RawPair = tuple[bytes, bytes, bytes, bytes | None]
"""Public key, Iv, blob, and the private key if it was asked for."""
RawPairs = tuple[list[bytes], list[bytes], list[bytes], list[bytes]]
"""Public keys, Ivs, blobs, and the private keys if they were asked for, else none."""


class RawBatch(Protocol):
    """What the core gives: groups of raw pairs, an empty one at the end."""

    def next_group(self) -> RawPairs:
        """Wait for some more pairs."""

    def reader(
        self, common: object, fetched: Sequence[FetchedPair], rows: int | None
    ) -> RawReader:
        """Give what reads the rest as tables, after pairs that were fetched."""

    def close(self) -> None:
        """Stop making them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What all pairs of a batch have in common: attributes of each result."""

    request_id: str
    key_id: str
    key_version_id: str | None
    algorithm: str = ALGORITHM
    key_pair_spec: KeyPairSpec
    key_format: KeyFormat
    aad: bytes


class PairBatch(Iterator[Pair_co], Generic[Pair_co]):
    """Pairs in the order they are finished; iterate over it, or close it early.

    What is left can also be taken as tables of Arrow: all together, with ``to_arrow``,
    or piece by piece, with ``to_reader``. Every pair is given once, however it is.

    It holds a slot of the guard until its last pair was taken, it is closed, or nobody
    refers to it any more. Whatever was taken from it before stays valid.
    """

    def __init__(
        self,
        raw: RawBatch,
        kind: type[Pair_co],
        common: Common,
        release: Callable[[], None],
    ) -> None:
        """Join the core's batch, what its results are, and the slot."""
        self._raw = raw
        self._kind = kind
        self._common = common
        self._ready: deque[Pair_co] = deque()
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
            self._fetch()
        return self._ready.popleft()

    def _fetch(self) -> None:
        if not self._end.alive:
            raise StopIteration
        try:
            group = self._raw.next_group()
        except Exception:
            self._end()
            raise
        if not group[0]:
            self._end()
            raise StopIteration
        self._ready.extend(_results(self._kind, self._common, group))

    def to_reader(self, rows: int | None = None) -> PairReader:
        """Give what is left to a reader: tables of Arrow, made when they are asked for.

        The columns are those of a bulk job's Parquet (``docs/formats.md``). Private
        keys in plain are in them only if the batch was begun with them.

        Args:
            rows: Pairs in a table, 1 to 65,536, and fewer in the last; by default
                2,048 of elliptic curves and 64 of RSA.

        Raises:
            InvalidParameter: ``rows`` is not as said.
        """
        rows = parse_rows(rows)
        fetched = [
            (
                pair.encoded_public_key,
                pair.iv,
                pair.private_key_ciphertext_blob,
                pair.private_key_plaintext if isinstance(pair, DataKeyPair) else None,
            )
            for pair in self._ready
        ]
        self._ready.clear()
        return PairReader(self, self._raw.reader(self._common, fetched, rows))

    def to_arrow(self) -> PairTable:
        """Wait for all that is left, and give it as one table of Arrow.

        Memory holds all of it; ``to_reader`` gives as much at a time as is wanted.

        Returns:
            What ``pyarrow.table``, ``polars.DataFrame`` and DuckDB read without a copy,
            as often as they like.

        Raises:
            PairsmithError: What stopped the batch; then it is closed.
            KeyboardInterrupt: Ctrl-C; what was made is lost, the rest can be taken.
        """
        with self.to_reader() as reader:
            return reader.read_all()

    @property
    def common(self) -> Common:
        """What all its pairs have in common."""
        return self._common

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


def _results(kind: type[Pair_co], common: Common, group: RawPairs) -> list[Pair_co]:
    """The results of a group.

    Attribute by attribute for all of them, through the descriptors of their slots: the
    constructor of a frozen class takes three times as long for each, which is more than
    everything else that Python does for a pair.
    """
    public_keys, ivs, blobs, private_keys = group
    results = list(map(object.__new__, repeat(kind, len(public_keys))))
    columns = {name: repeat(getattr(common, name)) for name in Common.__slots__} | {
        "encoded_public_key": public_keys,
        "iv": ivs,
        "private_key_ciphertext_blob": blobs,
    }
    if private_keys:
        columns["private_key_plaintext"] = private_keys
    for name, values in columns.items():
        deque(map(getattr(kind, name).__set__, results, values), maxlen=0)
    return results


def _end(raw: RawBatch, release: Callable[[], None]) -> None:
    try:
        raw.close()
    finally:
        release()
