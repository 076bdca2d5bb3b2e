"""What decides about rights on a key: its id, its aliases and its tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a policy may look at in a key.

    Of a key that does not exist, whatever it was asked for by is known and nothing
    else. One that is not as it was authenticated has no aliases and no tags: nobody
    gets a right by a row that somebody has written.

    Attributes:
        id: The real id; empty if an alias leads to no key.
        aliases: The full names, ``alias/`` included.
        tags: Tag keys and values.
    """

    id: str
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def facts_of_absent(name: str) -> KeyFacts:
    """The facts of a key that does not exist, by the id or alias that was asked for."""
    return KeyFacts("", (name,)) if name.startswith("alias/") else KeyFacts(name)
