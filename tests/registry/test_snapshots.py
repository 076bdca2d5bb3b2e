"""What is read in one transaction belongs together, whatever others write meanwhile.

On PostgreSQL. In SQLite a transaction has always seen one moment.
"""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from looking import facts_of
from pairsmith.registry import Registry, contents
from places import Place

CHANGES: dict[str, Callable[[Registry, str], object]] = {
    "tag": lambda registry, key: registry.tag_key(key, {"Team": "edge"}),
    "alias": lambda registry, key: registry.create_alias("alias/new", key),
    "rotation": lambda registry, key: registry.create_key_version(key),
    "state": lambda registry, key: registry.disable_key(key),
    "another key": lambda registry, _key: registry.create_key(),
}

LOOKS: dict[str, Callable[[Registry, str], object]] = {
    "resolve": lambda registry, key: registry.resolve(key, primary=True),
    "describe": lambda registry, key: registry.describe_key(key).key_state.index("d"),
    "list": lambda registry, _key: registry.list_keys().items[0].key_state.index("d"),
    "facts": lambda registry, key: facts_of(registry, key).tags["Name"],
}
"""Each fails for a key that is unavailable."""


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("change", CHANGES)
def test_an_honest_change_in_between_is_no_damage(
    postgresql_place: Place, monkeypatch: pytest.MonkeyPatch, change: str, look: str
) -> None:
    """Somebody commits after the key's row was read, and before what hangs on it."""
    registry, elsewhere = postgresql_place.open(), postgresql_place.open()
    key = registry.create_key(tags={"Name": "x"}).key_id
    read = contents.read
    pending = [lambda: CHANGES[change](elsewhere, key)]

    def interrupted(*arguments: Any) -> Any:
        if pending:
            pending.pop()()
        return read(*arguments)

    monkeypatch.setattr(contents, "read", interrupted)
    assert LOOKS[look](registry, key) is not None
    assert pending == []


def test_an_older_moment_is_no_older_database(
    postgresql_place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """A look that began before a change says nothing when another look knows of it."""
    registry = postgresql_place.open()
    key = registry.create_key().key_id
    with registry.access.looking() as connection:
        connection.execute(sa.text("SELECT 1"))  # from here on it sees this moment
        postgresql_place.open().disable_key(key)
        assert registry.describe_key(key).key_state == "Disabled"
        assert registry.access.revisions(connection) is not None
    assert caplog.messages == []
