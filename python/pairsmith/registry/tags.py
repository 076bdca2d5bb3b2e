"""Tags: labels on keys."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from pairsmith.errors import LimitExceeded
from pairsmith.model import Tag
from pairsmith.registry.parameters import TAGS_PER_KEY
from pairsmith.registry.schema import tags


def put(connection: sa.Connection, key_id: str, wanted: Mapping[str, str]) -> None:
    """Set tags; one that exists gets the new value.

    Raises:
        LimitExceeded: The key would have more than 20.
    """
    present = {tag.tag_key for tag in of_key(connection, key_id)}
    if len(present | wanted.keys()) > TAGS_PER_KEY:
        raise LimitExceeded(
            f"The key {key_id} would have more than {TAGS_PER_KEY} tags: remove some."
        )
    remove(connection, key_id, tuple(wanted))
    if wanted:
        rows = [
            {"key_id": key_id, "tag_key": key, "tag_value": value}
            for key, value in wanted.items()
        ]
        connection.execute(sa.insert(tags), rows)


def remove(connection: sa.Connection, key_id: str, tag_keys: Sequence[str]) -> None:
    """Remove tags; one that does not exist is no error."""
    named = (tags.c.key_id == key_id) & tags.c.tag_key.in_(tag_keys)
    connection.execute(sa.delete(tags).where(named))


def of_key(connection: sa.Connection, key_id: str) -> list[Tag]:
    """List a key's tags by name."""
    query = sa.select(tags).where(tags.c.key_id == key_id).order_by(tags.c.tag_key)
    return [Tag(*row) for row in connection.execute(query)]
