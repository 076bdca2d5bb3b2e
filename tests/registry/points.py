"""Every point at which a process can be killed or suspended: a count, not a moment.

A point lies before each call that changes a file and before each commit, and one at the
end: what is after one call is before the next. Where somebody else may come between,
opening a file for reading is one, too. The same work passes the same points in the same
order, so a test can stop a forked child at each, however fast the machine is.
"""

import fcntl
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

from pairsmith.errors import DatabaseError, RootKeyError

FILE_CALLS = (
    "write",
    "fsync",
    "fchmod",
    "fchown",
    "link",
    "unlink",
    "rename",
    "replace",
)

DONE, FAILED, REFUSED = 0, 1, 3
"""How a child ends: its work is done, a defect, or an error of Pairsmith's."""

Work = Callable[[], object]


def count_points(work: Work, *, reads: bool = False) -> int:
    """Do the work in a child and count the points it passes."""
    reader, writer = os.pipe()
    passed = [0]

    def count() -> None:
        passed[0] += 1

    def told() -> None:
        work()
        _write(writer, str(passed[0]).encode())

    child = _child(told, count, reads=reads)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    assert wait(child) == DONE
    return int(text) + 1


def run(work: Work) -> int:
    """Do the work in a child, undisturbed; tell how it ended."""
    return wait(_child(work, lambda: None, reads=False))


def run_killed(work: Work, point: int) -> bool:
    """Do the work in a child that is killed at a point; tell whether it got there."""
    left = [point]

    def reach() -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    return wait(_child(work, reach, reads=False)) == -signal.SIGKILL


@contextmanager
def suspended(
    work: Work, point: int, *, reads: bool = False
) -> Iterator[Callable[[], int]]:
    """Suspend a child at a point; inside, a call lets it go on and tells how it ends.

    It is waited for by a byte in a pipe: nothing depends on when it gets there.
    """
    arrived, arriving = os.pipe()
    resumed, resuming = os.pipe()
    left = [point]

    def reach() -> None:
        if left[0] == 0:
            _write(arriving, b"x")
            os.read(resumed, 1)
        left[0] -= 1

    child = _child(work, reach, reads=reads)
    os.close(arriving)
    os.read(arrived, 1)  # or the end of the file, if it ended before
    ended: list[int] = []

    def resume() -> int:
        _write(resuming, b"x")
        ended.append(wait(child))
        return ended[0]

    try:
        yield resume
    finally:
        if not ended:
            os.kill(child, signal.SIGKILL)
            wait(child)
        for descriptor in (arrived, resumed, resuming):
            os.close(descriptor)


def wait(child: int) -> int:
    """Wait for a child; its status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


_write, _open = os.write, os.open


def _child(work: Work, reach: Callable[[], None], *, reads: bool) -> int:
    child = os.fork()
    if child:
        return child
    status = FAILED
    try:
        _watch(reach, reads=reads)
        work()
        reach()
        status = DONE
    except (RootKeyError, DatabaseError):
        status = REFUSED
    except BaseException:  # noqa: BLE001 -- whatever it is, the test shall see it
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(status)


def _watch(reach: Callable[[], None], *, reads: bool) -> None:
    """Let every call of interest pass a point before it; for good, in a child."""

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def passing(*args: Any, **named: Any) -> Any:
            reach()
            return call(*args, **named)

        return passing

    def opened(path: Any, flags: int, *args: Any, **named: Any) -> int:
        if reads or flags & os.O_CREAT:
            reach()
        return _open(path, flags, *args, **named)

    for name in FILE_CALLS:
        setattr(os, name, watched(getattr(os, name)))
    os.open = opened
    fcntl.flock = watched(fcntl.flock)  # type: ignore[assignment]
    DefaultDialect.do_commit = watched(DefaultDialect.do_commit)  # type: ignore[method-assign]
