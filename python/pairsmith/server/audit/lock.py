"""The lock that makes one process the writer of the log."""

import fcntl
import os
from pathlib import Path

from pairsmith.server.audit.held_file import HeldFile


class WriterLock:
    """An ``flock`` on a file of its own; its holder's death releases it.

    Args:
        path: Made if it is not there; never removed.
    """

    def __init__(self, path: Path) -> None:
        self._file = HeldFile(path, os.O_RDWR)

    def acquire(self) -> bool:
        """Take the lock if nobody has it.

        Raises:
            OSError: The file cannot be made.
        """
        while True:
            if self._file.descriptor < 0:
                self._file.open()
            try:
                fcntl.flock(self._file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self._file.found():
                return True
            # Somebody moved the file away; others have made, and lock, a new one.
            self.close()

    def release(self) -> None:
        """Give it back."""
        fcntl.flock(self._file.descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the descriptor; a lock that is held ends with the last copy of it."""
        self._file.close()
