"""The lock that makes one process the writer of the log."""

import fcntl
import os
from pathlib import Path

from pairsmith.server.audit.files import open_file


class WriterLock:
    """An ``flock`` on a file of its own; its holder's death releases it.

    Args:
        path: Made if it is not there; never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> bool:
        """Take the lock if nobody has it.

        Raises:
            OSError: The file cannot be made.
        """
        while True:
            if self._descriptor < 0:
                self._descriptor = open_file(self._path, os.O_RDWR)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self._is_the_one():
                return True
            # Somebody moved the file away; others have made, and lock, a new one.
            self.close()

    def release(self) -> None:
        """Give it back."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the descriptor; a lock that is held ends with the last copy of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _is_the_one(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        held = os.fstat(self._descriptor)
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
