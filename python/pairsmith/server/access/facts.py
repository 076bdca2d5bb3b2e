"""What policies look at in a key, read from the registry's tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith.registry import identifiers, tags
from pairsmith.registry.schema import aliases
from pairsmith.server.access.policy import KeyFacts


@dataclass(frozen=True, slots=True)
class Facts:
    """A key's id, aliases and tags, at one moment."""

    key_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


def read(name: str, connection: sa.Connection) -> Facts:
    """Read the facts about a key named by id or alias.

    Of a key that does not exist the name alone is known.
    """
    key_id = name
    if name.startswith("alias/"):
        bound = sa.select(aliases.c.key_id).where(aliases.c.alias_name == name)
        found = connection.execute(bound).scalar()
        if found is None:
            return Facts("", (name,), {})
        key_id = found
    named = sa.select(aliases.c.alias_name).where(aliases.c.key_id == key_id)
    labels = {tag.tag_key: tag.tag_value for tag in tags.of_key(connection, key_id)}
    return Facts(key_id, tuple(connection.execute(named).scalars()), labels)


def lazy(name: str, recall: Callable[[], Facts | None]) -> KeyFacts:
    """Facts that are recalled when a policy looks at them; an id needs no looking.

    Args:
        name: A key id or an alias.
        recall: Gives the facts; from then on they stay the same for this request.
    """
    kept: list[Facts] = []

    def recalled() -> Facts:
        if not kept:
            kept.append(recall() or Facts("", (), {}))
        return kept[0]

    is_id = identifiers.KEY_ID.fullmatch(name) is not None
    return KeyFacts(
        name if is_id else lambda: recalled().key_id,
        lambda: recalled().aliases,
        lambda: recalled().tags,
    )
