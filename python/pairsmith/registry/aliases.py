"""Aliases: second names of keys, each bound to exactly one."""

import sqlalchemy as sa

from pairsmith.errors import AliasAlreadyExists, AliasNotFound
from pairsmith.registry import keys as key_rows
from pairsmith.registry.schema import aliases
from pairsmith.registry.states import Operation


def create(connection: sa.Connection, alias_name: str, key: str) -> None:
    """Bind a new alias.

    Raises:
        AliasAlreadyExists: Some key has it already.
    """
    row = key_rows.find_for(connection, key, Operation.CREATE_ALIAS)
    if _exists(connection, alias_name):
        raise AliasAlreadyExists(
            f"{alias_name} exists already: update_alias binds it to another key."
        )
    connection.execute(
        sa.insert(aliases).values(alias_name=alias_name, key_id=row.key_id)
    )


def update(connection: sa.Connection, alias_name: str, key: str) -> None:
    """Bind an alias to another key; only that key's state matters."""
    row = key_rows.find_for(connection, key, Operation.UPDATE_ALIAS)
    _require(connection, alias_name)
    connection.execute(
        sa.update(aliases)
        .where(aliases.c.alias_name == alias_name)
        .values(key_id=row.key_id)
    )


def delete(connection: sa.Connection, alias_name: str) -> None:
    """Forget an alias; its key stays."""
    _require(connection, alias_name)
    connection.execute(sa.delete(aliases).where(aliases.c.alias_name == alias_name))


def _exists(connection: sa.Connection, alias_name: str) -> bool:
    query = sa.select(aliases.c.key_id).where(aliases.c.alias_name == alias_name)
    return connection.execute(query).first() is not None


def _require(connection: sa.Connection, alias_name: str) -> None:
    if not _exists(connection, alias_name):
        raise AliasNotFound(f"{alias_name} does not exist; list_aliases shows all.")
