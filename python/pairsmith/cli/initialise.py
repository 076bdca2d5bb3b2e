"""``pairsmith init``: make the database and its root key."""

import click

from pairsmith.cli.opening import is_initialised, shown_url, sqlite_path
from pairsmith.cli.output import write_facts, write_json
from pairsmith.cli.settings import Command, Settings


@click.command("init", cls=Command)
@click.pass_obj
def initialise(settings: Settings) -> None:
    """Make the database and, if it is a file, its root key.

    One that exists already is opened and left as it is.
    """
    from pairsmith.instance import Instance

    created = not is_initialised(settings.database)
    with Instance.open(settings.database, settings.root_key):
        pass
    url, root_key = shown_url(settings.database), root_key_place(settings)
    if settings.json:
        write_json({"Database": url, "RootKey": root_key, "Created": created})
        return
    write_facts(
        [
            ("Database", url if created else f"{url} (was there already)"),
            ("Root key", root_key),
            ("Keep", "a backup of both, apart from each other: neither opens alone"),
            ("Next", "pairsmith key create --description '...'"),
        ]
    )


def root_key_place(settings: Settings) -> str:
    """Where the root key comes from, without the arguments of a command.

    Nowhere, which is an empty text, if none is named for a database on a server.
    """
    given = settings.root_key
    if given is None:
        path = sqlite_path(settings.database)
        return "" if path is None else f"file:{path}.root-key"
    kind, _, place = given.partition(":")
    return f"{kind}:{place.split()[0]} ..." if kind == "command" else given
