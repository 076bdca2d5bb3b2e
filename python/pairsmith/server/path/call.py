"""What a request asks for, once it was parsed: keys, rights, and work not yet begun."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from pairsmith.kinds import KINDS, KeyPairSpec
from pairsmith.registry.identifiers import KEY_ID_CHARACTERS

if TYPE_CHECKING:
    from pairsmith.registry.resolved import Found
    from pairsmith.server.access.policy import ClientName

Work = Callable[[], Any]
"""Does what was asked for and gives its result; called on any thread."""


class Use(Enum):
    """What a request wants of a key that it names."""

    INITIAL = auto()
    """Its initial version."""

    PRIMARY = auto()
    """Its primary version, a new one if rotation is due."""

    VERSION = auto()
    """The version of that id, which a blob names."""

    NAME = auto()
    """Nothing of it: only the right to the key, whose id is worked with."""


class NamedKey(NamedTuple):
    """A key that a request names.

    Attributes:
        name: Its id or alias; for ``VERSION`` the id of the version.
        operations: Of which the principal must be allowed one on this key.
        use: What is wanted of it.
    """

    name: str
    operations: tuple[str, ...]
    use: Use = Use.NAME

    @property
    def told(self) -> str:
        """The key as a refusal names it: a version id begins with the id of its key."""
        return self.name[:KEY_ID_CHARACTERS] if self.use is Use.VERSION else self.name


class Right(NamedTuple):
    """A right to operations that are about no key.

    Attributes:
        operations: Of which one must be allowed.
        client: The client that they are about; ``None`` for none.
    """

    operations: tuple[str, ...]
    client: ClientName | None = None


class Call(NamedTuple):
    """An operation whose parameters are right.

    Attributes:
        ready: Is given what the keys lead to, in their order, and gives the work that
            is done with just that. Raises the reason why one of them is not usable.
        keys: Every key that the request names.
        rights: What else it takes.
        spec: Of a pair; else empty.
        is_brief: Whether the work takes microseconds and waits for nothing.
    """

    ready: Callable[[tuple[Found, ...]], Work]
    keys: tuple[NamedKey, ...] = ()
    rights: tuple[Right, ...] = ()
    spec: str = ""
    is_brief: bool = False

    def __repr__(self) -> str:
        """Without the work, which holds what was given: plaintexts and passwords."""
        return f"<Call about {len(self.keys)} keys>"

    @property
    def is_long(self) -> bool:
        """Whether it takes a processor for tens or hundreds of milliseconds."""
        return bool(self.spec) and KINDS[KeyPairSpec(self.spec)].is_long
