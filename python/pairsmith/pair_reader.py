"""What is left of a batch, as tables of Arrow that the core has filled.

Whatever reads tables takes them through the Arrow PyCapsule interface, without a copy
and without a package that this one would need: pyarrow, polars, DuckDB and others.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeVar

from pairsmith import parameters as parse
from pairsmith.errors import PairsmithError
from pairsmith.results import common_members

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairsmith.results import CommonMembers

Answer = TypeVar("Answer")

FetchedPair = tuple[bytes, bytes, bytes, bytes | None]
"""Public key, Iv, blob, and the private key if it was asked for."""


class PairRecordBatch(Protocol):
    """Some pairs as one table of Arrow."""

    def __len__(self) -> int:
        """How many pairs."""

    def __arrow_c_schema__(self) -> object:
        """The columns, for libraries."""

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]:
        """The columns and what is in them, for libraries."""


class PairTable(Protocol):
    """Pairs as tables of Arrow, to be read as often as anybody likes."""

    def __len__(self) -> int:
        """How many pairs."""

    def __arrow_c_schema__(self) -> object:
        """The columns, for libraries."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The tables, for libraries."""


class RawReader(Protocol):
    """What the core gives."""

    def next_batch(self, rows: int | None = None) -> PairRecordBatch | None:
        """Wait for the next table; there is none at the end."""

    def next_lines(
        self, beginning: bytes, rows: int | None = None
    ) -> tuple[int, bytes]:
        """Wait for the next pairs, as lines of JSON; none at the end."""

    def read_all(self) -> PairTable:
        """Wait for all that is left."""

    def arrow_schema(self) -> object:
        """The columns."""

    def arrow_stream(self, end: Callable[[], object]) -> object:
        """All that is left; ``end`` is called after it, or when nobody wants more."""

    def raise_failure(self) -> None:
        """Raise what ended a stream early."""


class Batch(Protocol):
    """Where the pairs are from."""

    @property
    def common(self) -> CommonMembers:
        """What all its pairs have in common."""

    def close(self) -> None:
        """Stop making pairs."""


class JsonLines(NamedTuple):
    """Some pairs as JSON Lines, as a bulk job writes them.

    Attributes:
        pairs: How many lines.
        text: The lines, each with its end.
    """

    pairs: int
    text: bytes


class PairReader:
    """Tables of the pairs that are left in a batch, each made when it is asked for.

    Iterate over it, or give it to a library that reads Arrow streams. It holds what the
    batch holds, until the last table was taken, it is closed, or nobody refers to it
    and to what it was given to.

    A library tells of failures in words of its own. In a ``with`` statement, which
    closes the reader at its end, the error is that of Pairsmith.
    """

    def __init__(self, batch: Batch, raw: RawReader) -> None:
        """Join the batch, which lives as long as this, and the core's reader."""
        self._batch = batch
        self._raw = raw
        self._beginning: bytes | None = None

    def __iter__(self) -> Self:
        """Iterate once over all that is left."""
        return self

    def __next__(self) -> PairRecordBatch:
        """Give the next table, as ``read`` does."""
        table = self.read()
        if table is None:
            raise StopIteration
        return table

    def read(self, rows: int | None = None) -> PairRecordBatch | None:
        """Give the next table; ``None`` at the end.

        Args:
            rows: Pairs in it, 1 to 65,536, if not as many as in others.

        Raises:
            InvalidParameter: ``rows`` is not as said.
            PairsmithError: What stopped the batch; then it is closed.
            KeyboardInterrupt: Ctrl-C; nothing is lost by it.
        """
        rows = parse_rows(rows)
        table = self._ending(lambda: self._raw.next_batch(rows))
        if table is None:
            self.close()
        return table

    def read_lines(self, rows: int | None = None) -> JsonLines | None:
        """Give the next pairs as JSON Lines, written by the core; as ``read``."""
        rows = parse_rows(rows)
        if self._beginning is None:
            self._beginning = line_beginning(self._batch.common)
        beginning = self._beginning
        lines = JsonLines(*self._ending(lambda: self._raw.next_lines(beginning, rows)))
        if not lines.pairs:
            self.close()
            return None
        return lines

    def read_all(self) -> PairTable:
        """Wait for all that is left, and give it together; as ``read``."""
        table = self._ending(self._raw.read_all)
        self.close()
        return table

    def _ending(self, call: Callable[[], Answer]) -> Answer:
        """Call the core; a failure ends the batch."""
        try:
            return call()
        except Exception:
            self.close()
            raise

    def __arrow_c_schema__(self) -> object:
        """The columns, for libraries."""
        return self._raw.arrow_schema()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """All tables that are left, for libraries.

        Args:
            requested_schema: Not heeded: a library that wants other types casts.
        """
        del requested_schema
        return self._raw.arrow_stream(self.close)

    def close(self) -> None:
        """Stop making pairs and free the slot; what was not taken is erased."""
        self._batch.close()

    def __enter__(self) -> Self:
        """Use it in a ``with`` statement; leaving it closes it."""
        return self

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        """Close it.

        Raises:
            PairsmithError: What ended a stream early that a library was reading.
        """
        self.close()
        if not isinstance(error, PairsmithError):
            self._raw.raise_failure()


def parse_rows(value: object) -> int | None:
    """How many pairs a table has; ``None`` is what suits their kind."""
    if value is None:
        return None
    return parse.parse_count("rows", value, limit=parse.TABLE_ROWS_LIMIT)


def line_beginning(common: CommonMembers) -> bytes:
    """What all lines of JSON of such pairs begin with."""
    text = json.dumps(common_members(common), default=_base64)
    return text.removesuffix("}").encode("ascii")


def _base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")
