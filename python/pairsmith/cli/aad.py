"""``--aad`` and ``--aad-file``: what a blob is bound to, as text or as bytes."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pairsmith.cli.files import read_input
from pairsmith.errors import InvalidParameter

Wrapped = TypeVar("Wrapped", bound=Callable[..., Any])


def new_aad_options(command: Wrapped) -> Wrapped:
    """Add ``--new-aad`` and ``--new-aad-file``: what a new blob is bound to."""
    text = click.option("--new-aad", metavar="TEXT", help="Bind the new one to this.")
    file = click.option(
        "--new-aad-file", metavar="FILE", help="Bind it to the bytes of this file."
    )
    return text(file(command))


def aad_options(command: Wrapped) -> Wrapped:
    """Add both options; ``parse_aad`` joins them."""
    text = click.option("--aad", metavar="TEXT", help="Bind it to this text (UTF-8).")
    file = click.option(
        "--aad-file",
        metavar="FILE",
        help="Bind it to the bytes of this file; - is stdin.",
    )
    return text(file(command))


def parse_aad(text: str | None, file: str | None) -> bytes:
    """The bytes of whichever of the two was given; nothing if neither was."""
    if text is not None and file is not None:
        raise click.UsageError("Give either --aad or --aad-file.")
    if file is not None:
        return read_input(file)
    try:
        return (text or "").encode()
    except UnicodeEncodeError:
        raise InvalidParameter("aad", "give bytes with --aad-file.") from None
