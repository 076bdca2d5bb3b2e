"""Repair: what was done to a key's rows is undone, as far as anybody can."""

import pytest
import sqlalchemy as sa
import tampering
from test_authenticity import FORGED, Two, two  # noqa: F401 -- a fixture

from pairsmith.errors import AliasNotFound, KeyNotFound, KeyUnavailable
from pairsmith.registry import cache, schema

# ruff: noqa: F811 -- the fixture is named as an argument


@pytest.fixture(autouse=True)
def _no_belief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "POLL_SECONDS", 0.0)


UNREPAIRABLE = {
    schema.keys.c.contents_mac,  # nothing else authenticates
    schema.key_versions.c.wrapped,  # there is no other copy
}


@pytest.mark.parametrize(
    "column", [column for column in FORGED if column not in UNREPAIRABLE], ids=str
)
def test_each_column_is_put_back(two: Two, column: sa.Column[object]) -> None:
    """Every row is as it was before, and nothing else has changed."""
    two.registry.create_key_version(two.key)
    before = tampering.rows_of(two.place, two.key)
    tampering.relax(two.place)
    if column.table is schema.key_versions and column.unique:
        two.place.execute("DELETE FROM key_versions WHERE key_id = 'nobody'")
        _write_one_version(two, column, FORGED[column])
    else:
        tampering.write(two.place, column, FORGED[column], two.key)
    report = two.registry.repair_key(two.key)
    assert report.lost_versions == report.lost_aliases == ()
    assert _sorted(tampering.rows_of(two.place, two.key)) == _sorted(before)
    assert two.registry.resolve(two.key, primary=True).key_id == two.key
    assert tampering.inspect(two.registry).faults == {}


def _write_one_version(two: Two, column: sa.Column[object], value: object) -> None:
    version = two.registry.describe_key(two.key).primary_key_version
    two.place.execute(
        f"UPDATE key_versions SET {column.name} = :v WHERE key_version_id = :k",  # noqa: S608
        v=value,
        k=version,
    )


def _sorted(rows: tampering.Rows) -> dict[str, list[str]]:
    return {table.name: sorted(map(repr, each)) for table, each in rows.items()}


def test_one_that_fits_stays_as_it_is(two: Two) -> None:
    """A repair of what is whole changes nothing and says so."""
    before = tampering.rows_of(two.place, two.key)
    assert two.registry.repair_key(two.key).fault == ""
    assert _sorted(tampering.rows_of(two.place, two.key)) == _sorted(before)


def test_rows_that_were_removed_and_added(two: Two) -> None:
    """Aliases and tags come back; those that somebody else has put there go."""
    for table in ("aliases", "tags"):
        two.place.execute(f"DELETE FROM {table} WHERE key_id = :k", k=two.key)  # noqa: S608
    two.place.execute("INSERT INTO aliases VALUES ('alias/new', :k)", k=two.key)
    two.place.execute("INSERT INTO tags VALUES (:k, 'Team', 'edge')", k=two.key)
    report = two.registry.repair_key(two.key)
    assert report.fault == (
        "what differs: aliases alias/key, aliases alias/new, tags Name, tags Team"
    )
    assert two.registry.resolve("alias/key", primary=True).key_id == two.key
    assert [tag.tag_key for tag in two.registry.list_tags(two.key)] == ["Name"]
    with pytest.raises(KeyNotFound):
        two.registry.resolve("alias/new", primary=True)


@pytest.mark.parametrize("first", ["key", "other"])
def test_a_moved_alias_comes_home(two: Two, first: str) -> None:
    """Both keys fit again, whichever is repaired first."""
    two.place.execute(
        "UPDATE aliases SET key_id = :o WHERE alias_name = 'alias/key'", o=two.other
    )
    keys = [two.key, two.other] if first == "key" else [two.other, two.key]
    for key in keys:
        two.registry.repair_key(key)
    assert two.registry.resolve("alias/key", primary=True).key_id == two.key
    assert tampering.inspect(two.registry).faults == {}


def test_an_alias_that_was_given_to_another_key_since(two: Two) -> None:
    """It stays where somebody honest has bound it; the repair tells so."""
    two.place.execute("DELETE FROM aliases WHERE alias_name = 'alias/key'")
    two.registry.create_alias("alias/key", two.other)
    report = two.registry.repair_key(two.key)
    assert report.lost_aliases == ("alias/key",)
    assert two.registry.resolve("alias/key", primary=True).key_id == two.other
    assert two.registry.resolve(two.key, primary=True).key_id == two.key
    assert two.registry.list_aliases_by_key_id(two.key).total_count == 0
    two.registry.delete_alias("alias/key")
    with pytest.raises(AliasNotFound):
        two.registry.delete_alias("alias/key")


def test_versions_that_were_swapped(two: Two) -> None:
    """Versions go back to their own keys and places."""
    tampering.relax(two.place)
    found = two.place.execute(
        "SELECT key_version_id, key_id FROM key_versions "
        "WHERE key_id != 'pairsmith-server'"
    )
    for version, key in found:
        other = two.other if key == two.key else two.key
        two.place.execute(
            "UPDATE key_versions SET key_id = :o WHERE key_version_id = :v",
            o=other,
            v=version,
        )
    for key in (two.key, two.other):
        two.registry.repair_key(key)
    assert tampering.inspect(two.registry).faults == {}
    assert two.registry.resolve(two.key, primary=True).key_id == two.key


def test_a_version_under_another_id(two: Two) -> None:
    """Its material tells which version it is."""
    tampering.relax(two.place)
    version = two.registry.describe_key(two.key).primary_key_version
    two.place.execute(
        "UPDATE key_versions SET key_version_id = :n WHERE key_version_id = :v",
        n=f"{two.key}-aaaaaaaaaa",
        v=version,
    )
    two.registry.repair_key(two.key)
    assert two.registry.resolve(two.key, primary=True).key_version_id == version


def test_material_that_is_gone(two: Two) -> None:
    """It does not come back: the report names it, and the key stays unavailable."""
    tampering.relax(two.place)
    version = two.registry.create_key_version(two.key).key_version_id
    rows = tampering.rows_of(two.place, two.key)
    two.place.execute("DELETE FROM key_versions WHERE key_version_id = :v", v=version)
    two.place.execute("UPDATE keys SET description = 'x' WHERE key_id = :k", k=two.key)
    assert two.registry.repair_key(two.key).lost_versions == (version,)
    two.refused(f"what differs: versions {version}")
    tampering.put_back(two.place, two.key, rows)
    assert two.registry.resolve(two.key, primary=True).key_version_id == version


def test_what_cannot_be_repaired(two: Two) -> None:
    """A key whose row or authentication is gone; and one that there never was."""
    tampering.relax(two.place)
    with pytest.raises(KeyNotFound):
        two.registry.repair_key("key-" + "0" * 21)
    tampering.write(two.place, schema.keys.c.contents_mac, bytes(32), two.key)
    with pytest.raises(KeyUnavailable, match="backup"):
        two.registry.repair_key(two.key)
    for table in ("aliases", "tags", "keys"):
        two.place.execute(f"DELETE FROM {table} WHERE key_id = :k", k=two.key)  # noqa: S608
    with pytest.raises(KeyUnavailable, match="row of the table keys is gone"):
        two.registry.repair_key(two.key)
    two.other_fits()


def test_a_repair_that_fails_changes_nothing(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction."""
    place = two.place
    place.execute("DELETE FROM tags WHERE key_id = :k", k=two.key)
    before = tampering.rows_of(place, two.key)

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("pairsmith.registry.repair._restore_aliases", fail)
    with pytest.raises(RuntimeError):
        two.registry.repair_key(two.key)
    assert _sorted(tampering.rows_of(place, two.key)) == _sorted(before)
