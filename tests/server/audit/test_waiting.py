"""How long an entry waits, and what a look at the log finds out."""

import asyncio
import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
from entries import KEY, entry, lines, write

from pairsmith.server.audit import AuditEntry, AuditLog, AuditUnavailable
from pairsmith.server.audit import log as log_module
from pairsmith.server.audit.files import lock_path
from pairsmith.server.audit.lock import WriterLock

SAFETY_SECONDS = 60
"""Only a defect lasts as long."""


async def recorded(log: AuditLog, made: AuditEntry) -> None:
    """Wait, as a request does, until the log has taken an entry."""
    await log.recorded(made)


@contextmanager
def stopped_process(path: Path) -> Iterator[None]:
    """Another process holds the lock, and does not go on."""
    lock = WriterLock(lock_path(path))
    assert lock.acquire()
    yield
    lock.release()
    lock.close()


@contextmanager
def opened(path: Path, now: list[float]) -> Iterator[AuditLog]:
    """A log whose waiting ends by this clock."""
    log = AuditLog.open(path, KEY, seconds=lambda: now[0])
    yield log
    log.close()


def written(path: Path) -> list[str]:
    """The request ids, and the names of events."""
    told = [json.loads(line) for line in lines(path)]
    return [each.get("request_id", each.get("event")) for each in told]


def test_each_entry_waits_for_its_own_time_and_no_longer(path: Path) -> None:
    """One that came later is neither refused with the first nor kept waiting by it."""
    now = [0.0]
    with opened(path, now) as log:
        with stopped_process(path):
            first = log.submit(entry("first"))
            now[0] = log_module.WAIT_SECONDS / 2
            second = log.submit(entry("second"))
            assert not first.done()
            now[0] = log_module.WAIT_SECONDS
            refusal = first.exception(SAFETY_SECONDS)
            assert isinstance(refusal, AuditUnavailable)
            assert "holds the audit log's lock" in str(refusal)
            third = log.submit(entry("third"))
            assert not second.done()
        second.result(SAFETY_SECONDS)
        third.result(SAFETY_SECONDS)
    assert written(path) == ["begin", "second", "third"]


def test_nobody_waits_for_a_disk_that_hangs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests, threads and looks are refused in time, and later ones served again."""
    monkeypatch.setattr(log_module, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(log_module, "CHECK_SECONDS", 0.01)
    log = AuditLog.open(path, KEY, seconds=lambda: 0.0)
    begun, let_go = Event(), Event()

    def hang(_: int) -> None:
        begun.set()
        assert let_go.wait(SAFETY_SECONDS)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", hang)
        hanging = log.submit(entry("hanging"))
        assert begun.wait(SAFETY_SECONDS)
        with pytest.raises(AuditUnavailable, match="did not take an entry within"):
            asyncio.run(recorded(log, entry("request")))
        with pytest.raises(AuditUnavailable, match="did not take an entry within"):
            log.record(entry("thread"))
        with pytest.raises(AuditUnavailable):
            log.check()
        assert not hanging.done()
        let_go.set()
        hanging.result(SAFETY_SECONDS)
    monkeypatch.setattr(log_module, "WAIT_SECONDS", SAFETY_SECONDS)
    log.record(entry("later"))
    log.close()
    assert written(path)[-1] == "later"


def test_a_log_that_is_closed_while_the_lock_is_held_ends(path: Path) -> None:
    """What waits is refused when its time is over, and the thread comes to its end."""
    now = [0.0]
    with opened(path, now) as log, stopped_process(path):
        waiting = log.submit(entry())
        now[0] = log_module.WAIT_SECONDS
        log.close()
        assert isinstance(waiting.exception(0), AuditUnavailable)


def test_opening_does_not_wait_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that starts beside a stopped one says why it does not."""
    write(path, 1)
    monkeypatch.setattr(log_module, "WAIT_SECONDS", 0.0)
    with stopped_process(path), pytest.raises(AuditUnavailable, match="lock"):
        AuditLog.open(path, KEY)


def test_a_look_takes_the_way_of_an_entry_and_writes_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds what an entry would find: the lock, the end of the log, the disk."""
    log = AuditLog.open(path, KEY)
    log.record(entry("a"))
    for _ in range(5):
        log.check()
    monkeypatch.setattr(log_module, "CHECK_SECONDS", 0.01)
    with stopped_process(path), pytest.raises(AuditUnavailable):
        log.check()
    monkeypatch.setattr(log_module, "CHECK_SECONDS", SAFETY_SECONDS)
    text = path.read_bytes()
    path.write_bytes(text[:-50] + b"0" * 49 + b"\n")
    with pytest.raises(AuditUnavailable, match="was changed"):
        log.check()
    path.write_bytes(text)
    log.check()
    full = SimpleNamespace(f_bavail=10, f_frsize=4096)
    with monkeypatch.context() as patched:
        patched.setattr(os, "statvfs", lambda _: full)
        with pytest.raises(AuditUnavailable, match="make room"):
            log.check()
    log.check()
    log.close()
    with pytest.raises(AuditUnavailable, match="closed"):
        log.check()
    assert path.read_bytes() == text


def test_after_a_refused_group_one_line_shows_that_the_next_can_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota need not show otherwise; while it lasts no look leaves anything."""

    def full(_: int, __: bytes) -> int:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    log = AuditLog.open(path, KEY)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        log.check()  # nobody can know yet
        for attempt in (lambda: log.record(entry("refused")), log.check, log.check):
            with pytest.raises(AuditUnavailable, match="quota"):
                attempt()
    for _ in range(3):
        log.check()
    log.record(entry("then"))
    log.close()
    assert written(path) == ["begin", "resume", "then"]


def test_a_lock_whose_file_was_moved_is_taken_anew(path: Path) -> None:
    """Two writers that would hold two files are never both let in."""
    place = lock_path(path)
    one, other = WriterLock(place), WriterLock(place)
    assert one.acquire()
    one.release()
    place.rename(place.with_name("moved"))
    assert other.acquire()
    assert not one.acquire()
    other.release()
    assert one.acquire()
    one.close()
    other.close()
