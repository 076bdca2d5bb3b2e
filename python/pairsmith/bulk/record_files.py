"""Files that hold blobs: one JSON document, JSON Lines, or Parquet.

Whatever is not understood in such a file is handed on as it is, to the byte.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from pairsmith.bulk.storage import stored
from pairsmith.bulk.stored_blobs import DOCUMENT_LIMIT, parse_stored_blob
from pairsmith.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pairsmith.bulk.storage import Draft
    from pairsmith.bulk.stored_blobs import StoredBlob, StoredPair


class FileKind(StrEnum):
    """How a file holds blobs; also how its name ends."""

    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Entry:
    """One document, line or row.

    Attributes:
        line: The line or row, from 1; ``None`` for a whole file.
        blob: What it is, if it is a blob.
        problem: Why it cannot be read, if it should be one and cannot.
        kept: What is in the file: bytes, or the columns of a row.
    """

    line: int | None
    blob: StoredBlob | None
    problem: str | None
    kept: bytes | dict[str, Any] | None

    def holding(self, blob: StoredBlob) -> Entry:
        """The entry with another blob in it."""
        return replace(self, blob=blob, kept=None)


class EntryWriter(Protocol):
    """Puts entries into a draft."""

    def add(self, entry: Entry) -> None:
        """Append one."""

    def finish(self) -> None:
        """Write whatever is missing to a whole file."""


class JsonWriter:
    """Puts entries into a draft as JSON: one document, or one to a line."""

    def __init__(self, draft: Draft, indent: int | None) -> None:
        self._draft = draft
        self._indent = indent

    def add(self, entry: Entry) -> None:
        """Append a document or line."""
        content = entry.kept
        if content is None and entry.blob is not None:
            members = entry.blob.members()
            content = f"{json.dumps(members, indent=self._indent)}\n".encode("ascii")
        if isinstance(content, bytes):
            self._draft.write(content)

    def finish(self) -> None:
        """A line is whole by itself."""


def kind_of(path: Path) -> FileKind | None:
    """What a file is, by the end of its name."""
    with suppress(ValueError):
        return FileKind(path.suffix.removeprefix("."))
    return None


def read_entries(path: Path, kind: FileKind) -> Iterator[Entry]:
    """Everything in a file, in order.

    Raises:
        StorageError: It cannot be read.
        InvalidParameter: It is damaged so that nothing more can be read; or what
            reading it takes is not installed.
    """
    if kind is FileKind.PARQUET:
        try:
            from pairsmith.bulk.parquet_entries import read_table
        except ImportError:
            raise InvalidParameter(
                "record", "Parquet needs pyarrow: pip install 'pairsmith[parquet]'"
            ) from None
        yield from read_table(path)
        return
    with stored(path), path.open("rb") as file:
        if kind is FileKind.JSON:
            yield _entry(None, file.read(DOCUMENT_LIMIT + 1))
            return
        number = 0
        while line := file.readline(DOCUMENT_LIMIT + 1):
            number += 1
            yield _entry(number, line)


def entry_writer(draft: Draft, kind: FileKind, source: Path) -> EntryWriter:
    """What writes such a file again.

    Args:
        draft: Where to.
        kind: How it holds blobs.
        source: The file as it is.
    """
    if kind is FileKind.PARQUET:
        from pairsmith.bulk.parquet_entries import TableWriter

        return TableWriter(draft, source)
    return JsonWriter(draft, indent=2 if kind is FileKind.JSON else None)


def _entry(line: int | None, text: bytes) -> Entry:
    if len(text) > DOCUMENT_LIMIT:
        return Entry(line, None, "it is far too long", text)
    if line is not None and not text.strip():
        return Entry(line, None, None, text)
    try:
        return Entry(line, parse_stored_blob(text), None, text)
    except InvalidParameter as error:
        return Entry(line, None, reason(error), text)


class ForeignTable(InvalidParameter):
    """A table of somebody else."""


def pair_entry(line: int, columns: dict[str, Any], row: StoredPair | str) -> Entry:
    """The entry of a row of a table, or of one that cannot be read."""
    if isinstance(row, str):
        return Entry(line, None, row, columns)
    return Entry(line, row, None, columns)


def reason(error: Exception) -> str:
    """What is wrong, without the name of a parameter that nobody has given."""
    return str(error).removeprefix("The parameter record is not valid: ")
