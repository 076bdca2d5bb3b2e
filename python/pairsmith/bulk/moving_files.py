"""Moving the blobs of one file that is no part of a job."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pairsmith.bulk.moving import look, move_entries
from pairsmith.bulk.record_files import (
    FileKind,
    ForeignTable,
    entry_writer,
    kind_of,
    read_entries,
    reason,
)
from pairsmith.bulk.storage import Draft, stored
from pairsmith.errors import InvalidParameter, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pairsmith.bulk.moving import Mover, MoveReport, Tally


def move_file(
    path: Path, mover: Mover, report: MoveReport, *, named: bool, dry_run: bool
) -> None:
    """Move the blobs of a file, all at once; what cannot be done is reported.

    Args:
        path: A regular file, not a link.
        mover: What goes where.
        report: What is told.
        named: Whether somebody has named the very file: then it must hold blobs.
        dry_run: Write nothing.

    Raises:
        ServiceUnavailable: Nothing would move at present.
    """
    name, kind = str(path), kind_of(path) or FileKind.JSON
    unread = report.census.unread
    try:
        with _held(path) as status:
            tally = look(name, read_entries(path, kind), mover, report)
            if not tally.blobs and not tally.unread:
                _note_other(name, report, named=named)
                return
            report.files += 1
            if tally.waiting:
                tally = _moved(path, kind, status, mover, report, tally, dry_run)
    except ForeignTable:
        _note_other(name, report, named=named)
    except (InvalidParameter, StorageError) as error:
        if report.census.unread == unread:
            report.add_unread(name, None, reason(error))
    else:
        report.census.blobs += tally.blobs
        report.moved += tally.moved


def _moved(
    path: Path,
    kind: FileKind,
    status: os.stat_result,
    mover: Mover,
    report: MoveReport,
    before: Tally,
    dry_run: bool,  # noqa: FBT001 -- handed on from a keyword
) -> Tally:
    """Write the file anew; what is in it then, or still is."""
    name = str(path)
    if dry_run:
        before.moved = move_entries(
            name, read_entries(path, kind), mover, report, None
        ).moved
        return before
    try:
        _require_one_name(status)
        with Draft(path) as draft:
            writer = entry_writer(draft, kind, path)
            entries = read_entries(path, kind)
            after = move_entries(name, entries, mover, report, writer)
            if not after.moved:
                return before
            draft.take_after(status)
            _require_same(path, status)
            draft.place()
    except (InvalidParameter, StorageError) as error:
        report.add(name, None, reason(error))
        return before
    return after


@contextmanager
def _held(path: Path) -> Iterator[os.stat_result]:
    """Keep other runs from the file; the kernel lets go of it when this one dies.

    Raises:
        StorageError: It cannot be read, or another run has it.
    """
    with stored(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        with stored(path):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(descriptor)
        _require_same(path, status)
        yield status
    except StorageError as error:
        if isinstance(error.__cause__, BlockingIOError):
            raise StorageError(f"{path}: another process is moving it.") from None
        raise
    finally:
        os.close(descriptor)


def _require_one_name(status: os.stat_result) -> None:
    if status.st_nlink > 1:
        raise InvalidParameter(
            "record",
            "it has several names (hard links), and only this one would move: remove "
            "the others, or copy it",
        )


def _require_same(path: Path, status: os.stat_result) -> None:
    """Make sure that nobody has changed the file meanwhile.

    Raises:
        StorageError: Somebody has.
    """
    with stored(path):
        now = path.stat()
    if not os.path.samestat(now, status) or (now.st_size, now.st_mtime_ns) != (
        status.st_size,
        status.st_mtime_ns,
    ):
        raise StorageError(f"{path}: somebody has changed it meanwhile: try again.")


def _note_other(name: str, report: MoveReport, *, named: bool) -> None:
    if named:
        report.add(name, None, "it holds no blob")
    else:
        report.others += 1
