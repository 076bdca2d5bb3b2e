"""Which keys whoever acts may act on: asked of each key that an operation finds.

A context variable beside the actor: whoever acts for somebody with limited rights says
so around the call, in the thread that does the work. The registry asks in the very
transaction that does the work, so no other process takes a right away in between.
Without a word every key is permitted: to programs, commands and maintenance.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from pairsmith.registry.actor import MAINTENANCE, present_actor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pairsmith.registry.key_facts import KeyFacts

    Permission = Callable[[KeyFacts], None]
    """Raises a ``PairsmithError`` if a key of these facts is not permitted."""

_present: ContextVar[Permission | None] = ContextVar(
    "pairsmith_permission", default=None
)


@contextmanager
def permitted(permission: Permission | None) -> Iterator[None]:
    """Let everything inside, in this thread or task, find only what is permitted.

    Args:
        permission: Is asked once about each key that a transaction finds by a name,
            and about each that it does not find; ``None`` permits all.
    """
    token = _present.set(permission)
    try:
        yield
    finally:
        _present.reset(token)


def require_permission(facts: KeyFacts) -> None:
    """Refuse a key that whoever acts here and now may not act on.

    What happens because its time has come is done by nobody's right, even if it happens
    within somebody's call.

    Raises:
        PairsmithError: What the permission raises.
    """
    permission = _present.get()
    if permission is not None and present_actor() is not MAINTENANCE:
        permission(facts)
