"""Which blobs go where, and what became of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pairsmith.bulk.census import Census
from pairsmith.bulk.report import FINDINGS_KEPT, Finding
from pairsmith.bulk.source import primary_version
from pairsmith.errors import PairsmithError, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pairsmith.bulk.record_files import Entry, EntryWriter
    from pairsmith.bulk.stored_blobs import StoredBlob, Target
    from pairsmith.instance import Instance


@dataclass(slots=True)
class MoveReport:
    """What was looked at, moved, and is wrong.

    Attributes:
        census: Blobs by key and version, as they are stored in the end.
        files: How many files hold blobs.
        others: How many files in folders hold something else, and were left alone.
        moved: How many blobs moved; in a dry run, would.
        findings: The first of all that could not be read, opened or written.
        problems: How many of them there are.
    """

    census: Census = field(default_factory=Census)
    files: int = 0
    others: int = 0
    moved: int = 0
    findings: list[Finding] = field(default_factory=list)
    problems: int = 0

    @property
    def blobs(self) -> int:
        """How many blobs there are."""
        return self.census.blobs.total()

    @property
    def plain(self) -> int:
        """How many are under an initial version, where rotation does not reach them."""
        counts = self.census.blobs.items()
        return sum(count for (_, version), count in counts if not version)

    def add(self, file: str, line: int | None, text: str) -> None:
        """Note one more problem."""
        self.problems += 1
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(Finding(file, line, text))

    def add_unread(self, file: str, line: int | None, text: str) -> None:
        """Note something that may be a blob and cannot be counted."""
        self.census.unread += 1
        self.add(file, line, text)


class Mover:
    """Decides about each blob, and moves it.

    Args:
        instance: Where both keys are.
        key_id: The real id of the key whose blobs move; empty for all.
        target: Where they go.
    """

    def __init__(self, instance: Instance, key_id: str, target: Target) -> None:
        self._instance = instance
        self._key_id = key_id
        self._target = target
        self._primary: dict[str, str | PairsmithError] = {}

    def destination(self, key_id: str, *, advance: bool) -> tuple[str, bool] | None:
        """The key, and whether Advance, for blobs of a key; ``None``: they stay."""
        if self._key_id not in ("", key_id):
            return None
        return self._target.key_id or key_id, self._target.advance or advance

    def wants(self, blob: StoredBlob) -> bool:
        """Whether a blob is to move: what is there already is told by its version.

        Raises:
            PairsmithError: The key may not be used.
        """
        advance = blob.key_version_id is not None
        found = self.destination(blob.key_id, advance=advance)
        if found is None:
            return False
        key_id, becomes_advance = found
        if becomes_advance:
            return blob.key_version_id != self._primary_version(key_id)
        return blob.key_id != key_id

    def may_want(self, blob: StoredBlob) -> bool:
        """The same, and yes where it cannot be told: moving it tells why."""
        try:
            return self.wants(blob)
        except ServiceUnavailable:
            raise
        except PairsmithError:
            return True

    def moved(self, entry: Entry) -> tuple[Entry, PairsmithError | None]:
        """An entry with its blob moved, or as it is and why.

        Raises:
            ServiceUnavailable: Nothing would move at present.
        """
        if entry.blob is None:
            return entry, None
        try:
            if not self.wants(entry.blob):
                return entry, None
            return entry.holding(entry.blob.moved(self._instance, self._target)), None
        except ServiceUnavailable:
            raise
        except PairsmithError as error:
            return entry, error

    def _primary_version(self, key_id: str) -> str:
        if key_id not in self._primary:
            try:
                self._primary[key_id] = primary_version(self._instance, key_id)[1]
            except ServiceUnavailable:
                raise
            except PairsmithError as error:
                self._primary[key_id] = error
        found = self._primary[key_id]
        if isinstance(found, PairsmithError):
            raise found.with_traceback(None)
        return found


@dataclass(slots=True)
class Tally:
    """The blobs of one file.

    Attributes:
        blobs: How many by key and version, as in ``Census``.
        versions: The versions in the order of their first use.
        waiting: How many are to move, or cannot be told.
        moved: How many moved.
        unread: How many cannot be read.
        strange: Whether there is something else, which is no blob.
    """

    blobs: Counter[tuple[str, str]] = field(default_factory=Counter)
    versions: dict[str, None] = field(default_factory=dict)
    waiting: int = 0
    moved: int = 0
    unread: int = 0
    strange: bool = False

    def count(self, blob: StoredBlob) -> None:
        """Count one more."""
        self.blobs[blob.key_id, blob.key_version_id or ""] += 1
        if blob.key_version_id is not None:
            self.versions[blob.key_version_id] = None


def look(
    name: str, entries: Iterable[Entry], mover: Mover, report: MoveReport
) -> Tally:
    """Count the blobs of a file as they are; what cannot be read is reported."""
    tally = Tally()
    for entry in entries:
        if entry.problem is not None:
            tally.unread += 1
            report.add_unread(name, entry.line, entry.problem)
        elif entry.blob is not None:
            tally.count(entry.blob)
            tally.waiting += mover.may_want(entry.blob)
        elif not isinstance(entry.kept, bytes) or entry.kept.strip():
            tally.strange = True
    return tally


def move_entries(
    name: str,
    entries: Iterable[Entry],
    mover: Mover,
    report: MoveReport,
    writer: EntryWriter | None,
) -> Tally:
    """Write a file anew with its blobs moved; without a writer only try it.

    What does not move is reported, and written as it was.
    """
    tally = Tally()
    for entry in entries:
        result, error = mover.moved(entry)
        if error is not None:
            tally.waiting += 1
            report.add(name, entry.line, str(error))
        tally.moved += result is not entry
        tally.unread += entry.problem is not None
        if result.blob is not None:
            tally.count(result.blob)
        if writer is not None:
            writer.add(result)
    if writer is not None:
        writer.finish()
    return tally
