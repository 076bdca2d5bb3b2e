"""Files of commands: what they read, whole and bounded; what they write, carefully."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith import output_files
from pairsmith.cli.failures import ENVIRONMENT, REFUSED, Failure, unusable_file
from pairsmith.errors import InvalidParameter
from pairsmith.output_files import Target, own_descriptor, target_at
from pairsmith.trusted_folders import require_trusted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

NAME_BYTES = 200
"""Most file systems allow 255, and drafts and endings need some of them."""

INPUT_BYTES = 16 * 1024 * 1024
"""What a command reads of a file at most: three times the longest document of ours."""

STANDARD = "-"
"""Standard input or output, where the name of a file may stand."""


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
    """The bytes of a file, or of standard input if the name is ``-``.

    Raises:
        Failure: It cannot be read.
        InvalidParameter: It is longer than anything that a command takes.
    """
    try:
        if name != STANDARD:
            with Path(name).open("rb") as file:
                content = file.read(INPUT_BYTES + 1)
        elif sys.stdin is None:
            raise Failure(
                "Standard input is closed.",
                code="File",
                exit_code=ENVIRONMENT,
                next_step="give the name of a file.",
            )
        else:
            content = sys.stdin.buffer.read(INPUT_BYTES + 1)
    except (OSError, ValueError) as error:
        shown = "Standard input" if name == STANDARD else name
        raise unusable_file(shown, error) from error
    if len(content) > INPUT_BYTES:
        raise InvalidParameter("file", f"{name} has more than {INPUT_BYTES} bytes.")
    return content


def means_standard_output(name: str | Path) -> bool:
    """Whether ``-`` or a name such as ``/dev/stdout`` is given for a file."""
    if str(name) == STANDARD:
        return True
    try:
        return own_descriptor(Path(name)) == 1
    except (OSError, ValueError):
        return False


def refuse_taken(
    paths: Iterable[Path],
    *,
    force: bool,
    inputs: Iterable[str | None] = (),
    are_secret: bool = False,
) -> None:
    """Say before any work is done if a file cannot be written where it is to be.

    Args:
        paths: Of the files.
        force: Whether files that exist are replaced.
        inputs: Names of files that are read, none of which is replaced.
        are_secret: Refuse a folder that others can change.

    Raises:
        Failure: A file exists and ``force`` is not set; what is there is no file and no
            stream; or the folder does not exist, or is not to be trusted with secrets.
        InvalidParameter: It is the file that is read.
    """
    read = [name for name in inputs if name not in (None, STANDARD)]
    for path in paths:
        with _told(path):
            target = target_at(path)
            if target is Target.ABSENT and not path.parent.is_dir():
                raise Failure(
                    f"{path.parent} is not a folder: make it first.",
                    code="File",
                    exit_code=ENVIRONMENT,
                )
            if are_secret and target is not Target.STREAM:
                require_trusted(path.parent)
            if target is Target.FILE and not force:
                raise FileExistsError
        if target is Target.FILE and any(_is_same(path, name) for name in read):
            raise InvalidParameter("out", f"{path} is the file that is read.")


def write_files(
    contents: Mapping[Path, bytes], *, force: bool = False, are_secret: bool = False
) -> None:
    """Write all of them, each whole, mode 0600; if one cannot be, none is left.

    Args:
        contents: What goes where, in the order in which they appear.
        force: Replace what is there; without it a file in the way is refused.
        are_secret: Refuse a folder that others can change.

    Raises:
        Failure: A file is in the way, or the disk refuses.
    """
    with _told(*contents):
        output_files.write_files(contents, replace=force, are_secret=are_secret)


@contextmanager
def _told(*paths: Path) -> Iterator[None]:
    """Tell of an error with the path that it names, or else the first of these."""
    try:
        yield
    except FileExistsError as error:
        raise Failure(
            f"{error.filename or paths[0]} exists already, and nothing was written.",
            code="FileExists",
            exit_code=REFUSED,
            next_step="choose another name, or give --force to replace it.",
        ) from error
    except (OSError, ValueError) as error:
        path = getattr(error, "filename", None) or paths[0]
        raise unusable_file(path, error) from error


def _is_same(path: Path, name: str | None) -> bool:
    try:
        return path.samefile(name or "")
    except (OSError, ValueError):
        return False
