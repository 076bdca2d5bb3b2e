"""``pairsmith client``: who may use the Instance API, and for what."""

from __future__ import annotations

from pathlib import Path

import click

from pairsmith.cli.files import read_input, refuse_taken, write_files
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
from pairsmith.errors import InvalidParameter


@click.group(cls=Group)
def client() -> None:
    """Make client keys for the Instance API, limit and revoke them."""


@client.command()
@click.argument("name")
@allow_option
@click.option("--out", "folder", default=".", metavar="FOLDER",
              help="Where its files go. [default: here]")  # fmt: skip
@click.option("--password-file", metavar="FILE",
              help="Its password, or - for stdin. [default: a random one]")  # fmt: skip
@not_after_option
@click.pass_obj
def create(
    settings: Settings,
    name: str,
    rules: tuple[str, ...],
    folder: str,
    password_file: str | None,
    not_after: str | None,
) -> None:
    """Make a client key and the files that official clients read.

    clientKey_ID.json holds the private key, which is kept nowhere else;
    clientKey_ID_Password.txt opens it, unless you gave a password of your own.
    """
    policy = parse_rules(rules)
    end = None if not_after is None else parse_moment(not_after)
    password = None if password_file is None else _password(password_file)
    place = Path(folder)
    refuse_taken([place / "clientKey"], force=False, are_secret=True)
    with opened_store(settings) as store:
        made = store.create_client(name, policy, password, not_after=end)
        file = place / f"clientKey_{made.key.id}.json"
        secret = place / f"clientKey_{made.key.id}_Password.txt"
        contents = {file: made.credential_json.encode()}
        if password is None:
            contents[secret] = made.password.encode()
        try:
            write_files(contents, are_secret=True)
        except BaseException:
            store.remove(made.key.id)  # nobody could ever use it
            raise
    files = {"File": str(file)}
    if password is None:
        files["Password"] = str(secret)
    write_identity(settings, made.key, **files)


def _password(name: str) -> str:
    """The first line of a file; it is not repeated, whatever is wrong with it."""
    try:
        return read_input(name).decode("ascii").splitlines()[0]
    except (UnicodeDecodeError, IndexError):
        raise InvalidParameter("password", "give a file with ASCII text.") from None


add_commands(client, Kind("client key", "CLIENT", lambda store: store.clients()))
