"""Recording: durable, in groups, by many processes; closed when it cannot be done."""

import errno
import json
import multiprocessing
import os
import resource
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from entries import KEY, NOON, entry, lines, requests, write

from pairsmith.server.audit import AuditLog, AuditUnavailable, appending
from pairsmith.server.audit.verify import verify


def test_a_line_tells_who_did_what_and_how_it_ended(path: Path) -> None:
    """Every field under its name, empty ones left out; for the owner's eyes only."""
    log = AuditLog.open(path, KEY)
    log.record(entry("abc", code="Rejected.Disabled", http_status=409))
    log.close()
    line = json.loads(lines(path)[1])
    assert {name: line[name] for name in line if name not in ("hash", "mac")} == {
        "sequence": 2,
        "time": "2026-11-24T12:00:00.000000Z",
        "operation": "Decrypt",
        "principal_id": "KAAP.1",
        "principal_name": "app",
        "request_id": "abc",
        "key_id": "key-1",
        "key_version_id": "key-1-2",
        "code": "Rejected.Disabled",
        "http_status": 409,
        "remote_address": "127.0.0.1",
        "duration_seconds": 0.001,
    }
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_caller_s_text_cannot_make_lines_or_megabytes(path: Path) -> None:
    """Newlines and quotes are escaped, and what is too long is cut."""
    log = AuditLog.open(path, KEY)
    forged = 'x"}\n{"sequence":3,"hash":"'
    log.record(entry(key_id=forged, principal_id="é" * 3_000_000, spec="\ud800"))
    log.close()
    assert len(path.read_bytes()) < 10_000
    assert json.loads(lines(path)[1])["key_id"] == forged
    assert verify(path, KEY).lines == 2


def test_what_waits_is_written_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one group is on its way to the disk, all others gather in the next."""
    groups: list[int] = []
    begun, let_go = Event(), Event()
    real = appending.Appender.append

    def slow(self: appending.Appender, group: Any) -> None:
        groups.append(len(group))
        begun.set()
        assert let_go.wait(60)
        real(self, group)

    monkeypatch.setattr(appending.Appender, "append", slow)
    log = AuditLog.open(path, KEY)
    first = log.submit(entry("first"))
    assert begun.wait(60)
    others = [log.submit(entry(str(number))) for number in range(100)]
    assert not any(each.done() for each in [first, *others])
    let_go.set()
    for each in [first, *others]:
        each.result(60)
    log.close()
    assert groups == [1, 100]
    assert requests(path) == ["first", *map(str, range(100))]


def test_nothing_returns_before_the_disk_has_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``record`` ends after ``fdatasync``, which saw the line in the file."""
    seen: list[int] = []
    real = os.fdatasync

    def watched(descriptor: int) -> None:
        real(descriptor)
        seen.append(path.read_bytes().count(b'"request_id"'))

    monkeypatch.setattr(os, "fdatasync", watched)
    log = AuditLog.open(path, KEY)
    for number in range(3):
        log.record(entry(str(number)))
        assert seen[-1] == number + 1
    log.close()


def test_many_threads_share_one_chain(path: Path) -> None:
    """Every entry is there once, and the chain is whole."""
    log = AuditLog.open(path, KEY, rotate_bytes=20_000)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: log.record(entry(str(number))), range(500)))
    log.close()
    assert sorted(map(int, requests(path))) == list(range(500))
    assert verify(path, KEY).parts > 3


def _write_many(path: Path, name: str) -> None:
    log = AuditLog.open(path, KEY, rotate_bytes=8_000)
    for number in range(100):
        log.record(entry(f"{name}-{number}"))
    log.close()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_many_processes_share_one_chain(path: Path, method: str) -> None:
    """They rotate it under each other and lose nothing."""
    context = multiprocessing.get_context(method)
    workers = [
        context.Process(target=_write_many, args=(path, str(number)))
        for number in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    expected = {f"{worker}-{number}" for worker in range(3) for number in range(100)}
    assert sorted(requests(path)) == sorted(expected)
    seen = verify(path, KEY)
    assert seen.parts > 3
    assert seen.recoveries == 0


def test_a_forked_child_writes_by_itself(path: Path) -> None:
    """The child has a writer of its own, on the same chain."""
    log = AuditLog.open(path, KEY)
    log.record(entry("parent-1"))
    child = os.fork()
    if child == 0:
        log.record(entry("child"))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    log.record(entry("parent-2"))
    log.close()
    assert requests(path) == ["parent-1", "child", "parent-2"]
    verify(path, KEY)


def test_a_log_goes_on_where_it_was(path: Path) -> None:
    """Opened again, also when the newest part was just put away."""
    write(path, 2)
    write(path, 2)
    count = verify(path, KEY).head.sequence
    path.rename(path.with_name(f"audit.log.{count:012}"))
    write(path, 2)
    seen = verify(path, KEY)
    assert (seen.lines, seen.parts) == (count + 3, 2)


def test_every_day_has_a_part(path: Path) -> None:
    """By the clock, not by when a request came; never twice for one midnight."""
    now = [NOON]
    log = AuditLog.open(path, KEY, clock=lambda: now[0])
    log.record(entry("a"))
    now[0] += timedelta(days=1)
    log.record(entry("b", time=NOON))
    log.record(entry("c", time=NOON))
    log.close()
    log = AuditLog.open(path, KEY, clock=lambda: now[0])
    log.record(entry("d"))
    log.close()
    assert verify(path, KEY).parts == 2
    assert path.read_bytes().count(b'"request_id"') == 3


def test_an_incomplete_last_line_is_cut_off_and_noted(path: Path) -> None:
    """Nobody was answered on it; its length and hash stay in the chain."""
    write(path, 2)
    with path.open("ab") as file:
        file.write(b'{"sequence":4,"ti')
    write(path, 1)
    told = [json.loads(line) for line in lines(path)]
    assert [each.get("event") for each in told] == [
        "begin",
        None,
        None,
        "recover",
        None,
    ]
    assert told[3]["cut_bytes"] == 17
    assert verify(path, KEY).recoveries == 1


@pytest.mark.parametrize("left", [b"", b'{"sequence"'])
def test_a_kill_between_making_a_part_and_its_first_line_is_mended(
    path: Path, left: bytes
) -> None:
    """An empty file, or one with half a first line, begins anew where it belongs."""
    write(path, 2)
    path.rename(path.with_name("audit.log.000000000003"))
    path.write_bytes(left)
    write(path, 1)
    assert verify(path, KEY).parts == 2


def test_a_changed_end_is_not_gone_on_from(path: Path) -> None:
    """A last line of somebody else's stops the log, and the message says what to do."""
    write(path, 2)
    text = path.read_bytes()
    for altered in (text[:-10] + b'0000000"}\n', text + b"junk\n"):
        path.write_bytes(altered)
        with pytest.raises(AuditUnavailable, match="as evidence"):
            AuditLog.open(path, KEY)
    path.write_bytes(text)
    with pytest.raises(AuditUnavailable, match="not written by this instance"):
        AuditLog.open(path, b"another key")


def test_lines_removed_from_a_running_log_are_noticed(path: Path) -> None:
    """The next entry fails, and so does the operation it is about."""
    log = AuditLog.open(path, KEY)
    for number in range(3):
        log.record(entry(str(number)))
    path.write_bytes(b"".join(lines(path)[:-1]))
    with pytest.raises(AuditUnavailable, match="shorter than it was"):
        log.record(entry())
    log.close()


@pytest.mark.parametrize("fault", ["directory", "nowhere", "file"])
def test_what_cannot_be_written_is_said_when_opening(path: Path, fault: str) -> None:
    """The server does not even start."""
    place = {
        "directory": path,
        "nowhere": path.parent / "nowhere" / "audit.log",
        "file": path / "audit.log",
    }[fault]
    if fault == "directory":
        path.mkdir()
    elif fault == "file":
        path.write_bytes(b"")
    with pytest.raises(AuditUnavailable, match="cannot be written"):
        AuditLog.open(place, KEY)


def test_a_full_disk_fails_each_entry_and_leaves_no_half(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written of the group is cut off; with room again it goes on."""
    log = AuditLog.open(path, KEY)
    log.record(entry("before"))
    length = path.stat().st_size
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 100:
            return real(descriptor, data[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        for _ in range(2):
            with pytest.raises(AuditUnavailable, match="No space left"):
                log.record(entry("during"))
    assert path.stat().st_size == length
    log.record(entry("after"))
    log.close()
    assert requests(path) == ["before", "after"]
    assert verify(path, KEY).recoveries == 0


def test_a_half_written_group_that_could_not_be_cut_is_cut_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that neither writes nor truncates leaves a tail; the next writer does."""
    log = AuditLog.open(path, KEY)
    real = os.write

    def failing(descriptor: int, data: bytes) -> int:
        if len(data) > 100:
            return real(descriptor, data[:100])
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def refused(_: int, __: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", failing)
        patched.setattr(os, "ftruncate", refused)
        with pytest.raises(AuditUnavailable):
            log.record(entry("during"))
    log.record(entry("after"))
    log.close()
    assert requests(path) == ["after"]
    assert verify(path, KEY).recoveries == 1


def test_a_disk_that_does_not_keep_its_word_stops_the_log(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed fdatasync nothing is recorded, and /readyz is told, ever after."""
    log = AuditLog.open(path, KEY)

    def failing(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", failing)
        with pytest.raises(AuditUnavailable, match="did not take"):
            log.record(entry())
    for attempt in (lambda: log.record(entry()), log.check):
        with pytest.raises(AuditUnavailable, match="did not take"):
            attempt()
    log.close()


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from entries import KEY, entry
from pairsmith.server.audit import AuditLog, AuditUnavailable
log = AuditLog.open(sys.argv[1], KEY)
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))
try:
    for number in range(1000):
        log.record(entry(str(number)))
        print(number)
except AuditUnavailable as error:
    print(error, file=sys.stderr)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    log.record(entry("again"))
"""


def test_a_real_limit_of_the_kernel_closes_and_opens_it(path: Path) -> None:
    """All that was acknowledged is there, nothing else, and it goes on afterwards."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, path, Path(__file__).parent],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be written (File too large)" in run.stderr
    assert requests(path) == [*run.stdout.split(), "again"]
    assert len(requests(path)) > 3
    assert verify(path, KEY).recoveries == 0


KILLED = """
import os, sys, threading
sys.path.insert(0, sys.argv[2])
from entries import KEY, entry
from pairsmith.server.audit import AuditLog
log = AuditLog.open(sys.argv[1], KEY, rotate_bytes=30_000)
def work(name):
    for number in range(1_000_000):
        request = f"{name}-{number}"
        log.record(entry(request))
        os.write(1, (request + "\\n").encode())
for each in range(4):
    threading.Thread(target=work, args=(f"{os.getpid()}-{each}",)).start()
"""


def test_killed_while_writing_it_has_all_that_was_acknowledged(path: Path) -> None:
    """Twice over, with two processes at once; the chain verifies before and after."""
    command = [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)]
    for _ in range(2):
        writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in "ab"]
        acknowledged = []
        for writer in writers:
            assert writer.stdout is not None
            acknowledged += [writer.stdout.readline() for _ in range(300)]
        for writer in writers:
            writer.kill()
        for writer in writers:
            assert writer.stdout is not None
            acknowledged += [line for line in writer.stdout if line.endswith(b"\n")]
            writer.wait()
            writer.stdout.close()
        verify(path, KEY)
        write(path, 1)
        verify(path, KEY)
        assert {line.decode().strip() for line in acknowledged} <= set(requests(path))


def test_a_closed_or_overfull_log_takes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits already is written when it closes; closing twice does nothing."""
    log = AuditLog.open(path, KEY)
    future = log.submit(entry("waiting"))
    log.close()
    assert future.result() is None
    log.close()
    with pytest.raises(AuditUnavailable):
        log.record(entry())
    monkeypatch.setattr("pairsmith.server.audit.log.QUEUE_ENTRIES", 0)
    log = AuditLog.open(path, KEY)
    with pytest.raises(AuditUnavailable, match="takes no more"):
        log.record(entry())
    log.close()


def test_the_clock_is_the_machine_s(path: Path) -> None:
    """A part begins now, in UTC."""
    write(path, 0)
    begun = json.loads(lines(path)[0])["time"]
    distance = datetime.now(UTC) - datetime.fromisoformat(begun)
    assert timedelta() <= distance < timedelta(hours=1)
