"""The registry's change log at the command line: shown, verified, anchored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_json, write_table
from pairsmith.cli.settings import Command, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pairsmith.registry.chain import Head
    from pairsmith.registry.change_log import LoggedChange, Verification

PREFIX = "changes:"
"""Before a head of the change log, so that it is not taken for one of the audit log."""


@click.command("changes", cls=Command)
@click.option(
    "--about",
    "--key",
    "about",
    metavar="NAME",
    default="",
    help="Only those about this key, alias, key version, client key or access key.",
)
@click.option(
    "--before", type=click.IntRange(1), metavar="LINE", help="Only lines before it."
)
@click.option(
    "--count",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="How many at most.",
)
@click.pass_obj
def changes(settings: Settings, about: str, before: int | None, count: int) -> None:
    """Show who changed what in the registry, the newest first.

    A key or alias that is gone can be asked about, too. --json tells all of each line.
    """
    with opened(settings) as instance:
        found = instance.registry.changes(before=before, limit=count, about=about)
    if settings.json:
        write_json([_document(each) for each in found])
        return
    columns = ("Line", "When", "What", "Who", "About")
    write_table(columns, [_row(each) for each in found], folding=("Who", "About"))


def verified_changes(settings: Settings, anchor: Head | None) -> Verification:
    """Verify the change log."""
    with opened(settings) as instance:
        return instance.registry.verify_changes(anchor)


def changes_head(settings: Settings) -> str:
    """The head of the change log, as an anchor."""
    with opened(settings) as instance:
        return f"{PREFIX}{instance.registry.changes_head()}"


def changes_document(seen: Verification) -> dict[str, object]:
    """A change log that is whole, as JSON."""
    return {
        "Lines": seen.lines,
        "Head": f"{PREFIX}{seen.head}",
        "AnchorFound": seen.anchor_found,
    }


def changes_facts(seen: Verification) -> list[tuple[str, object]]:
    """A change log that is whole, for people."""
    return [
        ("Change log", f"whole, {seen.lines} lines"),
        ("Its head", f"{PREFIX}{seen.head}" if seen.lines else ""),
        ("Its anchor", "found" if seen.anchor_found else ""),
    ]


def _document(change: LoggedChange) -> dict[str, Any]:
    told = {"sequence": change.sequence} | change.told
    return told | {"is_authentic": change.is_authentic}


def _row(change: LoggedChange) -> tuple[object, ...]:
    told = change.told
    what = told.get("operation", "")
    if not change.is_authentic:
        what = f"NOT AUTHENTIC: {what}"
    subjects: Mapping[str, list[str]] = told.get("subjects", {})
    about = " ".join(each for several in subjects.values() for each in several)
    who = _who(told.get("actor", {}))
    return change.sequence, told.get("time", ""), what, who, about


def _who(actor: Mapping[str, Any]) -> str:
    """One line about an actor."""
    kind = str(actor.get("kind", ""))
    place = f"{actor.get('system_user', '')}@{actor.get('host', '')}"
    if "principal_id" in actor:
        return f"{actor.get('principal_name', '')} ({actor['principal_id']})"
    if "command" in actor:
        return f"{place}: {actor['command']}"
    return f"{place}: {kind}"
