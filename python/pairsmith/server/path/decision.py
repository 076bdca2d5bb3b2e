"""Whether a request is served: who has sent it, what it asks for, with which keys.

An alias may be moved, a tag taken off and a policy changed while a request is under
way. So the identity that asks and every key that is named are looked at once, in one
view of the registry. The work is done with what was looked at, never with a name again.

A key that does not exist is one that no rule means, unless a rule means every key, or
every key of that name: nobody else learns which keys there are, nor their state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pairsmith.registry.resolved import NameOnly
from pairsmith.server.path.call import Use

if TYPE_CHECKING:
    from pairsmith.registry.resolved import Found
    from pairsmith.registry.view import View
    from pairsmith.server.access.model import Principal
    from pairsmith.server.access.policy import Policy
    from pairsmith.server.path.api import Api, Claim, Sender
    from pairsmith.server.path.call import Call, NamedKey
    from pairsmith.server.path.exchange import Exchange
    from pairsmith.server.services import Services


class Decided(NamedTuple):
    """A request that may be served.

    Attributes:
        principal: Who has sent it.
        call: What it asks for.
        found: What the keys lead to that it names, in their order.
    """

    principal: Principal
    call: Call
    found: tuple[Found, ...]


def recognise(api: Api[Claim], claim: Claim, view: View, *, with_body: bool) -> Sender:
    """Find out who has sent a request, and nothing else.

    Args:
        api: To which it is.
        claim: Its envelope.
        view: Where identities are looked at.
        with_body: Whether the body is there already.

    Raises:
        PairsmithError: Nobody who is known has signed it.
    """
    sender = api.sender(view, claim)
    api.verify(claim, sender, with_body=with_body)
    return sender


def decide(
    services: Services,
    api: Api[Claim],
    claim: Claim,
    view: View,
    exchange: Exchange,
    verified: Sender | None = None,
) -> Decided:
    """Decide about a request, and note in the exchange what becomes known of it.

    Nothing is changed, and of what may not be used nothing is told.

    Args:
        services: What is decided by.
        api: To which it is.
        claim: Its envelope.
        view: Where identities and keys are looked at.
        exchange: The request.
        verified: Who has signed it with its body, if that is known: it need not be
            verified once more, as long as the identity is the same.

    Raises:
        PairsmithError: It is not served.
        NotCached: The view does not know enough.
    """
    sender = api.sender(view, claim)
    if sender != verified:
        api.verify(claim, sender, with_body=True)
    api.accept(claim, sender)
    services.access.touch(sender.id)
    exchange.principal = principal = sender.principal()
    call = api.call(claim, view, exchange)
    return Decided(principal, call, authorised(api, principal.policy, call, view))


def decide_in_database(
    services: Services,
    api: Api[Claim],
    claim: Claim,
    exchange: Exchange,
    verified: Sender | None = None,
) -> Decided:
    """The same by a look into the database, which may take a while.

    Once it is permitted, what is due to a key that is used is done: then it is looked
    at, and decided about, again.

    Raises:
        PairsmithError: It is not served.
    """
    registry = services.registry.access
    with registry.view() as view:
        decided = decide(services, api, claim, view, exchange, verified)
    pairs = zip(decided.call.keys, decided.found, strict=True)
    used = [found for key, found in pairs if key.use is not Use.NAME]
    settled = [registry.settle(found) for found in used]
    if not any(settled):
        return decided
    principal, call = decided.principal, decided.call
    with registry.view() as view:
        found = authorised(api, principal.policy, call, view)
    return Decided(principal, call, found)


def authorised(
    api: Api[Claim], policy: Policy, call: Call, view: View
) -> tuple[Found, ...]:
    """Look at every key that a call names, and give what may be used.

    Raises:
        PairsmithError: Something is forbidden; the API's words.
    """
    for right in call.rights:
        if not any(policy.allows(each, right.client) for each in right.operations):
            raise api.forbidden(right.operations[0])
    found = []
    for key in call.keys:
        each = _look_at(view, key)
        if not any(policy.allows(name, each.facts) for name in key.operations):
            raise api.forbidden(key.told)
        found.append(each)
    return tuple(found)


def _look_at(view: View, key: NamedKey) -> Found:
    if key.use is Use.VERSION:
        return view.version(key.name)
    if key.use is Use.NAME:
        return NameOnly(view.facts(key.name))
    return view.key(key.name, primary=key.use is Use.PRIMARY)
