"""``pairsmith audit``: whether the audit log is whole."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pairsmith.cli.failures import ENVIRONMENT, Failure, unusable_file
from pairsmith.cli.identities import opened_store
from pairsmith.cli.opening import sqlite_path
from pairsmith.cli.output import terminal, write_done, write_facts, write_json
from pairsmith.cli.settings import Group, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pairsmith.server.audit.verify import Verification

path_argument = click.argument("path", required=False)
without_key_option = click.option(
    "--without-key",
    is_flag=True,
    help="Where the database is not at hand: signatures are not checked.",
)


@click.group(cls=Group)
def audit() -> None:
    """Verify the audit log, and note its head elsewhere."""


@audit.command()
@path_argument
@click.option("--anchor", metavar="HEAD", help="A head noted earlier must be in it.")
@without_key_option
@click.pass_obj
def verify(
    settings: Settings,
    path: str | None,
    anchor: str | None,
    without_key: bool,  # noqa: FBT001 -- click passes by name
) -> None:
    """Read the log and its earlier parts; name the first line that is not whole.

    PATH is the log, by default the one beside an SQLite database.
    """
    from pairsmith.server.audit.verify import parse_anchor
    from pairsmith.server.audit.verify import verify as verified

    wanted = None if anchor is None else parse_anchor(anchor)
    log, key = _log(settings, path), _key(settings, without_key=without_key)
    with _progress(settings) as progress, _readable(log):
        seen = verified(log, key, anchor=wanted, progress=progress)
    if settings.json:
        write_json(_document(seen))
    else:
        write_facts(_facts(seen))


@audit.command()
@path_argument
@without_key_option
@click.pass_obj
def head(
    settings: Settings,
    path: str | None,
    without_key: bool,  # noqa: FBT001 -- click passes by name
) -> None:
    """Print the head of the chain, to be kept where nobody can change it.

    Given to verify --anchor later, it shows whether lines up to it were removed.
    """
    from pairsmith.server.audit.verify import head_of

    log = _log(settings, path)
    with _readable(log):
        last = head_of(log, _key(settings, without_key=without_key))
    if settings.json:
        write_json({"Sequence": last.sequence, "Head": str(last)})
    else:
        write_done(str(last))


def _log(settings: Settings, path: str | None) -> Path:
    from pairsmith.server.audit.files import audit_path_beside

    if path is not None:
        return Path(path)
    database = sqlite_path(settings.database)
    if database is None:
        raise Failure(
            "Only an SQLite database has its audit log beside it: give its path.",
            code="NoPath",
            exit_code=ENVIRONMENT,
        )
    return audit_path_beside(database)


def _key(settings: Settings, *, without_key: bool) -> bytes | None:
    if without_key:
        return None
    with opened_store(settings) as store:
        return store.audit_key()


def _document(seen: Verification) -> dict[str, object]:
    return {
        "Lines": seen.lines,
        "Parts": seen.parts,
        "FirstSequence": seen.first_sequence,
        "Head": str(seen.head),
        "Recoveries": seen.recoveries,
        "IncompleteBytes": seen.incomplete_bytes,
        "SignaturesChecked": seen.signatures_checked,
        "AnchorFound": seen.anchor_found,
    }


def _facts(seen: Verification) -> list[tuple[str, object]]:
    first = seen.first_sequence
    return [
        ("Whole", f"{seen.lines} lines in {_files(seen.parts)}"),
        (
            "Begins",
            f"with line {first}: earlier files are not here" if first > 1 else "",
        ),
        ("Head", seen.head),
        ("Anchor", "found" if seen.anchor_found else ""),
        ("Signatures", "" if seen.signatures_checked else "not checked"),
        (
            "Failures",
            f"{seen.recoveries} unfinished ends, which nobody was answered on, cut off"
            if seen.recoveries
            else "",
        ),
        (
            "End",
            f"{seen.incomplete_bytes} bytes of an incomplete line, which nobody was "
            "answered on"
            if seen.incomplete_bytes
            else "",
        ),
    ]


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


@contextmanager
def _readable(log: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unusable_file(error.filename or log, error) from error


@contextmanager
def _progress(settings: Settings) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr while a person watches; nothing otherwise."""
    console = terminal(stderr=True)
    if settings.json or not console.is_terminal:
        yield None
        return
    from rich.progress import DownloadColumn, Progress

    columns = (*Progress.get_default_columns(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("Verifying", total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)
