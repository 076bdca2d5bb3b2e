"""Who changes the registry, as each line of the change log names it.

The actor is a context variable: whoever acts for somebody says so around the call, in
the thread that does the work. Nobody who says nothing is "library": a program that
uses the Python API. A thread that was started elsewhere begins without an actor.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["library", "command line", "server", "maintenance"]

TEXT_CHARACTERS = 256
"""How much of each text is told."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change; empty fields are unknown.

    Attributes:
        kind: ``server`` for a request, or for the server itself if no principal is
            named; ``maintenance`` for what happens because its time has come.
        command: Of the command line, such as ``key create``.
        principal_kind: Of a request: ``client`` or ``access_key``.
        principal_id: The credential that signed it.
        principal_name: Its name.
        request_id: As it is answered, and as the audit log has it.
        remote_address: Where the request came from.
        peer_address: The trusted proxy that told so.
    """

    kind: Kind = "library"
    command: str = ""
    principal_kind: str = ""
    principal_id: str = ""
    principal_name: str = ""
    request_id: str = ""
    remote_address: str = ""
    peer_address: str = ""

    def told(self) -> dict[str, str | int]:
        """Give what a line tells: the actor, and the process in which it acts."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        known = {name: text[:TEXT_CHARACTERS] for name, text in named.items() if text}
        return {
            **known,
            "system_user": _system_user(os.geteuid()),
            "host": _host(),
            "process_id": os.getpid(),
        }


MAINTENANCE = Actor("maintenance")

_by_default = Actor()
_present: ContextVar[Actor | None] = ContextVar("pairsmith_actor", default=None)


def present_actor() -> Actor:
    """Give whoever acts here and now."""
    return _present.get() or _by_default


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Let everything inside, in this thread or task, be done by this actor."""
    token = _present.set(actor)
    try:
        yield
    finally:
        _present.reset(token)


def act_by_default(actor: Actor) -> None:
    """Let this whole process act as somebody wherever nobody else is named.

    For a process that is a server's, in every thread; a forked child inherits it.
    """
    global _by_default  # noqa: PLW0603 -- one process, one default
    _by_default = actor


@lru_cache
def _system_user(user_id: int) -> str:
    """The name of the operating system's user, or the number that has none."""
    import pwd

    try:
        return pwd.getpwuid(user_id).pw_name[:TEXT_CHARACTERS]
    except (KeyError, OSError):
        return str(user_id)


@lru_cache(maxsize=1)
def _host() -> str:
    return os.uname().nodename[:TEXT_CHARACTERS]
