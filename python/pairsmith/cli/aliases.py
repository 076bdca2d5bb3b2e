"""``pairsmith alias``: names for keys."""

import click

from pairsmith.cli.keys import PAGE_SIZE, key_argument, page_option, write_count
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_done, write_json, write_table
from pairsmith.cli.settings import Group, Settings

alias_argument = click.argument("alias_name", metavar="ALIAS")


@click.group(cls=Group)
def alias() -> None:
    """Give keys names, such as alias/devices, and move the names."""


@alias.command()
@alias_argument
@key_argument
@click.pass_obj
def create(settings: Settings, alias_name: str, key_id: str) -> None:
    """Give a key one more name: alias/ and 1 to 255 of A-Z a-z 0-9 _ - /."""
    with opened(settings) as instance:
        instance.create_alias(alias_name, key_id)
        _answer(settings, alias_name, instance.describe_key(alias_name).key_id)


@alias.command()
@alias_argument
@key_argument
@click.pass_obj
def update(settings: Settings, alias_name: str, key_id: str) -> None:
    """Bind an alias to another key; neither key changes."""
    with opened(settings) as instance:
        instance.update_alias(alias_name, key_id)
        _answer(settings, alias_name, instance.describe_key(alias_name).key_id)


@alias.command()
@alias_argument
@click.pass_obj
def delete(settings: Settings, alias_name: str) -> None:
    """Forget an alias; its key stays."""
    with opened(settings) as instance:
        instance.delete_alias(alias_name)
    if settings.json:
        write_json({"AliasName": alias_name})
    else:
        write_done(f"{alias_name} is gone; its key stays.")


@alias.command("list")
@click.option("--key", "key_id", metavar="KEY", help="Only the aliases of this key.")
@page_option
@click.option("--page-size", type=int, default=PAGE_SIZE, help="1 to 100.")
@click.pass_obj
def list_aliases(
    settings: Settings, key_id: str | None, page: int, page_size: int
) -> None:
    """List aliases by name."""
    with opened(settings) as instance:
        if key_id is None:
            listed = instance.list_aliases(page, page_size)
        else:
            listed = instance.list_aliases_by_key_id(key_id, page, page_size)
    if settings.json:
        write_json(listed.to_dict())
        return
    rows = [(each.alias_name, each.key_id) for each in listed.items]
    write_table(("Alias", "Key"), rows)
    write_count(len(rows), listed.total_count, "alias")


def _answer(settings: Settings, alias_name: str, key_id: str) -> None:
    if settings.json:
        write_json({"AliasName": alias_name, "KeyId": key_id})
    else:
        write_done(f"{alias_name} is {key_id} now.")
