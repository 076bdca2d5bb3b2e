"""A file that stays open, and is the one that its path names or is opened again."""

import os
from pathlib import Path

from pairsmith.server.audit.files import open_file


class HeldFile:
    """The log, its lock or its head, as one process holds it open.

    Whoever uses it looks at the path first (``found``): the file may have been moved,
    removed or replaced, or others may write to it since.

    Attributes:
        path: Where it is.
        descriptor: Negative if it is not open.

    Args:
        path: As above.
        flags: For ``open_file``.
    """

    def __init__(self, path: Path, flags: int) -> None:
        self.path = path
        self._name = os.fspath(path)  # once, for a look at each group of lines
        self._flags = flags
        self.descriptor = -1
        self._identity: tuple[int, ...] = ()

    def found(self) -> os.stat_result | None:
        """Look at the path, and say what is there.

        Returns:
            ``None`` unless it is the open file, with the owner and the permissions that
            it was opened with.
        """
        if self.descriptor < 0:
            return None
        try:
            there = os.lstat(self._name)
        except FileNotFoundError:
            return None
        return there if _identity(there) == self._identity else None

    def open(self) -> os.stat_result:
        """Open what is at the path, made if there is nothing.

        Raises:
            OSError: It cannot be, it is no file, or others may write it.
        """
        self.close()
        self.descriptor = open_file(self.path, self._flags)
        found = os.fstat(self.descriptor)
        self._identity = _identity(found)
        return found

    def close(self) -> None:
        """Give back the descriptor."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_mode, found.st_uid
