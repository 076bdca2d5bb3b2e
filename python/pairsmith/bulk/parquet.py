"""Shards as Parquet, through pyarrow: one row group after the other, so memory stays.

The columns are the members of a JSON line; bytes are bytes. Pages carry checksums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.bulk.records import PLAINTEXT
from pairsmith.errors import InvalidParameter
from pairsmith.results import WrappedKeyPair

if TYPE_CHECKING:
    from pathlib import Path

    from pairsmith.bulk.job import Job
    from pairsmith.bulk.source import Group
    from pairsmith.bulk.storage import Draft

ROWS = 2048
"""Rows of a group: what is held in memory, at most 16 MB of it."""

DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises for files that are not as they should be."""

TEXTS = ("KeyId", "KeyVersionId", "KeyPairSpec", "KeyFormat", "Algorithm")
RANDOM = ("Iv", "PrivateKeyCiphertextBlob")
TYPE_KEY = b"Type"


def schema(*, with_plaintext: bool) -> pa.Schema:
    """The columns; what they are is in the metadata, as ``Type``."""
    columns = [
        *(pa.field(name, pa.string(), nullable="Version" in name) for name in TEXTS),
        *(
            pa.field(name, pa.binary(), nullable=False)
            for name in ("Aad", "Iv", "PrivateKeyCiphertextBlob", "PublicKey")
        ),
    ]
    if with_plaintext:
        columns.append(pa.field(PLAINTEXT, pa.binary(), nullable=False))
    return pa.schema(columns, metadata={TYPE_KEY: WrappedKeyPair.TYPE})


def table_writer(draft: Draft, *, with_plaintext: bool) -> pq.ParquetWriter:
    """What writes tables of that schema to a draft."""
    columns = schema(with_plaintext=with_plaintext)
    writer = pq.ParquetWriter(
        pa.PythonFile(draft, mode="w"),
        columns,
        # Only what repeats itself is worth a dictionary; what is random is not smaller
        # for being compressed.
        use_dictionary=[*TEXTS, "Aad"],
        compression={
            name: "none" if name in RANDOM else "snappy" for name in columns.names
        },
        write_statistics=False,
        write_page_checksum=True,
        store_schema=False,
    )
    # Without Arrow's own copy of the schema nothing else would keep its metadata.
    writer.add_key_value_metadata({TYPE_KEY: WrappedKeyPair.TYPE})
    return writer


class ParquetShardWriter:
    """Puts tables that the core has filled into a draft, in row groups."""

    def __init__(self, draft: Draft, job: Job) -> None:
        self._writer = table_writer(draft, with_plaintext=job.with_plaintext)
        self._groups: list[pa.RecordBatch] = []
        self._rows = 0

    def add(self, group: Group) -> None:
        """Append a group, or keep it until there are enough for a row group."""
        self._groups.append(pa.record_batch(group.content))
        self._rows += group.size
        if self._rows >= ROWS:
            self._write_groups()

    def finish(self) -> None:
        """Write the last row group and the file's end."""
        if self._rows:
            self._write_groups()
        self._writer.close()

    def _write_groups(self) -> None:
        table = pa.Table.from_batches(self._groups)
        self._writer.write_table(table, row_group_size=ROWS)
        self._groups.clear()
        self._rows = 0


def copy_groups(source: Path, writer: pq.ParquetWriter) -> None:
    """Append every row group of a file.

    Raises:
        InvalidParameter: The file is damaged.
    """
    try:
        with pq.ParquetFile(source, page_checksum_verification=True) as file:
            for number in range(file.num_row_groups):
                writer.write_table(file.read_row_group(number, use_threads=False))
    except DAMAGE as error:
        raise InvalidParameter("record", f"Parquet cannot be read: {error}") from None
