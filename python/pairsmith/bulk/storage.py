"""Files that are whole or not there, and the lock of a job.

A draft is written under a hidden name beside its place, mode 0600, and hashed on its
way; it reaches the disk before it is renamed, and the folder after. Whatever happens
in between, the name shows the old content or the new one. Drafts have fixed names, for
the lock leaves one writer: what a killed one left behind is overwritten by the next.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from pairsmith import output_files, private_files
from pairsmith.errors import JobInUse, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


WRITEBACK = 4 * 1024 * 1024
"""Bytes after which the disk is asked to begin, so that little is left for the end."""


class Draft:
    """A file to be; also enough of a file object for a library that writes one."""

    def __init__(self, path: Path) -> None:
        """Begin it beside ``path``.

        Raises:
            StorageError: The folder does not permit it.
        """
        self.path = path
        self.size = 0
        self._given_to_disk = 0
        self._hash = hashlib.sha256()
        self._draft = path.with_name(f".{path.name}.draft")
        with stored(path):
            output_files.require_file(path)
            self._draft.unlink(missing_ok=True)
            # Not to be deceived by a link, nor by a file that others can read.
            self._file = os.fdopen(private_files.open_new(self._draft), "wb")

    @property
    def sha256(self) -> str:
        """The hash of what was written so far, in hexadecimal digits."""
        return self._hash.hexdigest()

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._file.closed

    def write(self, content: bytes) -> int:
        """Append.

        Raises:
            StorageError: The disk refuses, as when it is full.
        """
        if self.closed:
            # A library's writer that nobody needs any more may say good-bye.
            return len(content)
        try:
            self._file.write(content)
        except OSError as error:
            raise _refused(self.path, error) from error
        self._hash.update(content)
        self.size += len(content)
        if self.size - self._given_to_disk >= WRITEBACK:
            self._begin_writeback()
        return len(content)

    def tell(self) -> int:
        """How many bytes were written."""
        return self.size

    def flush(self) -> None:
        """Nothing is gained by it before the end."""

    def take_after(self, status: os.stat_result) -> None:
        """Have the mode and the owner of the file whose place it is to take.

        Raises:
            StorageError: It may not; the file belongs to somebody else.
        """
        with stored(self.path):
            own = os.fstat(self._file.fileno())
            if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
                os.fchown(self._file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(self._file.fileno(), stat.S_IMODE(status.st_mode))

    def place(self) -> None:
        """Make it the file, in place of what may be there, and safe on the disk.

        Raises:
            StorageError: The disk refuses; what was there stays.
        """
        with stored(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            output_files.place(self._draft, self.path, replace=True)
        synchronise(self.path.parent)

    def _begin_writeback(self) -> None:
        """Have what was written lately on its way, while more is being made.

        Linux begins to write what is said not to be needed, and forgets only what is
        written already. It is a hint: whatever it refuses, ``place`` waits for.
        """
        start, self._given_to_disk = self._given_to_disk, self.size
        with suppress(OSError):
            self._file.flush()
            descriptor = self._file.fileno()
            os.posix_fadvise(
                descriptor, start, self.size - start, os.POSIX_FADV_DONTNEED
            )

    def __enter__(self) -> Self:
        """Use it in a ``with`` statement; left before ``place``, it disappears."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget what was not placed."""
        with suppress(OSError):  # what could not be written is not wanted any more
            self._file.close()
        with suppress(OSError):
            self._draft.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder for its owner only, unless it is there.

    Raises:
        StorageError: Its own folder does not exist, or does not permit it.
    """
    if path.is_dir():
        return
    with stored(path):
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            raise StorageError(f"{path}: it is no folder: give another.") from None
    synchronise(path.parent)


def synchronise(folder: Path) -> None:
    """Wait until the names in a folder are safe on the disk."""
    with stored(folder):
        output_files.synchronise(folder)


@contextmanager
def stored(path: Path) -> Iterator[None]:
    """Tell of a disk that refuses as ``StorageError``, with the file it was about."""
    try:
        yield
    except OSError as error:
        raise _refused(path, error) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only writer of a job, over all processes.

    The kernel releases the lock when its holder dies, however it dies; the file means
    nothing. It is deleted at the end, so somebody may have opened the one and locked
    it after another was made: whoever finds that tries again.

    Raises:
        JobInUse: Somebody else is.
        StorageError: The lock file cannot be made.
    """
    while True:
        with stored(path):
            descriptor = private_files.open_kept(path, in_trusted=False)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise JobInUse from None
        if _is_at(path, descriptor):
            break
        os.close(descriptor)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: {error.strerror or error}.")
