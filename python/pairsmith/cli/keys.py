"""``pairsmith key``: the life cycle of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_done, write_facts, write_json, write_table
from pairsmith.cli.settings import Group, Settings
from pairsmith.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairsmith.instance import Instance
    from pairsmith.model import KeyMetadata

PAGE_SIZE = 100
MOST_LISTED = 100
"""Aliases shown with a key; more are counted."""

key_argument = click.argument("key_id", metavar="KEY")
page_option = click.option("--page", type=int, default=1, help="From 1.")


@click.group(cls=Group)
def key() -> None:
    """Make, show, rotate, switch off and delete keys."""


@key.command()
@click.option("--description", default="", help="What the key is for.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Repeatable.")
@click.option("--rotate-every", metavar="INTERVAL", help="7d to 365d; else by hand.")
@click.option("--protect", is_flag=True, help="Refuse to schedule its deletion.")
@click.pass_obj
def create(
    settings: Settings,
    description: str,
    tags: tuple[str, ...],
    rotate_every: str | None,
    protect: bool,  # noqa: FBT001 -- click passes by name
) -> None:
    """Make a key with its first version."""
    with opened(settings) as instance:
        made = instance.create_key(
            description,
            tags=parse_tags(tags),
            rotation_interval=rotate_every,
            deletion_protection=protect,
        )
    if settings.json:
        write_json(made.to_dict())
    else:
        write_facts(facts_of(made))


@key.command()
@key_argument
@click.pass_obj
def describe(settings: Settings, key_id: str) -> None:
    """Show a key, its aliases and its tags."""
    with opened(settings) as instance:
        shown = instance.describe_key(key_id)
        names = _aliases(instance, shown.key_id)
        tags = instance.list_tags(shown.key_id)
    if settings.json:
        labels = [{"TagKey": tag.tag_key, "TagValue": tag.tag_value} for tag in tags]
        write_json({**shown.to_dict(), "Aliases": names, "Tags": labels})
        return
    labels_shown = ", ".join(f"{tag.tag_key}={tag.tag_value}" for tag in tags)
    write_facts(
        [*facts_of(shown), ("Aliases", ", ".join(names)), ("Tags", labels_shown)]
    )


@key.command("list")
@click.option("--state", multiple=True, help="Only keys in this state; repeatable.")
@click.option(
    "--tag", "tags", multiple=True, metavar="NAME[=VALUE]", help="Only these."
)
@page_option
@click.option("--page-size", type=int, default=PAGE_SIZE, help="1 to 100.")
@click.pass_obj
def list_keys(
    settings: Settings,
    state: tuple[str, ...],
    tags: tuple[str, ...],
    page: int,
    page_size: int,
) -> None:
    """List keys in the order in which they were made."""
    filters: dict[str, list[str]] = {"key_state": list(state)} if state else {}
    for tag in tags:
        name, separator, value = tag.partition("=")
        filters.setdefault("tag_key", []).append(name)
        if separator:
            filters.setdefault("tag_value", []).append(value)
    with opened(settings) as instance:
        listed = instance.list_keys(page, page_size, filters)
        rows = [
            (
                each.key_id,
                each.key_state,
                ", ".join(_aliases(instance, each.key_id)),
                each.next_rotation_date and each.next_rotation_date.date(),
                each.description,
            )
            for each in ([] if settings.json else listed.items)
        ]
    if settings.json:
        write_json(listed.to_dict())
        return
    columns = ("Key", "State", "Aliases", "Rotates", "Description")
    write_table(columns, rows, folding=("Aliases", "Description"))
    write_count(len(rows), listed.total_count, "key")


@key.command("update-description")
@key_argument
@click.argument("description")
@click.pass_obj
def update_description(settings: Settings, key_id: str, description: str) -> None:
    """Give a key another description."""
    with opened(settings) as instance:
        instance.update_key_description(key_id, description)
        answer_key(settings, instance, key_id, "has a new description")


@key.command()
@key_argument
@click.pass_obj
def enable(settings: Settings, key_id: str) -> None:
    """Let a disabled key work again."""
    with opened(settings) as instance:
        instance.enable_key(key_id)
        answer_key(settings, instance, key_id, "is enabled")


@key.command()
@key_argument
@click.pass_obj
def disable(settings: Settings, key_id: str) -> None:
    """Stop every use of a key, decryption included."""
    with opened(settings) as instance:
        instance.disable_key(key_id)
        answer_key(settings, instance, key_id, "is disabled: it opens nothing either")


@key.command()
@key_argument
@click.argument("tags", metavar="NAME=VALUE...", nargs=-1, required=True)
@click.pass_obj
def tag(settings: Settings, key_id: str, tags: tuple[str, ...]) -> None:
    """Put tags on a key."""
    with opened(settings) as instance:
        instance.tag_key(key_id, parse_tags(tags))
        answer_key(settings, instance, key_id, "has its tags")


@key.command()
@key_argument
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.pass_obj
def untag(settings: Settings, key_id: str, names: tuple[str, ...]) -> None:
    """Take tags off a key."""
    with opened(settings) as instance:
        instance.untag_key(key_id, names)
        answer_key(settings, instance, key_id, "has those tags no longer")


def answer_key(settings: Settings, instance: Instance, key_id: str, done: str) -> None:
    """Say what was done to a key, or show to a program what it is now."""
    now = instance.describe_key(key_id)
    if settings.json:
        write_json(now.to_dict())
    else:
        write_done(f"{now.key_id} {done}.")


def facts_of(key_shown: KeyMetadata) -> list[tuple[str, Any]]:
    """A key line by line; lines without a value are left out when written."""
    protection = "on" if key_shown.deletion_protection else ""
    return [
        ("Key", key_shown.key_id),
        ("State", key_shown.key_state),
        ("Description", key_shown.description),
        ("Created", key_shown.creation_date),
        ("Initial version", key_shown.initial_key_version),
        ("Primary version", key_shown.primary_key_version),
        ("Automatic rotation", key_shown.automatic_rotation),
        ("Rotates every", key_shown.rotation_interval),
        ("Rotated last", key_shown.last_rotation_date),
        ("Rotates next", key_shown.next_rotation_date),
        ("Deletion protection", protection),
        ("Protected because", key_shown.deletion_protection_description),
        ("Will be destroyed", key_shown.delete_date),
    ]


def parse_tags(tags: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping.

    Raises:
        InvalidParameter: One has no ``=``, or a name is given twice.
    """
    parsed: dict[str, str] = {}
    for text in tags:
        name, separator, value = text.partition("=")
        if not separator or name in parsed:
            raise InvalidParameter("tag", "give NAME=VALUE, each name once.")
        parsed[name] = value
    return parsed


def write_count(shown: int, total: int, noun: str) -> None:
    """How many there are, and that a page does not show them all."""
    plural = {"alias": "aliases"}.get(noun, f"{noun}s")
    of_all = "" if shown == total else f"{shown} of "
    write_done(f"{of_all}{total} {noun if total == 1 else plural}")


def _aliases(instance: Instance, key_id: str) -> list[str]:
    page = instance.list_aliases_by_key_id(key_id, 1, MOST_LISTED)
    names = [each.alias_name for each in page.items]
    more = page.total_count - len(names)
    return [*names, f"and {more} more"] if more else names
