"""Writing a shard, whatever its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from pairsmith.bulk.job import Job, OutputFormat
from pairsmith.errors import InvalidParameter

if TYPE_CHECKING:
    from pairsmith.bulk.source import Group
    from pairsmith.bulk.storage import Draft


class ShardWriter(Protocol):
    """Puts pairs into a draft."""

    def add(self, group: Group) -> None:
        """Append the pairs of a group."""

    def finish(self) -> None:
        """Write whatever is missing to a whole file."""


class JsonLinesWriter:
    """Puts pairs into a draft, one to a line."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def add(self, group: Group) -> None:
        """Append the lines of a group."""
        self._draft.write(cast("bytes", group.content))

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
