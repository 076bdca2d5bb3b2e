"""The commands that ``pairsmith client`` and ``pairsmith access-key`` both have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pairsmith.cli.identities import (
    Kind,
    document_of,
    find,
    opened_store,
    parse_moment,
    parse_rules,
    state_of,
    write_identity,
)
from pairsmith.cli.output import write_done, write_json, write_table
from pairsmith.model import wire_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairsmith.cli.settings import Group, Settings
    from pairsmith.server.access.store import AccessStore

    Decorator = Callable[[Any], Any]


def add_commands(group: Group, kind: Kind) -> None:
    """Give a group the commands that both kinds have."""
    named = click.argument("name", metavar=kind.argument)
    _add_showing(group, kind, named)
    _add_changing(group, kind, named)
    _add_ending(group, kind, named)


def _add_showing(group: Group, kind: Kind, named: Decorator) -> None:

    @group.command("list")
    @click.pass_obj
    def list_all(settings: Settings) -> None:
        """List all, revoked ones too, in the order they were made."""
        with opened_store(settings) as store:
            listed = kind.listed(store)
        if settings.json:
            write_json([document_of(each) for each in listed])
            return
        rows = [
            (each.id, each.name, state_of(each), each.not_after.date(),
             each.last_used_at, each.policy)
            for each in listed
        ]  # fmt: skip
        columns = ("Id", "Name", "State", "Until", "Last used", "Allowed")
        write_table(columns, rows, folding=("Allowed",))

    @group.command()
    @named
    @click.pass_obj
    def show(settings: Settings, name: str) -> None:
        """Show one, by its id or its name."""
        with opened_store(settings) as store:
            write_identity(settings, find(store, kind, name))


def _add_changing(group: Group, kind: Kind, named: Decorator) -> None:
    @group.command()
    @named
    @click.argument("rules", nargs=-1, required=True, metavar="OPERATIONS:KEYS...")
    @click.pass_obj
    def allow(settings: Settings, name: str, rules: tuple[str, ...]) -> None:
        """Say anew what it may do; nothing of the old policy stays."""
        policy = parse_rules(rules)

        def change(store: AccessStore, identity_id: str) -> None:
            store.set_policy(identity_id, policy)

        _change(settings, kind, name, change, f"may do this now: {policy}")

    @group.command()
    @named
    @click.argument("when", metavar="WHEN")
    @click.pass_obj
    def until(settings: Settings, name: str, when: str) -> None:
        """Let it be valid until then: 2027-01-31, or 90d from now."""
        end = parse_moment(when)

        def change(store: AccessStore, identity_id: str) -> None:
            store.set_not_after(identity_id, end)

        _change(settings, kind, name, change, f"is valid until {wire_date(end)}.")


def _add_ending(group: Group, kind: Kind, named: Decorator) -> None:
    @group.command()
    @named
    @click.pass_obj
    def revoke(settings: Settings, name: str) -> None:
        """Refuse it for ever; running servers do so within a quarter of a second."""

        def change(store: AccessStore, identity_id: str) -> None:
            store.revoke(identity_id)

        _change(settings, kind, name, change, "is revoked.")

    @group.command()
    @click.argument("identity_id", metavar="ID")
    @click.pass_obj
    def remove(settings: Settings, identity_id: str) -> None:
        """Forget it altogether, even if its row is damaged; give its id."""
        with opened_store(settings) as store:
            store.remove(identity_id)
        if settings.json:
            write_json({"Id": identity_id})
        else:
            write_done(f"{identity_id} is gone.")


def _change(
    settings: Settings,
    kind: Kind,
    name: str,
    change: Callable[[AccessStore, str], None],
    said: str,
) -> None:
    with opened_store(settings) as store:
        identity_id = find(store, kind, name).id
        change(store, identity_id)
        changed = find(store, kind, identity_id)
    if settings.json:
        write_json(document_of(changed))
    else:
        write_done(f"{changed.name} ({changed.id}) {said}")
