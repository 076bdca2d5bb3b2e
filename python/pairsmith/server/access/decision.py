"""Deciding about a key that a request names, by whatever name, once and for the work.

An alias may be moved while a request is under way. So what is decided about is a key
with all its facts, read at one moment, and what is given back is the id of that key:
the work is done with it and never with the name again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairsmith.errors import KeyUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairsmith.server.access.policy import Policy
    from pairsmith.server.access.store import AccessStore


def permitted_key(
    access: AccessStore, policy: Policy, operations: Sequence[str], name: str
) -> str | None:
    """Find out which key the principal may use that asked for one by this name.

    A key that does not exist is one that no rule means, unless a rule means every key,
    or every key of this alias: nobody else learns which there are, nor their state.

    Args:
        access: Where the facts are.
        policy: Of the principal.
        operations: Of which one must be allowed.
        name: An id or alias.

    Returns:
        What to work with: the id of the key that was decided about, or the name itself
        if there is no such key, or if the decision is the same for all; ``None`` if it
        is forbidden.
    """
    if any(policy.allows_any(operation) for operation in operations):
        return name
    facts = access.key_facts(name)
    try:
        if any(policy.allows(operation, facts) for operation in operations):
            return facts.id or name
    except KeyUnavailable:  # its page of revisions is damaged: no rule means it
        pass
    return None
