"""The careful writer: every file that holds a secret, or lies beside one, is made here.

Its folder is one that nobody else can change (``trusted_folders.py``). A new file is
made exclusively, follows no link, and is for its owner only from the first moment,
whatever the umask. What is written at once appears whole or not at all, and is on the
disk, as is its name, before anybody relies on it. What is kept open, a lock or a log,
is opened only if it is a file of this user's or root's that nobody else may write.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pairsmith.trusted_folders import Untrusted, others_may_write, require_trusted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Unwritable(OSError):  # noqa: N818 -- as in errors.py
    """What is at a path is nothing that a new file may take the place of."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(errno.EINVAL, reason, str(path))


PRIVATE = 0o600
PRIVATE_FOLDER = 0o700

DRAFTS = ".pairsmith-*.draft"
"""What a process that was killed may leave in a folder."""

ATTEMPTS = 100
"""How often a file is looked at that others of ours make and remove meanwhile."""


def create_file(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Write a new file: whole, on the disk, and over nothing.

    Args:
        path: Its name.
        content: All of it.
        mode: Its permissions.

    Raises:
        FileExistsError: Something has that name, a link that leads nowhere included.
        Untrusted: Others can change its folder.
        OSError: The disk refuses; names the path.
    """
    _write(path, content, mode, replace=False)


def replace_file(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file in the place of one that may be there, in one step.

    Raises:
        Untrusted: Others can change its folder.
        Unwritable: What is there is no file.
        OSError: The disk refuses; names the path.
    """
    _write(path, content, mode, replace=True)


def open_kept(path: Path, flags: int = os.O_RDWR, *, in_trusted: bool = True) -> int:
    """Open a file that stays, such as a lock or a log, made empty if it is not there.

    Args:
        path: Its name.
        flags: For ``os.open``, without those that make or follow.
        in_trusted: Make it only in a folder that nobody else can change.

    Returns:
        Its descriptor.

    Raises:
        Untrusted: It belongs to or may be written by others, has a second name in a
            folder that others may write to, or would be made in a folder that others
            can change.
        Unwritable: It is no file; a link is none either.
        OSError: The system refuses; names the path.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with naming(path):
        for _ in range(ATTEMPTS):
            try:
                descriptor = os.open(path, flags)
            except FileNotFoundError:
                with suppress(FileExistsError):  # another process was first
                    return _create_empty(path, flags, in_trusted=in_trusted)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                    raise Unwritable(path, "it is no file") from None
                raise
            else:
                return _looked_at(path, descriptor)
    raise OSError(errno.EAGAIN, "it is made and removed again and again", str(path))


def make_folder(folder: Path) -> Path:
    """Make a folder, with those that it is in, for its owner only.

    Args:
        folder: Left as it is if it is there.

    Returns:
        The folder itself, behind symbolic links.

    Raises:
        Untrusted: Others can change it, whoever has made it.
        OSError: The system refuses.
    """
    missing = []
    for each in (folder.absolute(), *folder.absolute().parents):
        if os.path.lexists(each):
            break
        missing.append(each)
    for each in reversed(missing):
        parent = require_trusted(each.parent)
        with suppress(FileExistsError):  # another process was first
            (parent / each.name).mkdir(mode=PRIVATE_FOLDER)
            synchronise(parent)
    return require_trusted(folder)


def write_draft(draft: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file that does not exist, and wait until the disk has it.

    Nothing is looked at; if it fails, nothing is left.

    Raises:
        OSError: It cannot be written.
    """
    descriptor = open_new(draft)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def open_new(path: Path) -> int:
    """Make an empty file for its owner only; whatever is there is in the way.

    Raises:
        OSError: Something is, or it cannot be made.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, PRIVATE)


def draft_beside(path: Path) -> Path:
    """A name for a draft of a file, which nobody else has or guesses."""
    return path.with_name(f".pairsmith-{secrets.token_hex(8)}.draft")


def synchronise(folder: Path) -> None:
    """Wait until the names in a folder are safe on the disk."""
    with naming(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the system name the path that was meant, and no other."""
    try:
        yield
    except (Untrusted, Unwritable):
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(path: Path, content: bytes, mode: int, *, replace: bool) -> None:
    with naming(path):
        place = require_trusted(path.parent) / path.name
        if replace:
            _require_file(place)
        draft = draft_beside(place)
        write_draft(draft, content, mode=mode)
        try:
            if replace:
                draft.replace(place)
            else:
                os.link(draft, place, follow_symlinks=False)
                draft.unlink()
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        synchronise(place.parent)


def _require_file(path: Path) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise Unwritable(path, "it is no file, and is not replaced")


def _create_empty(path: Path, flags: int, *, in_trusted: bool) -> int:
    if in_trusted:
        path = require_trusted(path.parent) / path.name
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, PRIVATE)
    os.fchmod(descriptor, PRIVATE)  # also where the folder has a default list
    return descriptor


def _looked_at(path: Path, descriptor: int) -> int:
    """Give the descriptor of a file that was there if it is fit to be used."""
    try:
        _require_fit(path, os.fstat(descriptor))
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_fit(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unwritable(path, "it is no file")
    reason = others_may_write(path, found)
    if reason:
        raise Untrusted(path, reason)
    if found.st_nlink > 1 and path.parent.stat().st_mode & stat.S_IWOTH:
        raise Untrusted(path, f"{path} has a second name, made by whoever")
