"""Rows written by somebody without a root key: that key is unavailable, alone."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
import tampering

from pairsmith.errors import DatabaseError, KeyNotFound, KeyUnavailable, PairsmithError
from pairsmith.registry import Registry, cache, schema
from pairsmith.registry.revisions import page_of
from places import Place

FORGED: dict[sa.Column[Any], object] = {
    schema.keys.c.sequence: 1_000_000,
    schema.keys.c.created_at_ms: 1,
    schema.keys.c.key_state: "Disabled",
    schema.keys.c.key_spec: "Aliyun_AES_128",
    schema.keys.c.key_usage: "SIGN/VERIFY",
    schema.keys.c.origin: "EXTERNAL",
    schema.keys.c.protection_level: "HSM",
    schema.keys.c.description: "another",
    schema.keys.c.creator: "somebody else",
    schema.keys.c.initial_version_id: "",
    schema.keys.c.primary_version_id: "",
    schema.keys.c.rotation_interval_ms: 1,
    schema.keys.c.last_rotation_at_ms: 1,
    schema.keys.c.delete_at_ms: 1,
    schema.keys.c.deletion_protection: True,
    schema.keys.c.deletion_protection_description: "another",
    schema.keys.c.revision: 1,
    schema.keys.c.contents: "{}",
    schema.keys.c.contents_mac: bytes(32),
    schema.aliases.c.alias_name: "alias/another",
    schema.tags.c.tag_key: "Another",
    schema.tags.c.tag_value: "another",
    schema.key_versions.c.sequence: 2_000_000,
    schema.key_versions.c.created_at_ms: 1,
    schema.key_versions.c.retired_at_ms: 1,
    schema.key_versions.c.root_key_id: "0" * 16,
    schema.key_versions.c.wrapped: bytes(93),
}
"""Columns of a key, and a value that each could have."""


@pytest.fixture(autouse=True)
def _no_belief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "POLL_SECONDS", 0.0)


@dataclass
class Two:
    """A registry with two keys that have everything that a key has."""

    place: Place
    registry: Registry
    key: str
    other: str

    def refused(self, match: str = "") -> str:
        """The key is unavailable in every way, and the other key is not."""
        for use in (
            lambda: self.registry.resolve(self.key, primary=True),
            lambda: self.registry.resolve(self.key, primary=False),
        ):
            with pytest.raises(KeyUnavailable, match=self.key) as caught:
                use()
        assert match in str(caught.value)
        assert self.registry.describe_key(self.key).key_state == "Unavailable"
        listed = {each.key_id: each for each in self.registry.list_keys().items}
        assert listed[self.key].key_state == "Unavailable"
        self.other_fits()
        assert set(tampering.inspect(self.registry).faults) == {self.key}
        return str(caught.value)

    def other_fits(self) -> None:
        """The other key is used and changed."""
        assert self.registry.resolve(self.other, primary=True).key_id == self.other
        assert self.registry.resolve("alias/other", primary=False).key_id == self.other
        self.registry.update_key_description(self.other, "changed")
        assert self.registry.describe_key(self.other).key_state == "Enabled"


@pytest.fixture
def two(place: Place) -> Two:
    """Give a registry with two keys, on pages of revisions of their own."""
    registry = place.open()
    key = registry.create_key("key", tags={"Name": "key"}).key_id
    page = page_of(f"key/{key}")
    ids = (f"key-{number:021}" for number in count(1))
    other = next(each for each in ids if page_of(f"key/{each}") != page)
    registry.create_key("other", tags={"Name": "other"}, key_id=other)
    registry.create_alias("alias/key", key)
    registry.create_alias("alias/other", other)
    return Two(place, registry, key, other)


@pytest.mark.parametrize("column", FORGED, ids=str)
def test_each_column_is_authenticated(two: Two, column: sa.Column[Any]) -> None:
    """SQL on any column of a key makes that key unavailable, and is named."""
    tampering.relax(two.place)
    tampering.write(two.place, column, FORGED[column], two.key)
    material = column in (
        schema.key_versions.c.wrapped,
        schema.key_versions.c.root_key_id,
    )
    if not material:
        two.refused()
        return
    with pytest.raises(KeyUnavailable, match=f"{two.key}-"):
        two.registry.resolve(two.key, primary=True)
    two.other_fits()
    assert set(tampering.inspect(two.registry).faults) == {two.key}


@pytest.mark.parametrize(
    "table", [schema.keys, schema.aliases, schema.tags, schema.key_versions], ids=str
)
def test_a_row_that_names_another_key(two: Two, table: sa.Table) -> None:
    """A row taken from one key is missed there, and gives no other key anything."""
    tampering.relax(two.place)
    stranger = "key-" + "0" * 21
    tampering.write(two.place, table.c.key_id, stranger, two.key)
    if table is schema.keys:
        with pytest.raises(KeyNotFound):
            two.registry.resolve(two.key, primary=True)
        found = tampering.inspect(two.registry)
        assert found.missing == (f"key/{two.key}",)
        assert set(found.faults) == {stranger}
        with pytest.raises(KeyUnavailable, match="removed"):
            two.registry.create_key(key_id=two.key)
        two.other_fits()
        return
    two.refused()


def test_an_alias_that_was_moved(two: Two) -> None:
    """It leads to neither key; both are shut."""
    two.place.execute(
        "UPDATE aliases SET key_id = :o WHERE alias_name = 'alias/key'", o=two.other
    )
    for name in (two.key, two.other, "alias/key", "alias/other"):
        with pytest.raises(KeyUnavailable, match="alias/key"):
            two.registry.resolve(name, primary=True)
    assert set(tampering.inspect(two.registry).faults) == {two.key, two.other}


@pytest.mark.parametrize("table", ["aliases", "tags"])
def test_a_row_that_was_removed(two: Two, table: str) -> None:
    """What somebody took away is missed."""
    two.place.execute(f"DELETE FROM {table} WHERE key_id = :k", k=two.key)  # noqa: S608
    two.refused(table)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO aliases VALUES ('alias/new', :k)",
        "INSERT INTO tags VALUES (:k, 'Team', 'edge')",
        """INSERT INTO key_versions SELECT :k || '-aaaaaaaaaa', key_id, 1000000,
        created_at_ms, root_key_id, wrapped, NULL
        FROM key_versions WHERE key_id = :k""",
    ],
)
def test_a_row_that_was_added(two: Two, statement: str) -> None:
    """What nobody with a root key has written does not count."""
    two.place.execute(statement, k=two.key)
    two.refused()


def test_initial_version_of_another_key(two: Two) -> None:
    """Rights on one key do not open what is under another by pointing there."""
    tampering.relax(two.place)
    version = two.registry.describe_key(two.other).initial_key_version
    for column in ("initial_version_id", "primary_version_id"):
        two.place.execute(
            f"UPDATE keys SET {column} = :v WHERE key_id = :k",  # noqa: S608
            v=version,
            k=two.key,
        )
    two.refused("initial_version_id, primary_version_id")


def test_swapped_rows_of_keys(two: Two) -> None:
    """What authenticates one key does not authenticate another."""
    rows = {
        key: tampering.rows_of(two.place, key)[schema.keys][0]
        for key in (two.key, two.other)
    }
    for key, source in ((two.key, two.other), (two.other, two.key)):
        for name in ("contents", "contents_mac", "revision"):
            column = schema.keys.c[name]
            tampering.write(two.place, column, rows[source][name], key)
    for key in (two.key, two.other):
        with pytest.raises(KeyUnavailable, match=key):
            two.registry.resolve(key, primary=True)


CHANGES: dict[str, Callable[[Registry, str, str], object]] = {
    "rotate": lambda registry, key, _other: registry.create_key_version(key),
    "disable": lambda registry, key, _other: registry.disable_key(key),
    "tag": lambda registry, key, _other: registry.tag_key(key, {"Team": "edge"}),
    "untag": lambda registry, key, _other: registry.untag_key(key, ["Name"]),
    "describe": lambda registry, key, _other: registry.update_key_description(key, "x"),
    "new alias": lambda registry, key, _other: registry.create_alias("alias/2", key),
    "moved alias": lambda registry, _key, other: registry.update_alias(
        "alias/key", other
    ),
    "no alias": lambda registry, _key, _other: registry.delete_alias("alias/key"),
    "retire": lambda registry, key, _other: _retire_one(registry, key),
    "schedule": lambda registry, key, _other: registry.schedule_key_deletion(key, 7),
    "policy": lambda registry, key, _other: registry.update_rotation_policy(
        key, enabled=True, rotation_interval="30d"
    ),
    "protect": lambda registry, key, _other: registry.set_deletion_protection(
        key, enabled=True
    ),
    "nothing new": lambda registry, key, _other: registry.enable_key(key),
}
"""Changes that somebody might want undone."""


def _retire_one(registry: Registry, key: str) -> None:
    version = registry.list_key_versions(key).items[1].key_version_id
    registry.retire_key_version(key, version)


@pytest.mark.parametrize("name", CHANGES)
def test_an_older_state_is_not_believed(two: Two, name: str) -> None:
    """All rows of a key as they once were, authentic as they are, come too late."""
    two.registry.create_key_version(two.key)
    two.registry.create_key_version(two.key)
    before = tampering.rows_of(two.place, two.key)
    CHANGES[name](two.registry, two.key, two.other)
    after = tampering.rows_of(two.place, two.key)
    tampering.put_back(two.place, two.key, before)
    for primary in (True, False):
        with pytest.raises(KeyUnavailable, match=two.key):
            two.registry.resolve(two.key, primary=primary)
    assert two.key in tampering.inspect(two.registry).faults
    if name == "moved alias":
        return  # the other key misses it as well
    two.refused("older state")
    with pytest.raises(KeyUnavailable, match="cannot be repaired"):
        two.registry.repair_key(two.key)
    tampering.put_back(two.place, two.key, after)
    assert tampering.inspect(two.registry).faults == {}


def test_a_destroyed_key_stays_destroyed(two: Two) -> None:
    """Rows of a key that was destroyed open nothing when they are put back."""
    before = tampering.rows_of(two.place, two.key)
    version = two.registry.describe_key(two.key).primary_key_version
    two.registry.schedule_key_deletion(two.key, 7)
    scheduled = tampering.rows_of(two.place, two.key)
    two.place.clock.advance(days=8)
    assert two.registry.run_maintenance().destroyed == (two.key,)
    for rows in (before, scheduled):
        tampering.put_back(two.place, two.key, rows)
        two.refused("destroyed")
        with pytest.raises(KeyUnavailable):
            two.registry.resolve_version(version)


def test_pages_that_are_put_back(two: Two) -> None:
    """An older page of revisions shuts its own keys, and brings no key back."""
    old, rows = tampering.pages(two.place), tampering.rows_of(two.place, two.key)
    two.registry.disable_key(two.key)
    page = page_of(f"key/{two.key}")
    tampering.put_back(two.place, two.key, rows)
    tampering.put_pages_back(two.place, old, wanted={page})
    with pytest.raises(KeyUnavailable, match="revision_pages"):
        two.registry.resolve(two.key, primary=True)
    found = tampering.inspect(two.registry)
    assert found.damaged_pages == (page,)
    assert two.key in found.faults
    two.other_fits()


def test_page_0_that_is_put_back(two: Two) -> None:
    """With it one key could go back to what it was; the change log has gone on."""
    old, rows = tampering.pages(two.place), tampering.rows_of(two.place, two.key)
    two.registry.disable_key(two.key)
    tampering.put_back(two.place, two.key, rows)
    tampering.put_pages_back(two.place, old, wanted={0, page_of(f"key/{two.key}")})
    for attempt in (
        lambda: two.registry.resolve(two.key, primary=True),
        lambda: two.registry.describe_key(two.key),
        lambda: two.registry.enable_key(two.key),
    ):
        with pytest.raises(DatabaseError, match="older than the change log"):
            attempt()


@pytest.mark.parametrize("column", ["entries", "mac"])
def test_a_page_that_was_written(two: Two, column: str) -> None:
    """A page that does not verify shuts the keys that stand there, and no others."""
    page = page_of(f"key/{two.key}")
    value: object = b"x" * 32 if column == "mac" else "{}"
    two.place.execute(
        f"UPDATE revision_pages SET {column} = :v WHERE page = :p",  # noqa: S608
        v=value,
        p=page,
    )
    for use in (
        lambda: two.registry.resolve(two.key, primary=True),
        lambda: two.registry.disable_key(two.key),
    ):
        with pytest.raises(KeyUnavailable, match=f"Page {page}"):
            use()
    two.other_fits()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM revision_pages WHERE page = 0",
        "DELETE FROM revision_pages",
        "UPDATE revision_pages SET entries = '{}' WHERE page = 0",
        """UPDATE revision_pages SET mac = (SELECT mac FROM revision_pages
        WHERE page > 0 LIMIT 1) WHERE page = 0""",
        "UPDATE key_versions SET key_id = 'nobody' WHERE key_id = 'pairsmith-server'",
        "DELETE FROM key_versions WHERE key_id = 'pairsmith-server'",
        """UPDATE key_versions SET key_version_id = 'short'
        WHERE key_id = 'pairsmith-server'""",
        """UPDATE key_versions
        SET key_version_id = 'pairsmith-server-000000000000000000ä'
        WHERE key_id = 'pairsmith-server'""",
    ],
)
def test_without_what_everything_hangs_on(two: Two, statement: str) -> None:
    """Nothing is believed, read or written, and the error says what is gone."""
    two.place.execute(statement)
    for use in (
        lambda: two.registry.resolve(two.key, primary=True),
        lambda: two.registry.describe_key(two.key),
        two.registry.list_keys,
        two.registry.create_key,
        two.registry.check,
        lambda: two.registry.disable_key(two.key),
    ):
        with pytest.raises(DatabaseError, match="restore a backup") as caught:
            use()
        assert not caught.value.retryable


def test_pages_before_the_first_write(place: Place) -> None:
    """Who fills an empty database with rows of their own gives it no keys."""
    registry = place.open()
    assert registry.list_keys().total_count == 0
    with pytest.raises(KeyNotFound):
        registry.resolve("key-" + "a" * 21, primary=True)
    place.execute("INSERT INTO revision_pages VALUES (0, '{}', :m)", m=bytes(32))
    with pytest.raises(DatabaseError):
        registry.create_key()


def test_revisions_are_never_used_again(two: Two) -> None:
    """A change counter that is set back lets no older state be the newest again."""
    before = tampering.rows_of(two.place, two.key)
    (revision,) = [row["revision"] for row in before[schema.keys]]
    two.registry.disable_key(two.key)
    two.place.execute("UPDATE registry SET change_counter = :c", c=revision - 1)
    two.registry.enable_key(two.key)
    (now,) = tampering.rows_of(two.place, two.key)[schema.keys]
    assert now["revision"] > revision
    tampering.put_back(two.place, two.key, before)
    two.refused("older state")


WRITES: dict[str, Callable[[Registry, str], object]] = {
    "update_key_description": lambda r, key: r.update_key_description(key, "x"),
    "enable_key": lambda r, key: r.enable_key(key),
    "disable_key": lambda r, key: r.disable_key(key),
    "schedule_key_deletion": lambda r, key: r.schedule_key_deletion(key, 7),
    "cancel_key_deletion": lambda r, key: r.cancel_key_deletion(key),
    "set_deletion_protection": lambda r, key: r.set_deletion_protection(
        key, enabled=True
    ),
    "tag_key": lambda r, key: r.tag_key(key, {"a": "b"}),
    "untag_key": lambda r, key: r.untag_key(key, ["Team"]),
    "tag_keys": lambda r, key: r.tag_keys([key], {"a": "b"}),
    "untag_keys": lambda r, key: r.untag_keys([key], None),
    "create_alias": lambda r, key: r.create_alias("alias/new", key),
    "update_alias to it": lambda r, key: r.update_alias("alias/other", key),
    "delete_alias": lambda r, _key: r.delete_alias("alias/key"),
    "create_key_version": lambda r, key: r.create_key_version(key),
    "retire_key_version": lambda r, key: r.retire_key_version(
        key, r.describe_key(key).initial_key_version
    ),
    "restore_key_version": lambda r, key: r.restore_key_version(
        key, r.describe_key(key).initial_key_version
    ),
    "update_rotation_policy": lambda r, key: r.update_rotation_policy(
        key, enabled=False
    ),
}
"""Every operation that changes a key."""


@pytest.mark.parametrize("name", WRITES)
def test_no_change_makes_it_authentic(two: Two, name: str) -> None:
    """No operation changes a key that does not fit: none takes over a forgery."""
    two.place.execute("INSERT INTO tags VALUES (:k, 'Team', 'edge')", k=two.key)
    with pytest.raises(KeyUnavailable, match="tags Team"):
        WRITES[name](two.registry, two.key)
    two.refused("tags Team")


def test_an_alias_does_not_leave_a_key_that_does_not_fit(two: Two) -> None:
    """To move it would authenticate both keys as they are."""
    two.place.execute("INSERT INTO tags VALUES (:k, 'Team', 'edge')", k=two.key)
    with pytest.raises(KeyUnavailable, match=two.key):
        two.registry.update_alias("alias/key", two.other)
    two.refused("tags Team")


def test_an_alias_of_nobody_is_bound_and_removed(two: Two) -> None:
    """Rows that name no key keep no alias from its use."""
    tampering.relax(two.place)
    for alias in ("alias/a", "alias/b"):
        two.place.execute("INSERT INTO aliases VALUES (:a, 'key-gone')", a=alias)
    two.registry.update_alias("alias/a", two.key)
    two.registry.delete_alias("alias/b")
    assert two.registry.resolve("alias/a", primary=True).key_id == two.key
    assert [each.alias_name for each in two.registry.list_aliases().items] == [
        "alias/a",
        "alias/key",
        "alias/other",
    ]
    assert tampering.inspect(two.registry).faults == {}


def test_nothing_is_done_by_itself(two: Two) -> None:
    """A key that does not fit neither rotates nor is destroyed; the others are."""
    registry, place = two.registry, two.place
    keys = [two.key, two.other]
    for key in keys:
        registry.update_rotation_policy(key, enabled=True, rotation_interval="30d")
    place.execute(
        "UPDATE keys SET rotation_interval_ms = 1 WHERE key_id = :k", k=two.key
    )
    place.clock.advance(days=31)
    assert registry.run_maintenance().rotated == (two.other,)
    registry.repair_key(two.key)
    for key in keys:
        registry.schedule_key_deletion(key, 7)
    place.execute("UPDATE keys SET delete_at_ms = 1 WHERE key_id = :k", k=two.key)
    place.clock.advance(days=8)
    assert registry.run_maintenance().destroyed == (two.other,)
    registry.repair_key(two.key)
    assert registry.run_maintenance().destroyed == (two.key,)


def test_honest_changes_of_others_are_no_damage(two: Two) -> None:
    """What another process writes, with the root key, is believed at once."""
    elsewhere = two.place.open()
    for change in (
        lambda: elsewhere.create_key_version(two.key),
        lambda: elsewhere.tag_key(two.key, {"Team": "edge"}),
        lambda: elsewhere.update_alias("alias/key", two.other),
        elsewhere.create_key,
        lambda: elsewhere.disable_key(two.other),
    ):
        assert two.registry.resolve(two.key, primary=True)
        change()
        assert two.registry.resolve(two.key, primary=True)
    assert tampering.inspect(two.registry).faults == {}


def test_it_is_logged(two: Two, caplog: pytest.LogCaptureFixture) -> None:
    """A warning names the key and what differs, and no value of it."""
    two.place.execute(
        "UPDATE keys SET description = 'sensitive' WHERE key_id = :k", k=two.key
    )
    with pytest.raises(KeyUnavailable):
        two.registry.resolve("alias/key", primary=True)
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert two.key in record.getMessage()
    assert "description" in record.getMessage()
    assert "sensitive" not in record.getMessage()


def test_a_whole_database_that_was_put_back(
    two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    """It is believed, as a backup has to be; a process that knew better says so."""
    tables = [*schema.metadata.sorted_tables]
    with two.place._engine.begin() as connection:
        old = {t: connection.execute(sa.select(t)).mappings().all() for t in tables}
    two.registry.disable_key(two.key)
    two.registry.describe_key(two.key)
    with two.place._engine.begin() as connection:
        for table in reversed(tables):
            connection.execute(sa.delete(table))
        for table in tables:
            if old[table]:
                connection.execute(sa.insert(table), [dict(row) for row in old[table]])
    assert two.registry.resolve(two.key, primary=True)
    assert "older than it was" in caplog.text


def test_errors_are_documented_ones(two: Two) -> None:
    """Whatever a row says, the error is one of Pairsmith's."""
    two.place.execute("UPDATE keys SET contents = NULL, contents_mac = NULL")
    for use in (
        lambda: two.registry.resolve(two.key, primary=True),
        lambda: two.registry.repair_key(two.key),
        lambda: two.registry.disable_key(two.key),
    ):
        with pytest.raises(PairsmithError) as caught:
            use()
        assert caught.value.code == "Rejected.Unavailable"
