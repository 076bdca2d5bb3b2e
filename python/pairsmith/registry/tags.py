"""Tags: labels on keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith.errors import LimitExceeded
from pairsmith.model import Tag
from pairsmith.registry.changing import Change
from pairsmith.registry.parameters import TAGS_PER_KEY
from pairsmith.registry.schema import tags
from pairsmith.registry.selection import Selection
from pairsmith.registry.soundness import text_of


@dataclass(frozen=True, slots=True)
class TagQuery:
    """Which tags are wanted, of whatever keys.

    Attributes:
        key_ids: Of these keys only; none for all.
        wanted: Of keys that have all of these; ``None`` stands for any value.
        after: Key id and tag key of the last one that is known.
        limit: How many at most.
        within: Of the keys that are meant; ``None`` for all.
    """

    key_ids: Sequence[str] = ()
    wanted: Sequence[tuple[str, str | None]] = ()
    after: tuple[str, str] | None = None
    limit: int = 200
    within: Selection | None = None


def put(change: Change, key_id: str, wanted: Mapping[str, str]) -> None:
    """Set tags; one that exists gets the new value.

    Args:
        change: That changes this key.
        key_id: The key.
        wanted: Names and values.

    Raises:
        LimitExceeded: The key would have more than 20.
    """
    connection = change.connection
    present = {tag.tag_key: tag.tag_value for tag in of_key(connection, key_id)}
    if len(present.keys() | wanted.keys()) > TAGS_PER_KEY:
        raise LimitExceeded(
            f"The key {key_id} would have more than {TAGS_PER_KEY} tags: remove some."
        )
    _delete(connection, key_id, tuple(wanted))
    if wanted:
        rows = [
            {"key_id": key_id, "tag_key": key, "tag_value": value}
            for key, value in wanted.items()
        ]
        connection.execute(sa.insert(tags), rows)
        replaced = {name: present[name] for name in wanted if name in present}
        change.note(tags=wanted, previous_tags={key_id: replaced} if replaced else None)


def remove(change: Change, key_id: str, tag_keys: Sequence[str] | None) -> None:
    """Remove tags, or all of them; one that does not exist is no error."""
    removed = {
        tag.tag_key: tag.tag_value
        for tag in of_key(change.connection, key_id)
        if tag_keys is None or tag.tag_key in tag_keys
    }
    _delete(change.connection, key_id, tag_keys)
    asked = "all" if tag_keys is None else tag_keys
    change.note(tag_keys=asked, removed_tags={key_id: removed})


def of_key(connection: sa.Connection, key_id: str) -> list[Tag]:
    """List a key's tags by name."""
    query = sa.select(tags).where(tags.c.key_id == key_id).order_by(tags.c.tag_key)
    return [Tag(*map(text_of, row)) for row in connection.execute(query)]


def search(connection: sa.Connection, query: TagQuery) -> list[Tag]:
    """List tags over keys, by key id and then by name."""
    place = sa.tuple_(tags.c.key_id, tags.c.tag_key)
    rows = sa.select(tags).order_by(tags.c.key_id, tags.c.tag_key).limit(query.limit)
    if query.key_ids:
        rows = rows.where(tags.c.key_id.in_(query.key_ids))
    if query.within is not None:
        dialect = connection.dialect.name
        rows = rows.where(query.within.condition(tags.c.key_id, dialect))
    if query.after is not None:
        rows = rows.where(place > sa.tuple_(*map(sa.literal, query.after)))
    for tag_key, tag_value in query.wanted:
        bearers = sa.select(tags.c.key_id).where(tags.c.tag_key == tag_key)
        if tag_value is not None:
            bearers = bearers.where(tags.c.tag_value == tag_value)
        rows = rows.where(tags.c.key_id.in_(bearers))
    return [Tag(*map(text_of, row)) for row in connection.execute(rows)]


def _delete(
    connection: sa.Connection, key_id: str, tag_keys: Sequence[str] | None
) -> None:
    statement = sa.delete(tags).where(tags.c.key_id == key_id)
    if tag_keys is not None:
        statement = statement.where(tags.c.tag_key.in_(tag_keys))
    connection.execute(statement)
