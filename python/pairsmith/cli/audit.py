"""``pairsmith audit``: whether the audit log and the change log are whole."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pairsmith.cli.audit_changes import (
    PREFIX,
    changes,
    changes_document,
    changes_facts,
    changes_head,
    verified_changes,
)
from pairsmith.cli.failures import ENVIRONMENT, Failure, unusable_file
from pairsmith.cli.identities import opened_store
from pairsmith.cli.opening import sqlite_path
from pairsmith.cli.output import terminal, write_done, write_facts, write_json
from pairsmith.cli.settings import Group, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pairsmith.registry.chain import Head
    from pairsmith.server.audit.verify import Verification

path_argument = click.argument("path", required=False)
without_key_option = click.option(
    "--without-key",
    is_flag=True,
    help="Where the database is not at hand: signatures are not checked.",
)
changes_option = click.option(
    "--changes",
    "only_changes",
    is_flag=True,
    help="The registry's change log alone, also where no server runs.",
)


@click.group(cls=Group)
def audit() -> None:
    """Verify the audit log and the registry's change log; note their heads elsewhere.

    A server's audit log tells of each request; the change log, in the database, of
    each change of the registry, whoever made it.
    """


@audit.command()
@path_argument
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="HEAD",
    help="A head noted earlier must be in its log; one for each.",
)
@changes_option
@without_key_option
@click.pass_obj
def verify(
    settings: Settings,
    /,
    path: str | None,
    anchors: Sequence[str],
    *,
    only_changes: bool,
    without_key: bool,
) -> None:
    """Read both logs; name the first line that is not whole.

    PATH is the audit log, by default the one beside an SQLite database. Its earlier
    parts are read, too.
    """
    _refuse_other_options(path, only_changes=only_changes, without_key=without_key)
    anchor, change_anchor = _anchors_by_log(anchors)
    if (only_changes and anchor) or (without_key and change_anchor):
        raise click.UsageError("--anchor is a head of a log that is not read.")
    document: dict[str, object] = {}
    facts: list[tuple[str, object]] = []
    if not only_changes:
        seen = _verified(settings, path, anchor, without_key=without_key)
        document, facts = _document(seen), _facts(seen)
    if not without_key:
        found = verified_changes(settings, change_anchor)
        document["Changes"] = changes_document(found)
        facts += changes_facts(found)
    if settings.json:
        write_json(document)
    else:
        write_facts(facts)


@audit.command()
@path_argument
@changes_option
@without_key_option
@click.pass_obj
def head(
    settings: Settings,
    /,
    path: str | None,
    *,
    only_changes: bool,
    without_key: bool,
) -> None:
    """Print the head of a log, to be kept where nobody can change it.

    Given to verify --anchor later, that of the audit log shows whether lines up to it
    were removed, and that of the change log (--changes) whether the whole database was
    put back as it was before. With --json both are told.
    """
    _refuse_other_options(path, only_changes=only_changes, without_key=without_key)
    told: dict[str, object] = {}
    if not only_changes:
        last = _head(settings, path, without_key=without_key)
        told = {"Sequence": last.sequence, "Head": str(last)}
    if only_changes or (settings.json and not without_key):
        told["Changes"] = changes_head(settings)
    if settings.json:
        write_json(told)
    else:
        write_done(str(told["Changes" if only_changes else "Head"]))


audit.add_command(changes)


def _refuse_other_options(
    path: str | None, *, only_changes: bool, without_key: bool
) -> None:
    if only_changes and (path is not None or without_key):
        raise click.UsageError("--changes goes with neither PATH nor --without-key.")


def _anchors_by_log(anchors: Sequence[str]) -> tuple[Head | None, Head | None]:
    """The anchor of the audit log, and that of the change log."""
    from pairsmith.registry.chain import parse_anchor

    of_changes = [text for text in anchors if text.strip().startswith(PREFIX)]
    others = [text for text in anchors if text not in of_changes]
    if len(of_changes) > 1 or len(others) > 1:
        raise click.UsageError("--anchor is given once for each log.")
    bare = [text.strip().removeprefix(PREFIX) for text in of_changes]
    found = [parse_anchor(each[0]) if each else None for each in (others, bare)]
    return found[0], found[1]


def _verified(
    settings: Settings, path: str | None, anchor: Head | None, *, without_key: bool
) -> Verification:
    from pairsmith.server.audit.verify import verify as verified

    log, key = _log(settings, path), _key(settings, without_key=without_key)
    with _progress(settings) as progress, _readable(log):
        return verified(log, key, anchor=anchor, progress=progress)


def _head(settings: Settings, path: str | None, *, without_key: bool) -> Head:
    from pairsmith.server.audit.verify import head_of

    log = _log(settings, path)
    with _readable(log):
        return head_of(log, _key(settings, without_key=without_key))


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
            next_step="--changes looks at the change log in the database alone.",
        )
    return audit_path_beside(database)


def _key(settings: Settings, *, without_key: bool) -> bytes | None:
    if without_key:
        return None
    with opened_store(settings) as store:
        # Looking makes nothing: where there is no key, no line can be this instance's.
        return store.kept_audit_key() or secrets.token_bytes(32)


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
