"""Errors as a person or a program at a terminal needs them: what happened, what next.

Exit codes: 0 done; 1 refused, and nothing was changed; 2 the command was not
understood; 3 the database, the root key, a file or a program is not usable; 130
interrupted.
"""

from __future__ import annotations

import errno
import json
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

import click

from pairsmith import errors
from pairsmith.trusted_folders import Untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pairsmith.cli.settings import Settings

REFUSED = 1
MISUSED = 2
ENVIRONMENT = 3
INTERRUPTED = 130

NEXT: dict[type[errors.PairsmithError], str] = {
    errors.KeyNotFound: "pairsmith key list shows every key and its aliases.",
    errors.KeyVersionNotFound: "pairsmith key versions KEY shows every version.",
    errors.AliasNotFound: "pairsmith alias list shows every alias.",
    errors.AliasAlreadyExists: "pairsmith alias update binds it to another key.",
    errors.KeyDisabled: "pairsmith key enable KEY lets it work again.",
    errors.KeyVersionRetired: "pairsmith key restore-version KEY VERSION undoes it.",
    errors.KeyPendingDeletion: "pairsmith key cancel-deletion KEY brings it back.",
    errors.RejectedUnsupportedOperation: "pairsmith key unprotect KEY permits it.",
    errors.LimitExceeded: "pairsmith key untag KEY NAME makes room.",
    errors.JobInUse: "try again when it has finished.",
    errors.StorageError: "make room, or permit it.",
    errors.Throttled: "try again, or give --wait SECONDS.",
    errors.SchemaTooNew: "install the Pairsmith that wrote it.",
    errors.RootKeyError: "check --root-key; pairsmith doctor looks at all of it.",
    errors.OutcomeUnknown: "look whether it was done before you repeat it.",
    errors.DatabaseError: "check --database; pairsmith doctor looks at all of it.",
}
"""The command that helps, for the errors that one helps with."""

NEXT_OF_SYSTEM = {
    errno.ENOENT: "make its folder first, or correct the path.",
    errno.ENOTDIR: "correct the path: a part of it is no folder.",
    errno.EISDIR: "give the name of a file.",
    errno.EACCES: "choose a place that you may use, or permit it.",
    errno.EPERM: "choose a place that you may use, or permit it.",
    errno.EROFS: "choose a place that can be written.",
    errno.ENOSPC: "make room.",
    errno.EDQUOT: "make room: your share of the disk is used up.",
    errno.EIO: "look at the disk, and at the system's log.",
    errno.ELOOP: "correct the symbolic links in the path.",
    errno.ENAMETOOLONG: "choose a shorter name.",
    errno.EMFILE: "raise the limit of open files (ulimit -n).",
    errno.ENFILE: "close programs: the system has too many files open.",
}
"""What helps where the system refuses a file."""


class Failure(click.ClickException):
    """An error that ends the command with an exit code, told without a traceback.

    Args:
        message: What happened and what would be right.
        code: The documented code, or a word of the command line's own.
        exit_code: One of those above.
        next_step: A command that helps.
        request_id: The request in the logs.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        exit_code: int,
        next_step: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from self
        self.next_step = next_step
        self.request_id = request_id
        self.as_json = False

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the error to stderr, as text or as JSON."""
        del file
        with suppress(OSError):  # then only the exit code tells
            self._write()

    def _write(self) -> None:
        if self.as_json:
            facts = {
                "Code": self.code,
                "Message": self.message,
                "Next": self.next_step,
                "RequestId": self.request_id,
            }
            told = {name: fact for name, fact in facts.items() if fact}
            click.echo(json.dumps(told, indent=2), err=True)
            return
        click.secho("Error: ", fg="red", nl=False, err=True)
        click.echo(printable(self.message), err=True)
        request = f", request {self.request_id}" if self.request_id else ""
        click.echo(f"Code:  {self.code}{request}", err=True)
        if self.next_step:
            click.echo(f"Next:  {self.next_step}", err=True)


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn whatever is raised on purpose inside into a ``Failure``.

    Args:
        settings: Whether errors are JSON; read when there is one.
    """
    try:
        try:
            yield
        except errors.PairsmithError as error:
            raise failure_of(error) from error
        except KeyboardInterrupt:
            raise Failure(
                "Stopped; what was under way left nothing behind.",
                code="Interrupted",
                exit_code=INTERRUPTED,
            ) from None
        except OSError as error:
            raise unusable_file(error.filename or "A file", error) from error
    except Failure as failure:
        failure.as_json = settings.json
        raise


def failure_of(error: errors.PairsmithError) -> Failure:
    """An error of the library as the command line tells it."""
    environment = isinstance(error, errors.ServiceUnavailable)
    steps = [NEXT[kind] for kind in type(error).__mro__ if kind in NEXT]
    return Failure(
        str(error),
        code=error.code,
        exit_code=ENVIRONMENT if environment else REFUSED,
        next_step=steps[0] if steps else "",
        request_id=error.request_id,
    )


def unusable_file(path: object, error: OSError | ValueError) -> Failure:
    """A file that cannot be read or written, or whose name no file can have."""
    reason = getattr(error, "strerror", None) or error
    return Failure(
        f"{path}: {reason}.",
        code="File",
        exit_code=ENVIRONMENT,
        next_step=next_step_of(error),
    )


def next_step_of(error: Exception) -> str:
    """What helps where the system refuses a file."""
    if isinstance(error, Untrusted):
        return "see who is meant to write there, or give another place."
    number = getattr(error, "errno", None)
    return NEXT_OF_SYSTEM.get(number or 0, "give another place.")


def printable(text: str) -> str:
    """The text without anything that could steer a terminal.

    Descriptions and file names are somebody else's: an escape sequence in one must not
    reach the screen of whoever lists them.
    """
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in text
    )
