"""The rows of a table, most of them judged by the core, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.bulk.judging import Judged, possible_members
from pairsmith.bulk.parquet import DAMAGE, ROWS, TEXTS, schema
from pairsmith.bulk.public_numbers import DIGEST
from pairsmith.bulk.records import parse_fields
from pairsmith.errors import InvalidParameter
from pairsmith.instance.judging import judge_public_keys
from pairsmith.results import common_members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pairsmith.bulk.judging import Choose
    from pairsmith.bulk.manifest import Manifest
    from pairsmith.bulk.records import Row

COMMON = (*TEXTS, "Aad")
"""The columns whose values are the job's."""


def judge_tables(
    path: Path, manifest: Manifest, choose: Choose, width: int
) -> Iterator[Judged]:
    """Judge every row of a shard; as ``judge_shard``."""
    expected = _Expected(manifest)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                yield _judge(batch, expected, choose, width)
    except DAMAGE as error:
        raise InvalidParameter("record", f"Parquet cannot be read: {error}") from None


class _Expected:
    """What the columns of a job are."""

    def __init__(self, manifest: Manifest) -> None:
        self.job = manifest.job
        self.schema = schema(with_plaintext=self.job.with_plaintext)
        self._own = self.schema.names[len(COMMON) :]
        self._possible = list(map(common_members, possible_members(manifest)))
        self._made: tuple[dict[str, str | bytes], pa.RecordBatch] | None = None

    def matches(self, batch: pa.RecordBatch) -> bool:
        """Whether all of a batch is as the job writes it, but perhaps public keys."""
        if not batch.num_rows or not batch.schema.equals(self.schema):
            return False
        if any(batch.column(name).null_count for name in self._own):
            return False
        version = batch.column("KeyVersionId")[0].as_py()
        return any(
            batch.select(COMMON).equals(self._rows(members, batch.num_rows))
            for members in self._possible
            if members.get("KeyVersionId") == version
        )

    def _rows(self, members: dict[str, str | bytes], count: int) -> pa.RecordBatch:
        """So many rows with those members; a batch has as many as the last one."""
        if self._made is None or self._made[0] is not members:
            columns = [
                pa.array([members.get(field.name)] * ROWS, field.type)
                for field in map(self.schema.field, COMMON)
            ]
            fields = list(map(self.schema.field, COMMON))
            rows = pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
            self._made = members, rows
        return self._made[1].slice(0, count)


def _judge(
    batch: pa.RecordBatch, expected: _Expected, choose: Choose, width: int
) -> Judged:
    count = batch.num_rows
    if expected.matches(batch):
        job = expected.job
        digests, numbers, places = judge_public_keys(
            *_bytes_and_ends(batch.column("PublicKey")),
            spec=job.key_pair_spec,
            key_format=job.key_format,
            keep_numbers=width > 0,
        )
        doubtful = frozenset(places)
    else:
        digests, numbers = bytes(DIGEST * count), bytes(width * count)
        doubtful = frozenset(range(count))
    chosen = frozenset(choose(count))
    rows = {row: _read(batch, row) for row in doubtful | chosen}
    return Judged(count, digests, numbers, doubtful, chosen, rows)


def _bytes_and_ends(column: pa.BinaryArray) -> tuple[bytes, list[int]]:
    """The strings of a column without nulls, one behind the other, and their ends."""
    _, offsets, values = column.buffers()
    first = column.offset
    all_offsets = memoryview(offsets).cast("i")
    start, *ends = all_offsets[first : first + len(column) + 1].tolist()
    strings = b"" if values is None else memoryview(values)[start : ends[-1]].tobytes()
    return strings, [end - start for end in ends]


def _read(batch: pa.RecordBatch, row: int) -> Row | InvalidParameter:
    try:
        return parse_fields(batch.slice(row, 1).to_pylist()[0])
    except InvalidParameter as error:
        return error
