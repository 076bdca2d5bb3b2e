"""Tables of records as entries, a few thousand rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.bulk.parquet import DAMAGE, ROWS, TYPE_KEY, schema, table_writer
from pairsmith.bulk.record_files import (
    Entry,
    ForeignTable,
    pair_entry,
    reason,
)
from pairsmith.bulk.records import PLAINTEXT, parse_fields
from pairsmith.bulk.stored_blobs import StoredPair
from pairsmith.errors import InvalidParameter
from pairsmith.results import WrappedKeyPair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pairsmith.bulk.storage import Draft


class TableWriter:
    """Puts entries into a draft, with the columns of the file that they are from."""

    def __init__(self, draft: Draft, source: Path) -> None:
        with pq.ParquetFile(source) as file:
            with_plaintext = PLAINTEXT in file.schema_arrow.names
        self._schema = schema(with_plaintext=with_plaintext)
        self._writer = table_writer(draft, with_plaintext=with_plaintext)
        self._rows: list[dict[str, Any]] = []

    def add(self, entry: Entry) -> None:
        """Append a row, or a whole group of them."""
        row = entry.kept
        if row is None and isinstance(entry.blob, StoredPair):
            row = entry.blob.columns()
        if isinstance(row, dict):
            self._rows.append(row)
        if len(self._rows) == ROWS:
            self._write_group()

    def finish(self) -> None:
        """Write the last group and the file's end."""
        if self._rows:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        try:
            table = pa.Table.from_pylist(self._rows, self._schema)
        except DAMAGE as error:
            text = f"a row does not fit its table: {error}"
            raise InvalidParameter("record", text) from None
        self._writer.write_table(table)
        self._rows.clear()


def read_table(path: Path) -> Iterator[Entry]:
    """Every row.

    Raises:
        InvalidParameter: The table is damaged.
        ForeignTable: It is not one that Pairsmith writes.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _require_ours(file)
            number = 0
            for batch in file.iter_batches(batch_size=ROWS):
                for columns in batch.to_pylist():
                    number += 1
                    yield _entry(number, columns)
    except DAMAGE as error:
        raise InvalidParameter("record", f"Parquet cannot be read: {error}") from None


def _entry(number: int, columns: dict[str, Any]) -> Entry:
    try:
        return pair_entry(number, columns, StoredPair(parse_fields(dict(columns))))
    except InvalidParameter as error:
        return pair_entry(number, columns, reason(error))


def _require_ours(file: pq.ParquetFile) -> None:
    """Tell by the columns; tables of older versions do not name their type."""
    ours = WrappedKeyPair.TYPE.encode()
    kind = (file.metadata.metadata or {}).get(TYPE_KEY, ours)
    names = set(file.schema_arrow.names)
    possible = [
        set(schema(with_plaintext=with_plaintext).names)
        for with_plaintext in (False, True)
    ]
    if kind != ours or names not in possible:
        raise ForeignTable("record", "it is no table of records of Pairsmith")
