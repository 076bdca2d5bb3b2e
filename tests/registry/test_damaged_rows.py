"""Rows of a wrong type or value: their key is unusable, and everything else goes on."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from pairsmith.errors import (
    DatabaseError,
    KeyUnavailable,
    PairsmithError,
    ServiceUnavailable,
)
from pairsmith.registry import Registry, cache, schema
from pairsmith.registry.inspection import inspect
from pairsmith.registry.tags import TagQuery
from pairsmith.server.key_ages import key_version_ages
from places import Place

VALUES = (None, "", "x", "ä" * 5000, b"", b"\xff\x00", -1, 0, 1.5, 1 << 62, -(1 << 63))
"""What no column holds, or only by chance."""

COLUMNS = [
    (table.name, column.name)
    for table in (schema.keys, schema.key_versions, schema.aliases, schema.tags)
    for column in table.columns
]

TYPED = [
    ("keys", "key_state"),
    ("keys", "created_at_ms"),
    ("key_versions", "wrapped"),
    ("aliases", "key_id"),
    ("tags", "tag_value"),
]
"""One column of each type and table: enough of them for every run."""


@pytest.fixture(autouse=True)
def _no_belief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "POLL_SECONDS", 0.0)


def _relax(place: Place) -> None:
    """Let the database take what it would refuse."""
    if place.url.startswith("sqlite"):
        database = sqlite3.connect(place.directory / "kms.db", isolation_level=None)
        with closing(database):
            database.execute("PRAGMA writable_schema = ON")
            database.execute(
                "UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')"
            )
        return
    for table in schema.metadata.tables.values():
        changes = [
            f"DROP CONSTRAINT {constraint.name}"
            for constraint in table.foreign_key_constraints
        ] + [
            f"ALTER {column.name} DROP NOT NULL"
            for column in table.columns
            if not column.primary_key and not column.nullable
        ]
        if changes:
            place.execute(f"ALTER TABLE {table.name} {', '.join(changes)}")


def _damage(place: Place, table: str, column: str, key: str, value: object) -> bool:
    """Write a value; whether the database has taken it."""
    if place.url.startswith("sqlite"):
        database = sqlite3.connect(place.directory / "kms.db", isolation_level=None)
        update = f"UPDATE {table} SET {column} = ? WHERE key_id = ?"  # noqa: S608
        with closing(database):
            try:
                database.execute(update, (value, key))
            except sqlite3.Error:
                return False
        return True
    kind = schema.metadata.tables[table].c[column].type.compile(postgresql.dialect())
    update = f"UPDATE {table} SET {column} = CAST(:v AS {kind}) WHERE key_id = :k"  # noqa: S608
    try:
        place.execute(update, v=value, k=key)
    except sa.exc.SQLAlchemyError:
        return False
    return True


def _key(registry: Registry, alias: str) -> str:
    """A key with everything that a key has."""
    key = registry.create_key("full", tags={"a": "b"}, rotation_interval="30d").key_id
    registry.create_alias(alias, key)
    return key


def _faults(registry: Registry) -> Mapping[str, str]:
    with registry.access.looking() as connection:
        return inspect(connection, registry.access.ring).faults


def _use_all(registry: Registry, broken: dict[str, str], whole: str) -> None:
    """Everything but the broken keys works; with those, errors are Pairsmith's own."""
    for primary in (True, False):
        assert registry.resolve(whole, primary=primary).key_id == whole
        assert registry.resolve("alias/whole", primary=primary).key_id == whole
    shown = registry.list_keys(page_size=100).items
    assert len(shown) == registry.list_keys().total_count
    assert whole in {each.key_id for each in shown}
    for page in (registry.list_aliases(), registry.list_key_versions(whole)):
        assert page.to_dict()["TotalCount"] >= 1
    assert [each.to_dict() for each in shown]
    assert registry.list_tags(whole)
    registry.search_tags(TagQuery())
    registry.check()
    registry.run_maintenance()
    assert sum(key_version_ages(registry).values()) >= 1
    assert whole not in _faults(registry)
    made = registry.create_key().key_id
    registry.create_key_version(made)
    registry.schedule_key_deletion(made, 7)
    for alias, key in broken.items():
        _use_one(registry, alias, key)


def _use_one(registry: Registry, alias: str, key: str) -> None:
    for use in (
        lambda: registry.resolve(key, primary=True),
        lambda: registry.resolve(alias, primary=False),
        lambda: registry.describe_key(key),
        lambda: registry.list_key_versions(key),
        lambda: registry.list_tags(key),
        lambda: registry.create_key_version(key),
    ):
        try:
            use()
        except PairsmithError as error:
            assert not isinstance(error, ServiceUnavailable)  # noqa: PT017 -- or none


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_any_value_in_any_column(sqlite_place: Place, table: str, column: str) -> None:
    """Whatever stands in a row of a key, other keys, lists and sweeps go on."""
    _survive(sqlite_place, table, column)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        each if each in TYPED else pytest.param(*each, marks=pytest.mark.slow)
        for each in COLUMNS
    ],
)
def test_any_value_that_fits(postgresql_place: Place, table: str, column: str) -> None:
    """The same where the database minds the types."""
    _survive(postgresql_place, table, column)


def _survive(place: Place, table: str, column: str) -> None:
    registry = place.open()
    whole = _key(registry, "alias/whole")
    keys = {f"alias/{n}": _key(registry, f"alias/{n}") for n in range(len(VALUES))}
    _relax(place)
    broken = {
        alias: key
        for (alias, key), value in zip(keys.items(), VALUES, strict=True)
        if _damage(place, table, column, key, value)
    }
    assert broken
    _use_all(registry, broken, whole)
    place.clock.advance(days=31)  # rotations and deletions come due
    registry.run_maintenance()
    _use_all(registry, broken, whole)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("created_at_ms", 253_402_300_800_000),
        ("last_rotation_at_ms", 1 << 61),
        ("key_state", "Sleeping"),
        ("rotation_interval_ms", -5),
        ("origin", "elsewhere"),
        ("delete_at_ms", 5),
    ],
)
def test_damaged_key_says_so(place: Place, column: str, value: object) -> None:
    """It is Unavailable, is listed as that, and cannot be used, and is put right."""
    registry = place.open()
    broken = _key(registry, "alias/broken")
    registry.create_key()
    ((before,),) = place.execute(
        f"SELECT {column} FROM keys WHERE key_id = :k",  # noqa: S608
        k=broken,
    )
    update = f"UPDATE keys SET {column} = :v WHERE key_id = :k"  # noqa: S608
    place.execute(update, v=value, k=broken)
    with pytest.raises(KeyUnavailable, match="backup") as caught:
        registry.resolve(broken, primary=True)
    assert caught.value.code == "Rejected.Unavailable"
    states = [each.key_state for each in registry.list_keys().items]
    assert states == ["Unavailable", "Enabled"]
    assert list(_faults(registry)) == [broken]
    place.execute(update, v=before, k=broken)
    assert registry.resolve(broken, primary=True)


def test_nonsense_destroys_nothing(place: Place) -> None:
    """A damaged key that waits for its deletion is kept, whatever date it has."""
    registry = place.open()
    broken, whole = (_key(registry, f"alias/{name}") for name in "ab")
    for key in (broken, whole):
        registry.schedule_key_deletion(key, 7)
    place.execute("UPDATE keys SET delete_at_ms = -1 WHERE key_id = :k", k=broken)
    place.clock.advance(days=8)
    assert registry.run_maintenance().destroyed == (whole,)
    assert [each.key_id for each in registry.list_keys().items] == [broken]


def test_key_that_cannot_be_destroyed(place: Place) -> None:
    """Rows that refer to a key keep it, and keep no other key or operation."""
    registry = place.open()
    stuck, due, whole = (registry.create_key().key_id for _ in range(3))
    version = registry.describe_key(stuck).primary_key_version
    place.execute(
        "INSERT INTO service_secrets VALUES ('x', :v, :b, :b)", v=version, b=b"x"
    )
    for key in (stuck, due):
        registry.schedule_key_deletion(key, 7)
    place.clock.advance(days=8)
    assert registry.run_maintenance().destroyed == (due,)
    generation = registry.access.cache.generation
    assert registry.resolve(whole, primary=True)
    assert registry.list_keys().total_count == 2
    assert registry.access.cache.generation == generation  # not tried at every use
    place.execute("DELETE FROM service_secrets")
    assert registry.run_maintenance().destroyed == (stuck,)


@pytest.mark.parametrize("ahead", [1, 2, 1000])
def test_place_that_is_taken(place: Place, ahead: int) -> None:
    """A row whose place in the order lies ahead keeps no other from being written."""
    registry = place.open()
    first = registry.create_key()
    place.execute("UPDATE keys SET sequence = sequence + :n", n=ahead)
    place.execute(
        "UPDATE key_versions SET sequence = sequence + :n WHERE key_id = :k",
        n=ahead,
        k=first.key_id,
    )
    made = [registry.create_key().key_id for _ in range(3)]
    shown = {each.key_id for each in registry.list_keys().items}
    assert shown == {first.key_id, *made}


def test_counter_that_went_back(place: Place) -> None:
    """A counter set back, or that has come as far again, hides no change."""
    registry = place.open()
    keys = [registry.create_key().key_id for _ in range(4)]
    for counter in ("1", "change_counter"):
        assert registry.resolve(keys[0], primary=True)
        place.execute("UPDATE keys SET key_state = 'Disabled'")
        place.execute(f"UPDATE registry SET change_counter = {counter}")  # noqa: S608
        with pytest.raises(KeyUnavailable, match="key_state"):
            registry.resolve(keys[0], primary=True)
        place.execute("UPDATE keys SET key_state = 'Enabled'")
        keys.append(registry.create_key().key_id)
    assert {each.key_id for each in registry.list_keys().items} == set(keys)


def _damaged_registries() -> Iterator[tuple[str, object]]:
    for value in (-1, 1 << 62, "x", b"x", 1.5):
        yield "change_counter", value
    for value in ("x", b"x"):
        yield "root_key_id", value


@pytest.mark.parametrize(("column", "value"), list(_damaged_registries()))
def test_registry_row(sqlite_place: Place, column: str, value: object) -> None:
    """Without its one row nothing works, says so, and writes nothing."""
    registry = sqlite_place.open()
    key = registry.create_key().key_id
    ((before,),) = sqlite_place.execute(f"SELECT {column} FROM registry")  # noqa: S608
    update = f"UPDATE registry SET {column} = :v"  # noqa: S608
    sqlite_place.execute(update, v=value)
    for use in (
        lambda: registry.resolve(key, primary=True),
        lambda: registry.disable_key(key),
        registry.create_key,
        registry.check,
    ):
        with pytest.raises(ServiceUnavailable) as caught:
            use()
        assert not caught.value.retryable
    sqlite_place.execute(update, v=before)
    assert registry.describe_key(key).key_state == "Enabled"
    assert registry.list_keys().total_count == 1


def test_registry_row_that_is_gone(place: Place) -> None:
    """A registry without its row is damaged, not empty."""
    registry = place.open()
    key = registry.create_key().key_id
    place.execute("DELETE FROM registry")
    for use in (lambda: registry.resolve(key, primary=True), registry.create_key):
        with pytest.raises(DatabaseError, match="table registry is missing or damaged"):
            use()
