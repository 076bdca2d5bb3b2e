"""Lists, page by page, in the order things were made."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from pairsmith.model import Alias, Item, KeyMetadata, KeyVersion, Page
from pairsmith.registry.keys import metadata_of
from pairsmith.registry.schema import aliases, key_versions, keys, tags
from pairsmith.registry.soundness import is_sound, text_of
from pairsmith.registry.versions import version_of

Where = tuple[int, int]
"""Which page, of what size."""

_KEY_COLUMNS = {
    "key_id": keys.c.key_id,
    "key_state": keys.c.key_state,
    "key_spec": keys.c.key_spec,
    "key_usage": keys.c.key_usage,
    "creator": keys.c.creator,
    "protection_level": keys.c.protection_level,
}
_TAG_COLUMNS = {"tag_key": tags.c.tag_key, "tag_value": tags.c.tag_value}


def key_page(
    connection: sa.Connection, where: Where, filters: Mapping[str, Sequence[str]]
) -> Page[KeyMetadata]:
    """List keys that fit every filter, each by any of its values."""
    query = sa.select(keys).where(*_conditions(filters)).order_by(keys.c.sequence)
    return _page(connection, query, where, metadata_of, "Keys.Key")


def version_page(
    connection: sa.Connection, where: Where, key_id: str
) -> Page[KeyVersion]:
    """List a key's versions, the initial one first."""
    query = (
        sa.select(key_versions)
        .where(key_versions.c.key_id == key_id)
        .order_by(key_versions.c.sequence)
    )
    return _page(connection, query, where, version_of, "KeyVersions.KeyVersion")


def alias_page(
    connection: sa.Connection, where: Where, key_id: str | None
) -> Page[Alias]:
    """List aliases by name, all or those of one key."""
    query = sa.select(aliases).order_by(aliases.c.alias_name)
    if key_id is not None:
        query = query.where(aliases.c.key_id == key_id)
    return _page(connection, query, where, _alias_of, "Aliases.Alias")


def damaged_keys(connection: sa.Connection) -> list[str]:
    """List the keys whose row is not as Pairsmith writes it."""
    rows = connection.execute(sa.select(keys).order_by(keys.c.sequence))
    return [text_of(row.key_id) for row in rows if not is_sound(row)]


def _page(
    connection: sa.Connection,
    query: sa.Select[Any],
    where: Where,
    item_of: Callable[[sa.Row[Any]], Item],
    wire_path: str,
) -> Page[Item]:
    number, size = where
    counting = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    total = connection.execute(counting).scalar_one()
    rows = connection.execute(query.limit(size).offset((number - 1) * size))
    return Page(tuple(item_of(row) for row in rows), number, size, total, wire_path)


def _conditions(
    filters: Mapping[str, Sequence[str]],
) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [
        column.in_(filters[name])
        for name, column in _KEY_COLUMNS.items()
        if name in filters
    ]
    if "alias_name" in filters:
        named = sa.select(aliases.c.key_id).where(
            aliases.c.alias_name.in_(filters["alias_name"])
        )
        conditions.append(keys.c.key_id.in_(named))
    wanted = [
        column.in_(filters[name])
        for name, column in _TAG_COLUMNS.items()
        if name in filters
    ]
    if wanted:  # a key and a value given together mean one and the same tag
        conditions.append(keys.c.key_id.in_(sa.select(tags.c.key_id).where(*wanted)))
    return conditions


def _alias_of(row: sa.Row[Any]) -> Alias:
    return Alias(text_of(row.alias_name), text_of(row.key_id))
