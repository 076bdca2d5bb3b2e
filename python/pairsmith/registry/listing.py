"""Lists, page by page, in the order things were made."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from pairsmith.model import Alias, Item, KeyMetadata, KeyVersion, Page, Tag
from pairsmith.registry.keys import metadata_of
from pairsmith.registry.schema import aliases, key_versions, keys, tags
from pairsmith.registry.selection import Selection
from pairsmith.registry.soundness import text_of
from pairsmith.registry.stored_keys import StoredKey, StoredKeys
from pairsmith.registry.versions import version_of

Where = tuple[int, int]
"""Which page, of what size."""

Labelled = TypeVar("Labelled", Alias, Tag)

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
    stored: StoredKeys,
    where: Where,
    filters: Mapping[str, Sequence[str]],
    within: Selection | None = None,
) -> Page[KeyMetadata]:
    """List keys that fit every filter, each by any of its values."""
    connection = stored.connection
    query = sa.select(keys).where(*_conditions(filters)).order_by(keys.c.sequence)
    if within is not None:
        dialect = connection.dialect.name
        query = query.where(within.condition(keys.c.key_id, dialect))

    def shown(rows: Sequence[sa.Row[Any]]) -> list[KeyMetadata]:
        found = stored.checked(rows)
        return [metadata_of(key) for key in found if _is_shown(key, within)]

    return _page(connection, query, where, shown, "Keys.Key")


def version_page(
    connection: sa.Connection, where: Where, key_id: str
) -> Page[KeyVersion]:
    """List a key's versions, the initial one first."""
    query = (
        sa.select(key_versions)
        .where(key_versions.c.key_id == key_id)
        .order_by(key_versions.c.sequence)
    )

    def shown(rows: Sequence[sa.Row[Any]]) -> list[KeyVersion]:
        return [version_of(row) for row in rows]

    return _page(connection, query, where, shown, "KeyVersions.KeyVersion")


def alias_page(
    stored: StoredKeys,
    where: Where,
    key_id: str | None,
    within: Selection | None = None,
) -> Page[Alias]:
    """List aliases by name: all, those of one key, or those of some keys."""
    connection = stored.connection
    query = sa.select(aliases).order_by(aliases.c.alias_name)
    if key_id is not None:
        query = query.where(aliases.c.key_id == key_id)
    if within is not None:
        dialect = connection.dialect.name
        query = query.where(within.condition(aliases.c.key_id, dialect))

    def shown(rows: Sequence[sa.Row[Any]]) -> list[Alias]:
        return of_shown_keys(stored, [_alias_of(row) for row in rows], within)

    return _page(connection, query, where, shown, "Aliases.Alias")


def of_shown_keys(
    stored: StoredKeys, items: Sequence[Labelled], within: Selection | None
) -> list[Labelled]:
    """Those aliases or tags whose keys may be shown, by what is authentic of each.

    Nothing of a key that is not as it was left. An alias or tag of a key that is gone
    is for whoever may see all.
    """
    named = keys.c.key_id.in_({item.key_id for item in items})
    rows = stored.connection.execute(sa.select(keys).where(named)).all()
    shown = {
        key.key_id: key.fault is None and _is_shown(key, within)
        for key in stored.checked(rows)
    }
    return [item for item in items if shown.get(item.key_id, within is None)]


def _is_shown(key: StoredKey, within: Selection | None) -> bool:
    """Whether a key may be shown: the database picked it by rows that anybody wrote."""
    return within is None or within.fits(key.key_id, key.aliases, key.tags)


def _page(
    connection: sa.Connection,
    query: sa.Select[Any],
    where: Where,
    items_of: Callable[[Sequence[sa.Row[Any]]], list[Item]],
    wire_path: str,
) -> Page[Item]:
    number, size = where
    counting = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    total = connection.execute(counting).scalar_one()
    rows = connection.execute(query.limit(size).offset((number - 1) * size)).all()
    return Page(tuple(items_of(rows)), number, size, total, wire_path)


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
