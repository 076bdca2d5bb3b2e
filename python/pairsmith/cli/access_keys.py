"""``pairsmith access-key``: who may manage keys over the OpenAPI."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pairsmith.cli.files import refuse_taken, write_files
from pairsmith.cli.identities import (
    Kind,
    allow_option,
    not_after_option,
    opened_store,
    parse_moment,
    parse_rules,
    write_identity,
)
from pairsmith.cli.identity_commands import add_commands
from pairsmith.cli.settings import Group, Settings


@click.group("access-key", cls=Group)
def access_key() -> None:
    """Make access keys for the OpenAPI, limit and revoke them."""


@access_key.command()
@click.argument("name")
@allow_option
@click.option("--out", "folder", default=".", metavar="FOLDER",
              help="Where its file goes. [default: here]")  # fmt: skip
@not_after_option
@click.pass_obj
def create(
    settings: Settings,
    name: str,
    rules: tuple[str, ...],
    folder: str,
    not_after: str | None,
) -> None:
    """Make an access key; its secret goes to accessKey_ID.json and is not shown."""
    policy = parse_rules(rules)
    end = None if not_after is None else parse_moment(not_after)
    place = Path(folder)
    refuse_taken([place / "accessKey"], force=False, are_secret=True)
    with opened_store(settings) as store:
        made, secret = store.create_access_key(name, policy, not_after=end)
        file = place / f"accessKey_{made.id}.json"
        content = {"AccessKeyId": made.id, "AccessKeySecret": secret}
        try:
            write_files({file: json.dumps(content).encode()}, are_secret=True)
        except BaseException:
            store.remove(made.id)  # nobody could ever use it
            raise
    write_identity(settings, made, File=str(file))


add_commands(
    access_key, Kind("access key", "ACCESS_KEY", lambda store: store.access_keys())
)
