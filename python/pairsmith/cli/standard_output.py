"""Standard output that cannot be written: one message and exit code 3, never silence.

A reader that has left, as ``head`` does, ends the command without a message, as it ends
every Unix program.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

import click

from pairsmith.cli.failures import ENVIRONMENT, Failure, next_step_of

if TYPE_CHECKING:
    from collections.abc import Iterator

READER_LEFT = 141
"""The exit code that a shell gives to a program that SIGPIPE has ended."""


def write_out(content: str | bytes) -> None:
    """Write to standard output, as it is.

    Raises:
        Failure: It cannot be written.
        Exit: Its reader has left.
    """
    with written_out():
        click.echo(content, nl=False)


@contextmanager
def written_out() -> Iterator[None]:
    """Turn what happens to standard output inside into the end of the command."""
    try:
        yield
    except BrokenPipeError:
        silence(sys.stdout)
        raise click.exceptions.Exit(READER_LEFT) from None
    except OSError as error:
        silence(sys.stdout)
        raise Failure(
            f"Standard output cannot be written: {error.strerror or error}.",
            code="File",
            exit_code=ENVIRONMENT,
            next_step=f"{next_step_of(error)} What the command has changed or written "
            "elsewhere stays.",
        ) from error


def require_standard_output() -> None:
    """Refuse a closed standard output before anything is done.

    Raises:
        Failure: It is closed, as by ``>&-``.
    """
    _hold_standard_descriptors()
    if sys.stdout is None:
        raise Failure(
            "Standard output is closed.",
            code="File",
            exit_code=ENVIRONMENT,
            next_step="give it a place, which may be /dev/null.",
        )


def finish_standard_output() -> None:
    """See that all of it has arrived, also where only closing a file tells so.

    Raises:
        Failure: It has not.
    """
    with written_out():
        sys.stdout.flush()
        descriptor = _descriptor(sys.stdout)
        if descriptor is not None:
            # Network file systems report a full disk to whoever closes, be it a copy.
            os.close(os.dup(descriptor))


def silence(stream: TextIO | None) -> None:
    """Send what is left in a stream to nowhere, so that the interpreter's end is quiet.

    It would try once more to write it, and complain.
    """
    descriptor = _descriptor(stream)
    if descriptor is None:
        return
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _descriptor(stream: TextIO | None) -> int | None:
    """The open file behind a stream; none behind one in memory."""
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _hold_standard_descriptors() -> None:
    """Occupy the numbers 0 to 2, lest a database gets one and somebody's output."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
