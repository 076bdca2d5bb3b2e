"""Shards as Parquet, through pyarrow: one row group after the other, so memory stays.

The columns are the members of a JSON line; bytes are bytes. Pages carry checksums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.bulk.records import PLAINTEXT, Row, common_fields, parse_fields
from pairsmith.errors import InvalidParameter
from pairsmith.results import DataKeyPair, WrappedKeyPair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pairsmith.bulk.job import Job
    from pairsmith.bulk.storage import Draft
    from pairsmith.results import DataKeyPairWithoutPlaintext

ROWS = 2048
"""Rows of a group: what is held in memory, at most 16 MB of it."""

DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises for files that are not as they should be."""

TEXTS = ("KeyId", "KeyVersionId", "KeyPairSpec", "KeyFormat", "Algorithm")
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
    writer = pq.ParquetWriter(
        pa.PythonFile(draft, mode="w"),
        schema(with_plaintext=with_plaintext),
        # Only what repeats itself is worth a dictionary.
        use_dictionary=[*TEXTS, "Aad"],
        write_statistics=False,
        write_page_checksum=True,
        store_schema=False,
    )
    # Without Arrow's own copy of the schema nothing else would keep its metadata.
    writer.add_key_value_metadata({TYPE_KEY: WrappedKeyPair.TYPE})
    return writer


class ParquetShardWriter:
    """Puts pairs into a draft, some thousand at a time."""

    def __init__(self, draft: Draft, job: Job) -> None:
        self._schema = schema(with_plaintext=job.with_plaintext)
        self._writer = table_writer(draft, with_plaintext=job.with_plaintext)
        self._pairs: list[DataKeyPairWithoutPlaintext] = []

    def add(self, pair: DataKeyPairWithoutPlaintext) -> None:
        """Append a pair, or a whole group of them."""
        self._pairs.append(pair)
        if len(self._pairs) == ROWS:
            self._write_group()

    def finish(self) -> None:
        """Write the last group and the file's end."""
        if self._pairs:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        rows = list(map(_row, self._pairs))
        self._pairs.clear()
        self._writer.write_table(pa.Table.from_pylist(rows, self._schema))


def read_rows(path: Path) -> Iterator[Row | InvalidParameter]:
    """Every row, or in its place what is wrong with it.

    Raises:
        InvalidParameter: The file is damaged so that nothing more can be read.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                for fields in batch.to_pylist():
                    try:
                        yield parse_fields(fields)
                    except InvalidParameter as error:
                        yield error
    except DAMAGE as error:
        raise InvalidParameter("record", f"Parquet cannot be read: {error}") from None


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


def _row(pair: DataKeyPairWithoutPlaintext) -> dict[str, Any]:
    row: dict[str, Any] = common_fields(pair)
    row["Iv"] = pair.iv
    row["PrivateKeyCiphertextBlob"] = pair.private_key_ciphertext_blob
    row["PublicKey"] = pair.encoded_public_key
    if isinstance(pair, DataKeyPair):
        row[PLAINTEXT] = pair.private_key_plaintext
    return row
