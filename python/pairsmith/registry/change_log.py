"""The registry's change log: one line for each change, whoever makes it.

A line is written in the transaction of its change. Its hash is SHA-256 over the hash of
the line before (32 bytes) and its own bytes; its MAC is made of that hash with the
service key, so nobody without a root key can write a line or a chain. The last line is
named in the revision pages, which are authenticated, too: a missing end shows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import sqlalchemy as sa

from pairsmith.errors import InvalidParameter, PairsmithError
from pairsmith.registry.chain import HASH_BYTES, NO_HASH, Head, follows, hash_of
from pairsmith.registry.change_entry import LINE_BYTES, Entry, Told, parse_entry
from pairsmith.registry.schema import changes

PLACE = "change"
"""For the service key: its MACs of lines are none of anything else."""

PAGE_LINES = 100

Progress = Callable[[int, int], None]
"""Called after each page with the lines read and the lines there are."""


class Signer(Protocol):
    """What the change log needs of the service key."""

    def mac(self, place: str, message: bytes) -> bytes:
        """32 bytes that only the holder of the service key can make."""

    def verify(self, place: str, message: bytes, mac: bytes) -> bool:
        """Whether they are those of that message, in constant time."""


class ChangeLogBroken(PairsmithError):  # noqa: N818 -- as in errors.py
    """A line was changed, removed, put elsewhere, or written by somebody else.

    Attributes:
        sequence: The number of the first line that does not fit.
    """

    code = "ChangeLogBroken"

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(f"Change log, line {sequence}: {reason}")
        self.sequence = sequence


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read; any value may be of any type until ``fault_of``."""

    sequence: Any
    entry: Any
    hash: Any
    mac: Any

    @property
    def head(self) -> Head:
        """The chain up to this line."""
        return Head(self.sequence, self.hash)


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """A line as it is shown.

    Attributes:
        sequence: Its number.
        told: Its fields; empty if it is no line.
        is_authentic: Whether this instance has written it, behind the line that stands
            before it; whether anything is missing is for ``verify`` to say.
    """

    sequence: int
    told: Told
    is_authentic: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """A change log that is whole, up to its head."""

    lines: int = 0
    head: Head = Head()  # noqa: RUF009 -- it is frozen
    anchor_found: bool = False


def append(
    connection: sa.Connection, service_key: Signer, previous: Head, entry: Entry
) -> Head:
    """Write the line of a change, in its transaction.

    What stands in the table decides nothing: the line follows the head that the
    caller knows to be authentic. If somebody has put rows behind that, the line takes
    the next number that is free, and ``verify`` names theirs.

    Args:
        connection: In a transaction that writes.
        service_key: Makes the MAC.
        previous: The last line so far, as page 0 of the revisions names it.
        entry: What to tell.

    Returns:
        The new head, for page 0.
    """
    previous = replace(previous, sequence=_last(connection, previous))
    line = write_line(service_key, previous, entry)
    connection.execute(
        sa.insert(changes).values(
            sequence=line.sequence, entry=line.entry, hash=line.hash, mac=line.mac
        )
    )
    return line.head


def goes_beyond(connection: sa.Connection, service_key: Signer, head: Head) -> bool:
    """Tell whether there is an authentic line later than the head.

    Then what names the head is older than the log: somebody has put it back.
    """
    beyond = connection.execute(_lines.where(changes.c.sequence > head.sequence))
    return any(not _form_fault_of(service_key, Line(*row)) for row in beyond)


def read(
    connection: sa.Connection,
    service_key: Signer,
    *,
    before: int | None = None,
    limit: int = 100,
    about: str = "",
) -> list[LoggedChange]:
    """Give lines for people to look at, the newest first.

    Args:
        connection: Of any transaction.
        service_key: Tells which are authentic.
        before: Only lines with a smaller number: the last one of the page before.
        limit: How many at most.
        about: Only lines that have this identifier among their subjects.
    """
    found: list[LoggedChange] = []
    while len(found) < limit:
        lines = _page(connection, before=before, about=about)
        hashes = _hashes_before(connection, lines)
        for line in lines:
            change = _change_of(service_key, line, hashes)
            if about in ("", *_identifiers(change.told)):
                found.append(change)
        if len(lines) < PAGE_LINES:
            break
        before = lines[-1].sequence
    return found[:limit]


# The chain, without a database.


def write_line(service_key: Signer, head: Head, entry: Entry) -> Line:
    """Make the line that follows a head."""
    sequence = head.sequence + 1
    text = entry.text(sequence)
    digest = hash_of(head.hash, text.encode("ascii"))
    return Line(sequence, text, digest, service_key.mac(PLACE, digest))


def fault_of(service_key: Signer, previous: Head, line: Line) -> str:
    """Say in what a line does not fit behind the one before it; empty if it does."""
    expected = previous.sequence + 1
    if type(line.sequence) is not int or line.sequence < expected:
        return f"it is out of order (sequence {line.sequence!r:.40})."
    if line.sequence > expected:
        return f"lines are missing before it (sequence {expected} on)."
    fault = _form_fault_of(service_key, line)
    if not fault and not _follows(previous.hash, line):
        fault = "it was changed, or the line before it is another."
    return fault


def _form_fault_of(service_key: Signer, line: Line) -> str:
    """Say why nobody of this instance has written a line; empty if somebody has."""
    if not _is_hash(line.hash) or not _is_hash(line.mac):
        return "its hash or its MAC is none."
    if not service_key.verify(PLACE, line.hash, line.mac):
        return "it was not written by this instance."
    try:
        parse_entry(line.entry, line.sequence)
    except InvalidParameter as error:
        return f"{error}."
    return ""


class Verifier:
    """Follows a chain from its first line on.

    Args:
        service_key: Checks each MAC.
        anchor: A line that must be there.
    """

    def __init__(self, service_key: Signer, anchor: Head | None = None) -> None:
        self._service_key = service_key
        self._anchor = anchor
        self.seen = Verification()

    def take(self, lines: Iterable[Line]) -> None:
        """Check the lines that follow.

        Raises:
            ChangeLogBroken: Names the first that does not fit.
        """
        for line in lines:
            fault = fault_of(self._service_key, self.seen.head, line)
            if fault:
                raise ChangeLogBroken(self.seen.head.sequence + 1, fault)
            found = self.seen.anchor_found or self._is_anchor(line)
            self.seen = Verification(self.seen.lines + 1, line.head, found)

    def finish(self, head: Head) -> Verification:
        """Compare the last line with the head, and see that the anchor was there.

        Args:
            head: As the revision pages name it.

        Raises:
            ChangeLogBroken: Lines are missing at the end, or there are too many.
        """
        last = self.seen.head
        if last != head:
            raise ChangeLogBroken(
                min(last.sequence, head.sequence) + 1,
                f"the log ends with line {last.sequence}, and the registry names line "
                f"{head.sequence} as the last: lines were removed, or put there.",
            )
        if self._anchor is not None and not self.seen.anchor_found:
            raise ChangeLogBroken(
                last.sequence + 1,
                f"the log ends before the anchor, which is line "
                f"{self._anchor.sequence}: the database was rolled back.",
            )
        return self.seen

    def _is_anchor(self, line: Line) -> bool:
        if self._anchor is None or line.sequence != self._anchor.sequence:
            return False
        if line.head != self._anchor:
            raise ChangeLogBroken(
                line.sequence,
                "it is not the line of the anchor: the database was rolled back and "
                "has gone on from there.",
            )
        return True


# Rows.


def lines_after(connection: sa.Connection, sequence: int | None) -> list[Line]:
    """Give the next page of lines, in order; ``None`` begins with the first row."""
    query = _lines.order_by(changes.c.sequence).limit(PAGE_LINES)
    if sequence is not None:
        query = query.where(changes.c.sequence > sequence)
    return [Line(*row) for row in connection.execute(query)]


def last_line(connection: sa.Connection) -> Head:
    """The last line of the table, believed on its own word."""
    query = sa.select(changes.c.sequence, changes.c.hash)
    row = connection.execute(query.order_by(changes.c.sequence.desc()).limit(1)).first()
    return Head() if row is None else Head(*row)


def _page(connection: sa.Connection, *, before: int | None, about: str) -> list[Line]:
    query = _lines.order_by(changes.c.sequence.desc()).limit(PAGE_LINES)
    if before is not None:
        query = query.where(changes.c.sequence < before)
    if about:
        query = query.where(changes.c.entry.contains(f'"{about}"', autoescape=True))
    return [Line(*row) for row in connection.execute(query)]


def _last(connection: sa.Connection, head: Head) -> int:
    """The number before the next one that is free."""
    last = head.sequence
    beyond = sa.select(changes.c.sequence).where(changes.c.sequence > last)
    for (sequence,) in connection.execute(beyond.order_by(changes.c.sequence)):
        if sequence != last + 1:
            break
        last = sequence
    return last


def _hashes_before(connection: sa.Connection, lines: list[Line]) -> dict[int, Any]:
    """The hash of the line before each, by its number."""
    numbers = [line.sequence - 1 for line in lines if type(line.sequence) is int]
    query = sa.select(_lines.selected_columns[0], _lines.selected_columns[2])
    rows = connection.execute(query.where(changes.c.sequence.in_(numbers)))
    found = {number: digest for number, digest in rows}  # noqa: C416 -- for mypy
    return {0: NO_HASH} | found


def _change_of(
    service_key: Signer, line: Line, hashes: Mapping[int, Any]
) -> LoggedChange:
    try:
        told = parse_entry(line.entry, line.sequence)
    except InvalidParameter:
        return LoggedChange(line.sequence, {}, is_authentic=False)
    previous = Head(line.sequence - 1, hashes.get(line.sequence - 1, b""))
    fits = not fault_of(service_key, previous, line)
    return LoggedChange(line.sequence, told, is_authentic=fits)


def _identifiers(told: Told) -> Iterator[str]:
    for several in told.get("subjects", {}).values():
        yield from several


def _follows(previous_hash: object, line: Line) -> bool:
    return isinstance(previous_hash, bytes) and follows(
        previous_hash, line.entry.encode("ascii"), line.hash
    )


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_BYTES


_length = sa.func.length
_lines = sa.select(
    changes.c.sequence,
    # What is longer than any line is not read into memory.
    sa.case((_length(changes.c.entry) <= LINE_BYTES, changes.c.entry), else_=None),
    sa.case((_length(changes.c.hash) <= HASH_BYTES, changes.c.hash), else_=None),
    sa.case((_length(changes.c.mac) <= HASH_BYTES, changes.c.mac), else_=None),
)
