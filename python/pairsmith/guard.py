"""The concurrency guard: how many pairs an instance generates at once.

The documented service processes one request at a time over its four pair operations
together and refuses the others. A slot of ``Guard`` is an ``flock`` on a file beside an
SQLite database: the kernel releases it when its holder dies, however it dies, and it
holds between threads and between processes of one host alike. On PostgreSQL the guard
is in the database itself: ``instance/leases.py``.
"""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from collections import deque
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from pairsmith.errors import (
    DatabaseError,
    InvalidParameter,
    OperationCancelled,
    Throttled,
)
from pairsmith.private_files import open_kept

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_SECONDS = 0.002
"""How often a caller who agreed to wait looks again."""


class Slots(Protocol):
    """Slots of whatever kind; safe for threads and forks."""

    def acquire(
        self, wait: float = 0.0, cancelled: Callable[[], bool] | None = None
    ) -> int:
        """Take a slot and return it for ``release``.

        Args:
            wait: Seconds to wait for one at most; 0 refuses at once.
            cancelled: Asked while waiting; true gives up.

        Raises:
            Throttled: Every slot is taken.
            OperationCancelled: ``cancelled`` became true while waiting.
            DatabaseError: The guard was closed, or cannot be asked.
        """

    def release(self, slot: int) -> None:
        """Give a slot back; one that was taken before a fork stays the parent's."""

    def close(self) -> None:
        """Give out no slot any more; those that are held are held until released."""


class Guard:
    """At most ``limit`` slots taken at once, over every process that shares ``path``.

    Args:
        path: The lock files are ``path``, ``path-1`` and so on, made with mode 0600 and
            never deleted: deleting one while it is locked would make it two locks.
        limit: How many slots there are, 1 or more.
    """

    def __init__(self, path: Path, limit: int = 1) -> None:
        if limit < 1:
            raise InvalidParameter("pair_limit", "it must be 1 or more")
        self._paths = [f"{path}-{slot}" if slot else str(path) for slot in range(limit)]
        # Reentrant: a batch that nobody holds any more releases its slot anywhere.
        self._lock = RLock()
        self._closed = False
        self._free: deque[int] = deque()
        self._held: set[int] = set()
        self._open()
        _guards.add(self)

    def acquire(
        self, wait: float = 0.0, cancelled: Callable[[], bool] | None = None
    ) -> int:
        """Take a slot, see ``Slots``."""
        return acquired(self._try, wait, cancelled, POLL_SECONDS)

    def release(self, slot: int) -> None:
        """Give a slot back, see ``Slots``."""
        with self._lock:
            if slot not in self._held:
                return
            self._held.discard(slot)
            if self._closed:
                os.close(slot)
                return
            fcntl.flock(slot, fcntl.LOCK_UN)
            self._free.append(slot)

    def close(self) -> None:
        """Give out no slot any more, see ``Slots``; twice does nothing."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, deque()
            for slot in free:
                os.close(slot)

    def _try(self) -> int | None:
        """One look at every slot that no thread of this process holds."""
        with self._lock:
            if self._closed:
                raise closed()
            for _ in range(len(self._free)):
                slot = self._free.popleft()
                try:
                    fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # another process has it
                    self._free.append(slot)
                else:
                    self._held.add(slot)
                    return slot
        return None

    def _open(self) -> None:
        for path in self._paths:
            try:
                self._free.append(open_kept(Path(path)))
            except OSError as error:
                self.close()
                raise DatabaseError(
                    f"The guard's lock file {path} cannot be opened: {error.strerror}. "
                    "Make the folder of the database writable for this user; the file "
                    "may be no symbolic link.",
                    retryable=False,
                ) from error

    def _reopen_in_child(self) -> None:
        """A fork shares locks with the parent; a child needs files of its own."""
        inherited = [*self._free, *self._held]
        self._lock, self._free, self._held = RLock(), deque(), set()
        for slot in inherited:
            os.close(slot)
        if not self._closed:
            self._open()


def acquired(
    take: Callable[[], int | None],
    wait: float,
    cancelled: Callable[[], bool] | None,
    poll_seconds: float,
) -> int:
    """Take a slot, looking again and again for as long as the caller waits."""
    slot = take()
    deadline = time.monotonic() + wait if wait else 0.0
    while slot is None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Throttled
        if cancelled is not None and cancelled():
            raise OperationCancelled
        time.sleep(min(poll_seconds, left))
        slot = take()
    return slot


def closed() -> DatabaseError:
    """Say that the instance was closed, which closes its guard."""
    return DatabaseError("The instance was closed: open it again.", retryable=False)


_guards: weakref.WeakSet[Guard] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for guard in list(_guards):
        guard._reopen_in_child()  # noqa: SLF001 -- the same module


os.register_at_fork(after_in_child=_after_fork_in_child)
