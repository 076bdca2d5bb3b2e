"""Writing keys to files: whole or not at all, for their owner only, over nothing.

A draft is written beside its place with mode 0600, flushed to the disk and only then
given its name. ``link`` refuses a name that is taken, however late somebody took it.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from pairsmith.cli.failures import ENVIRONMENT, REFUSED, Failure, unusable_file
from pairsmith.errors import InvalidParameter

NAME_BYTES = 200
"""Most file systems allow 255, and drafts and endings need some of them."""


def parse_file_name(name: str) -> str:
    """A name for new files, without anything that leads elsewhere or hides them.

    Raises:
        InvalidParameter: It is empty, too long, hidden, a path, or not printable.
    """
    if not name or not name.isprintable() or "/" in name:
        raise InvalidParameter("name", "give printable characters without a slash.")
    if name.startswith((".", "-")):
        raise InvalidParameter("name", "it may not begin with a dot or a hyphen.")
    if len(name.encode()) > NAME_BYTES:
        raise InvalidParameter("name", f"it may have {NAME_BYTES} bytes at most.")
    return name


def read_input(name: str) -> bytes:
    """The bytes of a file, or of stdin if the name is ``-``.

    Raises:
        Failure: It cannot be read.
    """
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        raise unusable_file(name, error) from error


def refuse_taken(paths: Mapping[Path, bytes] | list[Path], *, force: bool) -> None:
    """Say so before any work is done if a file is in the way or its folder is missing.

    Raises:
        Failure: A file exists and ``force`` is not set, or a folder does not exist.
    """
    for path in paths:
        if not path.parent.is_dir():
            raise Failure(
                f"{path.parent} is not a folder: make it first.",
                code="File",
                exit_code=ENVIRONMENT,
            )
        if path.is_dir() or (os.path.lexists(path) and not force):
            raise _taken(path)


def write_files(contents: Mapping[Path, bytes], *, force: bool = False) -> None:
    """Write all of them, each whole, mode 0600; if one cannot be, none is left.

    Args:
        contents: What goes where, in the order in which they appear.
        force: Replace what is there; without it a file in the way is refused.

    Raises:
        Failure: A file is in the way, or the disk refuses.
    """
    drafts: dict[Path, Path] = {}
    placed: list[Path] = []
    try:
        for path, content in contents.items():
            drafts[path] = _write_draft(path, content)
        for path, draft in drafts.items():
            _place(draft, path, force=force)
            placed.append(path)
        for folder in {path.parent for path in contents}:
            _synchronise(folder)
    except BaseException:
        # A file that took another's place stays: what it replaced is gone.
        for path in [] if force else placed:
            path.unlink(missing_ok=True)
        raise
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _write_draft(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".pairsmith-{secrets.token_hex(8)}.draft")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise unusable_file(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unusable_file(path, error) from error
        raise
    return draft


def _place(draft: Path, path: Path, *, force: bool) -> None:
    try:
        if force:
            draft.replace(path)
        else:
            os.link(draft, path)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise unusable_file(path, error) from error


def _synchronise(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unusable_file(folder, error) from error


def _taken(path: Path) -> Failure:
    return Failure(
        f"{path} exists already, and nothing was written.",
        code="FileExists",
        exit_code=REFUSED,
        next_step="choose another name, or give --force to replace it.",
    )
