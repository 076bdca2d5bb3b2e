"""What policies look at in a key, read from the registry's tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith.errors import AliasNotFound, KeyNotFound
from pairsmith.registry import identifiers
from pairsmith.registry.access import Access
from pairsmith.registry.stored_keys import StoredKeys
from pairsmith.server.access.policy import KeyFacts


@dataclass(frozen=True, slots=True)
class Facts:
    """A key's id, aliases and tags, at one moment."""

    key_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


def read(access: Access, name: str, connection: sa.Connection) -> Facts:
    """Read the facts about a key named by id or alias.

    Of a key that does not exist the name alone is known. One that is not as it was
    authenticated has no aliases and no tags: only who may use every key, or this one
    by its id, is told that it is unavailable.
    """
    stored = StoredKeys(connection, access.revisions(connection))
    try:
        key = stored.find(name)
    except AliasNotFound:
        return Facts("", (name,), {})
    except KeyNotFound:
        return Facts(name, (), {})
    return Facts(key.key_id, key.aliases, key.tags)


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
