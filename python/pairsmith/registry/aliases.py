"""Aliases: second names of keys, each bound to exactly one."""

import sqlalchemy as sa

from pairsmith.errors import AliasAlreadyExists, AliasNotFound
from pairsmith.registry.changing import Change
from pairsmith.registry.schema import aliases
from pairsmith.registry.states import Operation


def create(change: Change, alias_name: str, key: str) -> None:
    """Bind a new alias.

    Raises:
        AliasAlreadyExists: Some key has it already.
    """
    found = change.key(key, Operation.CREATE_ALIAS)
    if _bearer(change.connection, alias_name) is not None:
        raise AliasAlreadyExists(
            f"{alias_name} exists already: update_alias binds it to another key."
        )
    change.connection.execute(
        sa.insert(aliases).values(alias_name=alias_name, key_id=found.key_id)
    )
    change.note(alias_name=alias_name)


def update(change: Change, alias_name: str, key: str) -> None:
    """Bind an alias to another key; only that key's state matters.

    Raises:
        KeyUnavailable: One of both keys is not as it was authenticated.
        PairsmithError: One of both is not permitted.
    """
    found = change.key(key, Operation.UPDATE_ALIAS)
    before = _take_from(change, alias_name)
    change.connection.execute(
        sa.update(aliases)
        .where(aliases.c.alias_name == alias_name)
        .values(key_id=found.key_id)
    )
    change.note(alias_name=alias_name, previous_key_id=before)


def delete(change: Change, alias_name: str) -> None:
    """Forget an alias; its key stays.

    Raises:
        KeyUnavailable: Its key is not as it was authenticated.
        PairsmithError: Its key is not permitted.
    """
    _take_from(change, alias_name)
    change.connection.execute(
        sa.delete(aliases).where(aliases.c.alias_name == alias_name)
    )
    change.note(alias_name=alias_name)


def _take_from(change: Change, alias_name: str) -> str:
    """Change the key that loses an alias, and give its id; the key may be gone."""
    try:
        return change.key(alias_name).key_id
    except AliasNotFound:
        bearer = _bearer(change.connection, alias_name)
        if bearer is None:
            raise
        return bearer


def _bearer(connection: sa.Connection, alias_name: str) -> str | None:
    query = sa.select(aliases.c.key_id).where(aliases.c.alias_name == alias_name)
    return connection.execute(query).scalar()
