"""Reading a log from its first line to its last, and saying where it is not whole.

What cannot be seen from the log alone: that its newest lines were cut off, or that all
of it was removed. ``NAME.head`` beside it tells the first, unless it was put back as
well. Against that an anchor helps, which is the head of the chain at some moment
(``pairsmith audit head``), kept where the log's writer cannot reach it.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pairsmith.errors import InvalidParameter, PairsmithError
from pairsmith.registry.chain import parse_anchor
from pairsmith.server.audit.chain import Head, Line, read_line
from pairsmith.server.audit.files import BLOCK, earlier_parts, head_path, last_line
from pairsmith.server.audit.mac import Mac
from pairsmith.server.audit.state import StateFile, present_boot

__all__ = ["AuditBroken", "Verification", "head_of", "parse_anchor", "verify"]

LINE_BYTES = 1_000_000
"""More than any line has; a longer one is none, and is not read into memory."""

PROGRESS_BYTES = 1_000_000

Progress = Callable[[int, int], None]
"""Called now and then with the bytes read and the bytes there are."""


class AuditBroken(PairsmithError):  # noqa: N818 -- as in errors.py
    """A line was changed, removed, put elsewhere, or written by somebody else."""

    code = "AuditBroken"

    def __init__(self, path: Path, line_number: int, reason: str) -> None:
        super().__init__(f"{path}, line {line_number}: {reason}")
        self.path = path
        self.line_number = line_number


@dataclass(slots=True)
class Verification:
    """A log that is whole, as far as it can tell.

    Attributes:
        lines: How many there are.
        first_sequence: Above 1 if earlier parts are not here.
        head: The last line.
        parts: How many files.
        recoveries: How often lines that nobody was answered on were cut off after a
            kill or a power failure.
        incomplete_bytes: An incomplete last line, not acknowledged to anybody; the
            next start cuts it off.
        signatures_checked: Whether the key was there.
        anchor_found: Whether the anchor is a line of the log.
    """

    lines: int = 0
    first_sequence: int = 0
    head: Head = field(default_factory=Head)
    parts: int = 0
    recoveries: int = 0
    incomplete_bytes: int = 0
    signatures_checked: bool = False
    anchor_found: bool = False


def verify(
    path: str | os.PathLike[str],
    key: bytes | None,
    *,
    anchor: Head | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Read every part of a log, and check each line.

    Args:
        path: The log; its earlier parts are found beside it.
        key: ``AccessStore.audit_key()``; without it a chain that somebody wrote anew
            from its first line on looks whole.
        anchor: A line that must be there.
        progress: Told how far it is.

    Raises:
        AuditBroken: Names the first line that is not as it was written.
        OSError: A part cannot be read.
    """
    log = Path(path).absolute()
    left = _left_sequence(log, key)  # read before the log, which may be growing
    parts = [*earlier_parts(log), *([log] if log.exists() else [])]
    if not parts:
        raise InvalidParameter("path", f"there is no audit log at {log}.")
    result = Verification(signatures_checked=key is not None)
    mac = None if key is None else Mac(key)
    reader = _Reader(sum(part.stat().st_size for part in parts), progress)
    for part in parts:
        _verify_part(part, reader, mac, anchor, result, is_last=part == parts[-1])
    if result.head.sequence < left:
        raise AuditBroken(
            parts[-1],
            result.lines,
            f"the log ends at sequence {result.head.sequence}, and {head_path(log)} "
            f"says that it went on to {left}: lines were removed.",
        )
    if anchor is not None and not result.anchor_found:
        raise AuditBroken(
            parts[-1],
            result.lines,
            f"the log ends at sequence {result.head.sequence} or begins later than the "
            f"anchor, which is line {anchor.sequence}: lines were removed.",
        )
    return result


def head_of(path: str | os.PathLike[str], key: bytes | None) -> Head:
    """Give the last whole line of a log, as an anchor; only that line is checked.

    Raises:
        AuditBroken: It is no line, or somebody else's.
        InvalidParameter: There is no log.
    """
    log = Path(path).absolute()
    mac = None if key is None else Mac(key)
    for part in (log, *reversed(earlier_parts(log))):
        if not part.exists():
            continue
        with part.open("rb") as file:
            text, _ = last_line(file.fileno())
        if text:
            line = read_line(text)
            if line is None or (mac is not None and not line.is_signed(mac)):
                reason = "it was not written by this instance."
                raise AuditBroken(part, _count_lines(part), reason)
            return line.head
    raise InvalidParameter("path", f"there is no audit log at {log}.")


def _left_sequence(log: Path, key: bytes | None) -> int:
    """Up to where the log certainly went when it was left; 0 if nobody knows."""
    state = None if key is None else StateFile(head_path(log), key).read()
    return 0 if state is None else state.certain(present_boot()).head.sequence


def _verify_part(
    part: Path,
    reader: "_Reader",
    mac: Mac | None,
    anchor: Head | None,
    result: Verification,
    *,
    is_last: bool,
) -> None:
    number = 0
    for number, text in enumerate(reader.lines(part), start=1):
        if not text.endswith(b"\n"):
            if not is_last or len(text) > LINE_BYTES:
                raise AuditBroken(part, number, "the line is cut off.")
            result.incomplete_bytes = len(text)
            break
        line = read_line(text[:-1])
        if line is None:
            raise AuditBroken(part, number, "this is no line of an audit log.")
        previous = _previous(part, line, result, is_first=number == 1)
        _require(part, number, line, previous, mac)
        _note(part, number, line, anchor, result)
    if number == 0 and not is_last:
        raise AuditBroken(part, 1, "this part of the log is empty.")
    result.parts += 1


def _previous(part: Path, line: Line, result: Verification, *, is_first: bool) -> Head:
    """What the line must follow: the line before it, also across parts.

    Where the log begins for us, which need not be where it began, a part says itself
    what it follows.
    """
    if not is_first:
        return result.head
    told = line.told()
    previous = told.get("previous", "")
    if told.get("event") != "begin" or not _is_hash(previous):
        raise AuditBroken(part, 1, "the lines before it were removed from this file.")
    if result.lines == 0:
        return Head(line.sequence - 1, bytes.fromhex(previous))
    return result.head


def _require(
    part: Path, number: int, line: Line, previous: Head, mac: Mac | None
) -> None:
    expected = previous.sequence + 1
    if line.sequence > expected:
        gap = f"{expected} to {line.sequence - 1}"
        raise AuditBroken(
            part, number, f"lines are missing before it (sequence {gap})."
        )
    if line.sequence < expected:
        raise AuditBroken(
            part,
            number,
            f"it is out of order (sequence {line.sequence} instead of {expected}).",
        )
    if not line.follows(previous.hash):
        raise AuditBroken(
            part, number, f"it was changed, or put here (sequence {line.sequence})."
        )
    if mac is not None and not line.is_signed(mac):
        raise AuditBroken(
            part,
            number,
            f"it was not written by this instance (sequence {line.sequence}).",
        )


def _note(
    part: Path, number: int, line: Line, anchor: Head | None, result: Verification
) -> None:
    result.lines += 1
    result.first_sequence = result.first_sequence or line.sequence
    result.head = line.head
    if b'"event":"recover"' in line.body and line.told().get("event") == "recover":
        result.recoveries += 1
    if anchor is not None and line.sequence == anchor.sequence:
        if line.hash != anchor.hash:
            raise AuditBroken(
                part,
                number,
                "it is not the line of the anchor: the log was written anew.",
            )
        result.anchor_found = True


class _Reader:
    """Reads lines and tells how far it has come."""

    def __init__(self, total_bytes: int, progress: Progress | None) -> None:
        self._total_bytes = total_bytes
        self._progress = progress
        self._read_bytes = 0
        self._next_report = 0

    def lines(self, part: Path) -> Iterator[bytes]:
        """Every line of a part with its newline; one that is too long is cut."""
        with part.open("rb") as file:
            while text := file.readline(LINE_BYTES + 1):
                self._read_bytes += len(text)
                self._report()
                yield text

    def _report(self) -> None:
        if self._progress is None or self._read_bytes < self._next_report:
            return
        self._next_report = self._read_bytes + PROGRESS_BYTES
        self._progress(self._read_bytes, self._total_bytes)


def _count_lines(part: Path) -> int:
    with part.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK), b""))


def _is_hash(text: object) -> bool:
    digits = set("0123456789abcdef")
    return isinstance(text, str) and len(text) == 64 and set(text) <= digits  # noqa: PLR2004 -- SHA-256 in hexadecimal
