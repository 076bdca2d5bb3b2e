"""Writing and reading a shard, whatever its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pairsmith.bulk.job import Job, OutputFormat
from pairsmith.bulk.records import LineEncoder, Row, parse_line
from pairsmith.bulk.storage import stored
from pairsmith.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pairsmith.bulk.storage import Draft
    from pairsmith.results import DataKeyPairWithoutPlaintext

LINE_LIMIT = 256 * 1024
"""Bytes of a line at most; the longest, RSA_4096 with the longest Aad, has 25,000."""


class ShardWriter(Protocol):
    """Puts pairs into a draft."""

    def add(self, pair: DataKeyPairWithoutPlaintext) -> None:
        """Append a pair."""

    def finish(self) -> None:
        """Write whatever is missing to a whole file."""


class JsonLinesWriter:
    """Puts pairs into a draft, one to a line."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._encoder = LineEncoder()

    def add(self, pair: DataKeyPairWithoutPlaintext) -> None:
        """Append a line."""
        self._draft.write(self._encoder.line(pair))

    def finish(self) -> None:
        """A line is whole by itself."""


def shard_writer(draft: Draft, job: Job) -> ShardWriter:
    """The writer of a job's format."""
    if job.output_format is OutputFormat.JSONL:
        return JsonLinesWriter(draft)
    from pairsmith.bulk.parquet import ParquetShardWriter

    return ParquetShardWriter(draft, job)


def require_libraries(output_format: OutputFormat) -> None:
    """Refuse a format before any work is done if what writes it is not installed.

    Raises:
        InvalidParameter: It is not; the message says how to install it.
    """
    if output_format is OutputFormat.PARQUET:
        try:
            import pyarrow as pa  # noqa: F401
        except ImportError:
            raise InvalidParameter(
                "output_format",
                "Parquet needs pyarrow: pip install 'pairsmith[parquet]'",
            ) from None


def read_shard(
    path: Path, output_format: OutputFormat
) -> Iterator[Row | InvalidParameter]:
    """Every row of a shard, or in its place what is wrong with it.

    Raises:
        StorageError: The file cannot be read.
        InvalidParameter: It is damaged so that nothing more can be read.
    """
    if output_format is OutputFormat.PARQUET:
        from pairsmith.bulk.parquet import read_rows

        yield from read_rows(path)
        return
    with stored(path), path.open("rb") as file:
        while line := file.readline(LINE_LIMIT):
            try:
                yield parse_line(line)
            except InvalidParameter as error:
                yield error
