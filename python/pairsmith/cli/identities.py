"""Identities at the command line: found, parsed, shown."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from pairsmith.cli.failures import REFUSED, Failure
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_facts, write_json
from pairsmith.errors import InvalidParameter
from pairsmith.model import wire_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pairsmith.cli.settings import Settings
    from pairsmith.server.access.model import AccessKey, ClientKey
    from pairsmith.server.access.policy import Policy
    from pairsmith.server.access.store import AccessStore

    Identity = ClientKey | AccessKey

LONGEST_DAYS = 36_500
"""What can be a date; how long a credential may be valid, the store decides."""

allow_option = click.option(
    "--allow",
    "rules",
    multiple=True,
    required=True,
    metavar="OPERATIONS:KEYS",
    help="What it may do, such as decrypt:alias/app-*; repeatable.",
)
not_after_option = click.option(
    "--not-after",
    metavar="WHEN",
    help="2027-01-31 or 90d; five years and a day at most. [default: that]",
)


@dataclass(frozen=True)
class Kind:
    """One of the two kinds of identity.

    Attributes:
        noun: What people call it.
        argument: Its place in the help.
        listed: All there are.
    """

    noun: str
    argument: str
    listed: Callable[[AccessStore], Sequence[Identity]]


@contextmanager
def opened_store(settings: Settings) -> Iterator[AccessStore]:
    """The identities of the instance that is meant."""
    with opened(settings) as instance:
        from pairsmith.server.access.store import AccessStore

        store = AccessStore(instance.registry)
        try:
            yield store
        finally:
            store.close()


def find(store: AccessStore, kind: Kind, name: str) -> Identity:
    """Find by id, or by a name that means one: among those not revoked, if any.

    Raises:
        IdentityNotFound: There is none.
        Failure: The name means several.
    """
    from pairsmith.server.access.rows import IdentityNotFound

    listed = kind.listed(store)
    found = [each for each in listed if each.id == name]
    found = found or [each for each in listed if each.name == name]
    found = [each for each in found if each.revoked_at is None] or found
    if not found:
        raise IdentityNotFound(f"There is no {kind.noun} {name}.")
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise Failure(
            f"{name} means {len(found)} of them: {ids}.",
            code="Ambiguous",
            exit_code=REFUSED,
            next_step="give the id instead.",
        )
    return found[0]


def write_identity(settings: Settings, identity: Identity, **more: str) -> None:
    """Show an identity, and what else there is to say of it; never a secret."""
    if settings.json:
        write_json(document_of(identity) | more)
        return
    write_facts(
        [
            ("Id", identity.id),
            ("Name", identity.name),
            ("State", state_of(identity)),
            ("Allowed", "\n".join(identity.policy.texts())),
            ("Valid from", identity.not_before),
            ("Valid until", identity.not_after),
            ("Revoked", identity.revoked_at),
            ("Last used", identity.last_used_at),
            *more.items(),
        ]
    )


def document_of(identity: Identity) -> dict[str, Any]:
    """An identity as JSON; what is not known is left out."""
    dates = {
        "CreatedAt": identity.created_at,
        "NotBefore": identity.not_before,
        "NotAfter": identity.not_after,
        "RevokedAt": identity.revoked_at,
        "LastUsedAt": identity.last_used_at,
    }
    return {
        "Id": identity.id,
        "Name": identity.name,
        "State": state_of(identity),
        "Allow": list(identity.policy.texts()),
        **{name: wire_date(date) for name, date in dates.items() if date is not None},
    }


def state_of(identity: Identity) -> str:
    """One word for whether it may be used now."""
    now = datetime.now(UTC)
    if identity.revoked_at is not None:
        return "Revoked"
    if identity.valid_at(now):
        return "Valid"
    return "Expired" if now >= identity.not_after else "NotYetValid"


def parse_rules(rules: Sequence[str]) -> Policy:
    """A new policy; imported late, as everything of the server is."""
    from pairsmith.server.access.policy import parse_policy, require_effect

    return require_effect(parse_policy(rules))


def parse_moment(text: str) -> datetime:
    """A date or a moment in ISO form, UTC unless it says otherwise, or days from now.

    Raises:
        InvalidParameter: It is none of these.
    """
    days = text.removesuffix("d")
    if text.endswith("d") and days.isascii() and days.isdigit():
        if len(days) <= len(str(LONGEST_DAYS)) and int(days) <= LONGEST_DAYS:
            return datetime.now(UTC).replace(microsecond=0) + timedelta(int(days))
    else:
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
    raise InvalidParameter("not_after", "give a date such as 2027-01-31, or 90d.")
