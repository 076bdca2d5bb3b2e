"""Writing files: whole or not at all, for their owner only, over files alone.

A draft is written beside its place with mode 0600, flushed to the disk and only then
given its name. What is no regular file is never renamed over: character devices, FIFOs
and open files of this process (``/dev/stdout``) are written to, all else is refused,
symbolic links to files included.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.private_files import (
    Unwritable,
    draft_beside,
    naming,
    synchronise,
    write_draft,
)
from pairsmith.trusted_folders import LINKS, require_trusted

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Target",
    "Unwritable",
    "naming",
    "own_descriptor",
    "place",
    "require_file",
    "synchronise",
    "target_at",
    "write_files",
]

_OWN_FILES = re.compile(r"/proc/([0-9]+)/(?:task/[0-9]+/)?fd")


class Target(Enum):
    """What is at the path of a file that is to be written."""

    ABSENT = auto()
    FILE = auto()
    STREAM = auto()
    """Something to write to, which stays what it is."""


def target_at(path: Path) -> Target:
    """Look at what is there; it is not opened.

    Raises:
        Unwritable: A folder, a socket, a disk, another user's FIFO, an open file of our
            own, or a symbolic link to a file or to nothing.
        OSError: The path cannot be looked at.
    """
    own = own_descriptor(path)
    if own is not None:
        _require_given(path, own)
        return Target.STREAM
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            found = _behind_link(path)
    except FileNotFoundError:
        return Target.ABSENT
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFREG:
        return Target.FILE
    if kind == stat.S_IFCHR:
        return Target.STREAM
    if kind == stat.S_IFIFO:
        if found.st_uid not in (0, os.geteuid()):
            raise Unwritable(path, "it is a FIFO of another user")
        return Target.STREAM
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFSOCK: "a socket"}
    raise Unwritable(path, f"it is {kinds.get(kind, 'a disk')}, not a file")


def own_descriptor(path: Path) -> int | None:
    """Which open file of this process is meant, as by ``/dev/stdout``.

    ``/dev/stdout`` leads to ``/proc/self/fd/1``, and that to whatever file the shell
    has opened: followed to its end it would look like a link to that file.
    """
    for _ in range(LINKS):
        folder = os.path.realpath(path.parent)
        own = _OWN_FILES.fullmatch(folder)
        if own is not None and int(own[1]) == os.getpid():
            return int(path.name) if path.name.isdecimal() else None
        try:
            path = Path(folder, path.readlink())
        except OSError:  # it is no link, or not there
            return None
    return None


def write_files(
    contents: Mapping[Path, bytes], *, replace: bool = False, are_secret: bool = False
) -> None:
    """Write all of them, each whole, mode 0600; if one cannot be, none is left.

    Streams are written to once every draft is on the disk, and before the first file
    has its name.

    Args:
        contents: What goes where, in the order in which it appears.
        replace: Replace files that are there; without it they are refused.
        are_secret: Refuse folders that others can change.

    Raises:
        FileExistsError: A file is in the way.
        Unwritable: Something else is.
        Untrusted: Others can change the folder, and they are secret.
        OSError: The disk refuses; names the path.
    """
    drafts: dict[Path, Path] = {}
    placed: list[Path] = []
    streams = [path for path in contents if target_at(path) is Target.STREAM]
    try:
        for path, content in contents.items():
            if path not in streams:
                drafts[path] = _write_draft(path, content, is_secret=are_secret)
        for path in streams:
            _write_stream(path, contents[path])
        for path, draft in drafts.items():
            place(draft, path, replace=replace)
            placed.append(path)
        for folder in {path.parent for path in drafts}:
            synchronise(folder)
    except BaseException:
        # A file that took another's place stays: what it replaced is gone.
        for path in [] if replace else placed:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def place(draft: Path, path: Path, *, replace: bool) -> None:
    """Give a draft its name, in one step.

    Args:
        draft: A file in the same folder; gone afterwards if it replaces.
        path: Its name.
        replace: Replace a file of that name; without it, it is refused, however late
            somebody has made it.

    Raises:
        FileExistsError: A file is in the way.
        Unwritable: Something else is.
        OSError: The disk refuses; names the path.
    """
    require_file(path)
    with naming(path):
        if replace:
            draft.replace(path)
        else:
            os.link(draft, path)


def require_file(path: Path) -> None:
    """See that a path is free or a file, which may be replaced.

    Raises:
        Unwritable: It is something else.
        OSError: It cannot be looked at.
    """
    if target_at(path) is Target.STREAM:
        raise Unwritable(path, "it is a device or a FIFO, not a file")


def _require_given(path: Path, own: int) -> None:
    """See that an open file was given to this process, by a shell for example.

    What we open ourselves, a database above all, is never inheritable; what we were
    started with always is.
    """
    with naming(path):
        if not os.get_inheritable(own):
            raise Unwritable(path, "it is no open file that was given to the command")


def _behind_link(path: Path) -> os.stat_result:
    """What a symbolic link leads to, if that is something that may be written to."""
    try:
        found = path.stat()
    except OSError:  # nothing, a loop, or a folder that may not be entered
        found = None
    if found is None or stat.S_ISREG(found.st_mode):
        raise Unwritable(
            path, f"it is a symbolic link to {path.readlink()}: name that file itself"
        )
    return found


def _write_draft(path: Path, content: bytes, *, is_secret: bool) -> Path:
    with naming(path):
        if is_secret:
            require_trusted(path.parent)
        draft = draft_beside(path)
        write_draft(draft, content)
    return draft


def _write_stream(path: Path, content: bytes) -> None:
    with naming(path), os.fdopen(_open_stream(path), "wb") as file:
        file.write(content)


def _open_stream(path: Path) -> int:
    own = own_descriptor(path)
    if own is not None:
        # Opened anew, a file would be written from its beginning.
        if sys.stdout is not None:
            sys.stdout.flush()
        return os.dup(own)
    flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENXIO and path.is_fifo():
            raise Unwritable(
                path, "nobody reads from it: start its reader first"
            ) from (error)
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # put there a moment ago
        os.close(descriptor)
        raise Unwritable(path, "it has become a file meanwhile")
    os.set_blocking(descriptor, True)
    return descriptor
