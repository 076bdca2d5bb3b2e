"""The files in which workers add up what they count, in a temporary folder.

prometheus_client maps them into memory. Writing to a mapped page that the disk has no
room for kills the process, so the room is reserved before a file is used; where that
fails, a worker counts for itself. Files belong to numbers, not to process ids: a worker
that takes the place of another goes on with its file, so there are never more files
than workers at a time.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from pairsmith.private_files import open_kept
from pairsmith.server.logs import logger
from pairsmith.trusted_folders import resolve_trusted

SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The library's variable, by which it finds the files of all workers."""

KINDS = ("counter", "histogram")
RESERVED_BYTES = 1024 * 1024
"""Of each file; twice what every operation with every spec and code takes."""


class FiguresFolder:
    """The folder of one server, made by its first process."""

    def __init__(self) -> None:
        self._path: str | None = None

    def ensure(self) -> str | None:
        """Give the folder, made anew if there is none; ``None`` if there can be none.

        Asked before each worker starts, so that it heals by itself.
        """
        if self._path is None or not _is_ours(self._path):
            try:
                self._path = tempfile.mkdtemp(prefix="pairsmith-metrics-")
            except OSError as error:
                self._path = None
                _warn(error)
        return self._path

    def remove(self) -> None:
        """Remove it with everything in it."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        self._path = None


def count_in(folder: str | None, number: int) -> bool:
    """Let this process count in its files; give whether it can.

    To be called before a ``Metrics`` is made.

    Args:
        folder: What ``FiguresFolder`` gave.
        number: That no other living worker has.
    """
    if folder is None:
        return False
    try:
        for kind in KINDS:
            _reserve(Path(folder) / f"{kind}_{number}.db")
    except OSError as error:
        _warn(error)
        return False
    from prometheus_client import values

    os.environ[SHARED_DIRECTORY] = folder
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
    return True


def _reserve(path: Path) -> None:
    """Let the file be there with all its room, and readable."""
    if path.exists() and not _is_readable(path):
        path.unlink()
    descriptor = open_kept(path)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, RESERVED_BYTES)
        elif os.fstat(descriptor).st_size < RESERVED_BYTES:
            os.write(descriptor, bytes(RESERVED_BYTES))
    except OSError:
        path.unlink()  # what is not whole would keep the others from being added up
        raise
    finally:
        os.close(descriptor)


def _is_ours(folder: str) -> bool:
    """Whether it is still there, and nobody has put another in its place."""
    try:
        resolve_trusted(Path(folder))
    except OSError:
        return False
    return True


def _is_readable(path: Path) -> bool:
    """Whether the library can go on in it; it trusts the length that stands first."""
    from prometheus_client.mmap_dict import MmapedDict

    content = path.read_bytes()
    used = int.from_bytes(content[:4], sys.byteorder, signed=True)
    if len(content) < RESERVED_BYTES or not 0 <= used <= len(content):
        return False
    try:
        list(MmapedDict.read_all_values_from_file(path))  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 -- whatever it stumbles over: it is made anew
        return False
    return True


def _warn(error: OSError) -> None:
    logger().warning(
        "workers count for themselves only: the temporary folder cannot be used; "
        "make room, or set TMPDIR, then reload",
        reason=error.strerror,
    )
