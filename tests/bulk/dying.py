"""Processes that die at a chosen call, to see what they leave behind."""

import os
import signal
from collections.abc import Callable
from functools import wraps
from typing import Any

from pairsmith.bulk import storage

PIECE = 500
"""Bytes; a table is written in hundreds of pieces, of which the larger will do."""
NAMES = ("open", "fsync", "replace", "mkdir", "unlink", "rmdir")
"""Every way in which a job touches the names and the disk; a shard's bytes besides."""


def died_at(step: int, work: Callable[[], object]) -> bool:
    """Let a child work until it comes to that step; whether it did."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _die_at(step)
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def _die_at(step: int) -> None:
    """From now on this process dies before or after some call that changes a file."""
    left = step

    def count() -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Any:
            count()
            answer = call(*args, **kwargs)
            count()
            return answer

        return counted

    for name in NAMES:
        setattr(os, name, deadly(getattr(os, name)))
    real = storage.Draft.write

    def write(draft: storage.Draft, content: bytes) -> int:
        # Half of it reaches the disk; all of it did where the next step dies.
        draft._file.write(content[: len(content) // 2])
        draft._file.flush()
        if len(content) > PIECE:
            count()
        draft._file.seek(draft.size)
        answer = real(draft, content)
        draft._file.flush()
        return answer

    storage.Draft.write = write  # type: ignore[method-assign]
