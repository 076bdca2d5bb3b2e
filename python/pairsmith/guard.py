"""The concurrency guard: how many pairs an instance generates at once.

The documented service processes one request at a time over its four pair operations
together and refuses the others. A slot here is an ``flock`` on a file beside the
database: the kernel releases it when its holder dies, however it dies, and it holds
between threads and between processes of one host alike.
"""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING

from pairsmith.errors import (
    DatabaseError,
    InvalidParameter,
    OperationCancelled,
    Throttled,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLL_SECONDS = 0.002
"""How often a caller who agreed to wait looks again."""


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
        self._descriptors: list[int] = []
        self._free: deque[int] = deque()
        self._held: set[int] = set()
        self._open()
        _guards.add(self)

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
        """
        slot = self._try()
        deadline = time.monotonic() + wait if wait else 0.0
        while slot is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Throttled
            if cancelled is not None and cancelled():
                raise OperationCancelled
            time.sleep(min(POLL_SECONDS, left))
            slot = self._try()
        return slot

    def release(self, slot: int) -> None:
        """Give a slot back; one that was taken before a fork stays the parent's."""
        if slot in self._held:
            self._held.discard(slot)
            fcntl.flock(slot, fcntl.LOCK_UN)
            self._free.append(slot)

    def close(self) -> None:
        """Give back whatever is held and close the files."""
        descriptors, self._descriptors = self._descriptors, []
        self._free.clear()
        self._held.clear()
        for descriptor in descriptors:
            os.close(descriptor)

    def _try(self) -> int | None:
        """One look at every slot that no thread of this process holds."""
        for _ in range(len(self._free)):
            try:
                slot = self._free.popleft()
            except IndexError:  # another thread was quicker
                return None
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
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                self.close()
                raise DatabaseError(
                    f"The guard's lock file {path} cannot be opened: {error.strerror}. "
                    "Make the folder of the database writable for this user.",
                    retryable=False,
                ) from error
            self._descriptors.append(descriptor)
        self._free.extend(self._descriptors)

    def _reopen_in_child(self) -> None:
        """A fork shares locks with the parent; a child needs files of its own."""
        if self._descriptors:
            self.close()
            self._open()


_guards: weakref.WeakSet[Guard] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for guard in list(_guards):
        guard._reopen_in_child()  # noqa: SLF001 -- the same module


os.register_at_fork(after_in_child=_after_fork_in_child)
