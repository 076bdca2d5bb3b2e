"""Kills and power failures: every way in which the last group may be incomplete.

Deterministic: a log is written, and the files are put as a failure may have left them.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from entries import KEY, entry, lines, requests, write

from pairsmith.server.audit import AuditLog, AuditUnavailable
from pairsmith.server.audit.appending import Appender
from pairsmith.server.audit.files import head_path
from pairsmith.server.audit.log_file import RESERVED_LINES, LogFile
from pairsmith.server.audit.state import StateFile
from pairsmith.server.audit.verify import verify

ANSWERED = ["a", "b"]
GROUP = ["c", "d", "e"]


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk has is played here: files are put as it may have left them."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(os, "fdatasync", lambda _: None)


@dataclass(frozen=True)
class Written:
    """A log before and after its last group, with the records beside it.

    Attributes:
        before: The log when the group before it had been answered.
        after: The log when the last group was written, and not on the disk.
        noted: ``NAME.head`` at the first of these moments, as it is on the disk.
        told: ``NAME.head`` at the second, which may be on the disk or not.
    """

    before: bytes
    after: bytes
    noted: bytes
    told: bytes


@pytest.fixture
def written(path: Path, start_anew: Callable[[], None]) -> Written:
    """Two answered entries and a group of three; then the machine is started anew."""
    appender = Appender(LogFile(path, KEY, rotate_bytes=10**6, rotate_daily=False))
    assert appender.acquire()
    appender.prepare()
    for request in ANSWERED:
        assert appender.acquire()
        appender.append([entry(request).to_json()])
    assert appender.acquire()
    appender.note()
    before, noted = path.read_bytes(), head_path(path).read_bytes()
    assert appender.acquire()
    appender.append([entry(request).to_json() for request in GROUP])
    after, told = path.read_bytes(), head_path(path).read_bytes()
    appender.close()
    start_anew()
    return Written(before, after, noted, told)


def assert_goes_on(path: Path, *, left: bytes, record: bytes, where: object) -> None:
    """Put the files so, start, and see that nothing answered is gone."""
    path.write_bytes(left)
    head_path(path).write_bytes(record)
    log = AuditLog.open(path, KEY)
    log.record(entry("after"))
    log.check()
    log.close()
    *kept, last = requests(path)
    assert last == "after", where
    assert kept[: len(ANSWERED)] == ANSWERED, where
    assert kept[len(ANSWERED) :] == GROUP[: len(kept) - len(ANSWERED)], where
    verify(path, KEY)
    whole = left.endswith(b"\n") and b"\0" not in left
    events = [json.loads(line).get("event") for line in lines(path)]
    assert events.count("recover") == (0 if whole else 1), where


@pytest.mark.parametrize("record", ["noted", "told"])
def test_every_beginning_of_the_last_group_is_gone_on_from(
    path: Path, written: Written, record: str
) -> None:
    """Whole lines stay, the rest is cut off and told of, whatever the record says."""
    for length in range(len(written.before), len(written.after) + 1):
        assert_goes_on(
            path,
            left=written.after[:length],
            record=getattr(written, record),
            where=length,
        )


@pytest.mark.parametrize("record", ["noted", "told"])
def test_every_lost_page_of_the_last_group_is_gone_on_from(
    path: Path, written: Written, record: str
) -> None:
    """Zeros from anywhere in it to anywhere behind: lines before them stay."""
    begin, end = len(written.before), len(written.after)
    step = max(1, (end - begin) // 40)
    for first in range(begin, end, step):
        for last in {min(end, first + 1), min(end, first + 100), end}:
            hole = bytes(last - first)
            left = written.after[:first] + hole + written.after[last:]
            assert_goes_on(
                path,
                left=left,
                record=getattr(written, record),
                where=(first, last),
            )


def test_what_was_answered_is_never_cut_off(path: Path, written: Written) -> None:
    """Zeros in a line that the disk is known to have had are evidence."""
    at = len(written.before) - 10
    path.write_bytes(written.after[:at] + bytes(10) + written.after[at + 10 :])
    head_path(path).write_bytes(written.noted)
    text = path.read_bytes()
    with pytest.raises(AuditUnavailable, match="as evidence"):
        AuditLog.open(path, KEY)
    assert path.read_bytes() == text


def test_whole_lines_of_others_are_no_lost_page(path: Path, written: Written) -> None:
    """A changed line after the last certain one is evidence, and stays."""
    text = written.after.replace(b'"d"', b'"X"')
    path.write_bytes(text)
    head_path(path).write_bytes(written.noted)
    with pytest.raises(AuditUnavailable, match="as evidence"):
        AuditLog.open(path, KEY)
    assert path.read_bytes() == text


def test_an_older_copy_after_a_power_failure_is_noticed(
    path: Path, written: Written
) -> None:
    """As far as the record knows that the disk had the lines."""
    path.write_bytes(b"".join(written.before.splitlines(keepends=True)[:-1]))
    head_path(path).write_bytes(written.told)
    with pytest.raises(AuditUnavailable, match="shorter than it was"):
        AuditLog.open(path, KEY)


def test_a_log_lost_in_a_power_failure_never_gives_its_numbers_again(
    path: Path, written: Written
) -> None:
    """Nobody knows how many lines there were: those numbers are left out."""
    path.unlink()
    head_path(path).write_bytes(written.told)
    write(path, 1)
    first = verify(path, KEY).first_sequence
    assert first == 2 + RESERVED_LINES
    write(path, 1)
    verify(path, KEY)


def test_no_number_is_used_that_is_not_reserved_on_the_disk(
    path: Path, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record that is on the disk says more than any line has, all the time."""
    path.write_bytes(written.after)
    head_path(path).write_bytes(written.told)
    monkeypatch.setattr("pairsmith.server.audit.log_file.RESERVED_LINES", 3)
    head_path(path).unlink()
    log = AuditLog.open(path, KEY)
    for number in range(20):
        log.record(entry(str(number)))
        record = StateFile(head_path(path), KEY).read()
        assert record is not None
        assert record.reserved >= json.loads(lines(path)[-1])["sequence"]
    log.close()


@pytest.mark.parametrize("started_anew", [False, True])
def test_a_kill_or_power_failure_anywhere_in_a_rotation_is_mended(
    path: Path, start_anew: Callable[[], None], *, started_anew: bool
) -> None:
    """After each step of it the next start goes on, without a gap and as one log."""
    write(path, 3)
    record, text = head_path(path).read_bytes(), path.read_bytes()
    part = path.with_name("audit.log.000000000004")
    path.rename(part)
    write(path, 0)
    begin = path.read_bytes()
    for step in (None, b"", begin[:50], begin):
        part.write_bytes(text)
        path.unlink(missing_ok=True)
        if step is not None:
            path.write_bytes(step)
        head_path(path).write_bytes(record)
        if started_anew:
            start_anew()
        write(path, 2)
        seen = verify(path, KEY)
        assert (seen.parts, seen.lines) == (2, 7)
