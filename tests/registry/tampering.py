"""What somebody does who can write the database but has no root key."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from pairsmith.registry import Registry, schema
from pairsmith.registry.inspection import Inspection
from pairsmith.registry.inspection import inspect as inspect_rows
from places import Place

OF_A_KEY = (schema.key_versions, schema.keys, schema.aliases, schema.tags)
"""Tables with rows of a key, in the order in which they can be written."""

Rows = Mapping[sa.Table, list[Any]]


def rows_of(place: Place, key: str) -> Rows:
    """Copy every row of a key, with whatever authenticates it."""
    with place._engine.begin() as connection:
        return {
            table: [
                row._asdict()
                for row in connection.execute(
                    sa.select(table).where(table.c.key_id == key)
                )
            ]
            for table in OF_A_KEY
        }


def pages(place: Place) -> list[Any]:
    """Copy the pages of revisions."""
    with place._engine.begin() as connection:
        found = connection.execute(sa.select(schema.revision_pages))
        return [row._asdict() for row in found]


def put_back(place: Place, key: str, rows: Rows) -> None:
    """Let a key have exactly the rows it had once."""
    with place._engine.begin() as connection:
        for table in reversed(OF_A_KEY):
            connection.execute(sa.delete(table).where(table.c.key_id == key))
        names = [row["alias_name"] for row in rows[schema.aliases]]
        named = schema.aliases.c.alias_name.in_(names)
        connection.execute(sa.delete(schema.aliases).where(named))
        for table in OF_A_KEY:
            if rows[table]:
                connection.execute(sa.insert(table), rows[table])


def put_pages_back(place: Place, old: list[Any], *, wanted: set[int]) -> None:
    """Let some pages of revisions be what they were once."""
    table = schema.revision_pages
    with place._engine.begin() as connection:
        connection.execute(sa.delete(table).where(table.c.page.in_(wanted)))
        for row in old:
            if row["page"] in wanted:
                connection.execute(sa.insert(table), row)


def relax(place: Place) -> None:
    """Take away whatever the database itself would refuse."""
    if place.url.startswith("sqlite"):
        place.relaxed = True
        return
    for table in schema.metadata.tables.values():
        for constraint in table.foreign_key_constraints:
            place.execute(f"ALTER TABLE {table.name} DROP CONSTRAINT {constraint.name}")


def write(place: Place, column: sa.Column[Any], value: object, key: str) -> None:
    """Write one column of every row of a key in that table."""
    table = column.table
    kind = column.type.compile(postgresql.dialect())
    new = f"CAST(:v AS {kind})"
    if place.url.startswith("sqlite"):
        new = ":v"
    statement = f"UPDATE {table} SET {column.name} = {new} WHERE key_id = :k"  # noqa: S608
    place.execute(statement, v=value, k=key)


def inspect(registry: Registry) -> Inspection:
    """Look as doctor does."""
    with registry.access.looking() as connection:
        return inspect_rows(connection, registry.access.ring)
