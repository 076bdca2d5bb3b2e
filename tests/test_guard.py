"""The guard: one pair at a time, between threads, processes and forks."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pairsmith.errors import (
    DatabaseError,
    InvalidParameter,
    OperationCancelled,
    Throttled,
)
from pairsmith.guard import Guard

HOLDER = """
import sys, pathlib
from pairsmith.guard import Guard
guard = Guard(pathlib.Path(sys.argv[1]))
guard.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the lock file goes."""
    return tmp_path / "kms.db.guard"


def start_holder(path: Path) -> subprocess.Popen[str]:
    """Another process that holds the slot."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    """Kill -9, and leave no pipe open."""
    holder.kill()
    holder.wait()
    assert holder.stdin is not None
    holder.stdin.close()
    assert holder.stdout is not None
    holder.stdout.close()


def test_second_caller_is_refused_and_served_after_release(path: Path) -> None:
    """A taken slot refuses at once; a released one is free."""
    guard = Guard(path)
    slot = guard.acquire()
    with pytest.raises(Throttled) as refused:
        guard.acquire()
    assert refused.value.code == "Rejected.Throttling"
    assert refused.value.http_status == 429
    assert str(refused.value) == "Concurrency Limit Exceeded."
    assert refused.value.retryable
    guard.release(slot)
    guard.release(guard.acquire())


def test_two_instances_in_one_process_share_the_slot(path: Path) -> None:
    """The limit is the instance's, not the object's."""
    first, second = Guard(path), Guard(path)
    slot = first.acquire()
    with pytest.raises(Throttled):
        second.acquire()
    first.release(slot)
    second.release(second.acquire())


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_limit_is_how_many_are_let_in(path: Path, limit: int) -> None:
    """Exactly ``limit`` slots exist, over two objects that share them."""
    first, second = Guard(path, limit), Guard(path, limit)
    taken = [(guard, guard.acquire()) for guard in ([first, second] * limit)[:limit]]
    for guard in (first, second):
        with pytest.raises(Throttled):
            guard.acquire()
    for guard, slot in taken:
        guard.release(slot)
    assert len([first.acquire() for _ in range(limit)]) == limit


def test_only_one_of_many_threads_is_inside(path: Path) -> None:
    """Under contention no two threads ever hold the slot together."""
    guard, inside, most, served = Guard(path), [0], [0], [0]

    def work() -> None:
        for _ in range(200):
            try:
                slot = guard.acquire()
            except Throttled:
                continue
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0)
            inside[0] -= 1
            served[0] += 1
            guard.release(slot)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
    assert served[0] > 0


def test_killed_holder_frees_the_slot(path: Path) -> None:
    """Another process's slot refuses this one; kill -9 frees it at once."""
    holder = start_holder(path)
    guard = Guard(path)
    with pytest.raises(Throttled):
        guard.acquire()
    end(holder)
    guard.release(guard.acquire())


class Sleeper:
    """Stands for the module ``time``: sleeping moves its clock, and takes no time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wake_at = math.inf
        self.wake: Any = None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.wake_at:
            self.wake_at = math.inf
            self.wake()


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> Sleeper:
    """The time that the guard goes by."""
    sleeper = Sleeper()
    monkeypatch.setattr("pairsmith.guard.time", sleeper)
    return sleeper


def test_wait_is_bounded_and_served_in_time(path: Path, sleeper: Sleeper) -> None:
    """A caller who waits is refused after the time it gave, or served before."""
    first, second = Guard(path), Guard(path)
    slot = first.acquire()
    with pytest.raises(Throttled):
        second.acquire(wait=7.0)
    assert sleeper.now == 7.0
    sleeper.wake_at, sleeper.wake = 10.0, lambda: first.release(slot)
    second.release(second.acquire(wait=30))
    assert 10.0 <= sleeper.now < 11.0


def test_cancelled_wait_ends(path: Path) -> None:
    """A caller who gave up is not kept waiting."""
    guard = Guard(path)
    guard.acquire()
    with pytest.raises(OperationCancelled):
        guard.acquire(wait=30, cancelled=lambda: True)


def test_forked_child_competes_like_any_process(path: Path) -> None:
    """The parent's slot is not the child's: neither to use nor to give back."""
    guard = Guard(path)
    slot = guard.acquire()
    child = os.fork()
    if child == 0:
        refused = 0
        try:
            guard.acquire()
        except Throttled:
            refused = 1
        guard.release(slot)  # the parent's: nothing happens
        try:
            guard.acquire()
        except Throttled:
            refused += 1
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    with pytest.raises(Throttled):
        Guard(path).acquire()
    guard.release(slot)
    guard.release(guard.acquire())


def test_slot_taken_by_a_child_outlives_no_child(path: Path) -> None:
    """A killed child frees its slot although the parent lives."""
    guard = Guard(path)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        guard.acquire()
        os.write(writer, b"x")
        signal.pause()
        os._exit(0)
    assert os.read(reader, 1) == b"x"
    with pytest.raises(Throttled):
        guard.acquire()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    guard.release(guard.acquire())
    os.close(reader)
    os.close(writer)


def test_lock_file_is_private(path: Path) -> None:
    """Nobody else can hold an instance up."""
    Guard(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_bad_limits_and_places_are_refused(tmp_path: Path) -> None:
    """A limit below 1 and a folder that is not there say what to do."""
    with pytest.raises(InvalidParameter, match="pair_limit"):
        Guard(tmp_path / "guard", 0)
    with pytest.raises(DatabaseError, match="writable"):
        Guard(tmp_path / "absent" / "guard")
