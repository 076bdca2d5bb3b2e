"""Every change of the registry leaves a line: who, what, about what; else neither."""

import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from clock import Clock
from pairsmith.errors import (
    AliasAlreadyExists,
    InvalidParameter,
    KeyNotFound,
    LimitExceeded,
    PairsmithError,
    RejectedUnsupportedOperation,
)
from pairsmith.registry import Registry
from pairsmith.registry.actor import Actor, acting
from pairsmith.registry.chain import Head
from pairsmith.registry.change_log import ChangeLogBroken
from pairsmith.registry.rewrap import RewrapReport
from places import Place

CLERK = Actor(
    "server", principal_kind="access_key", principal_id="LTAI1", request_id="r"
)


@dataclass
class World:
    """Two keys with an alias each, tags and two versions."""

    registry: Registry
    place: Place
    one: str = field(init=False)
    two: str = field(init=False)

    def __post_init__(self) -> None:
        """Make both."""
        self.one = self._key("one")
        self.two = self._key("two")

    def _key(self, name: str) -> str:
        made = self.registry.create_key(tags={"old": "tag", "more": name})
        self.registry.create_alias(f"alias/{name}", made.key_id)
        self.registry.create_key_version(made.key_id)
        return made.key_id

    def versions(self, key_id: str) -> list[str]:
        """Its versions, the initial one first."""
        listed = self.registry.list_key_versions(key_id).items
        return [each.key_version_id for each in listed]

    def middle(self) -> str:
        """A version of the first key that may be retired."""
        self.registry.create_key_version(self.one)
        return self.versions(self.one)[1]


@pytest.fixture
def world(registry: Registry, place: Place) -> World:
    """Give both keys."""
    return World(registry, place)


Expected = list[str]
Case = Callable[[World], tuple[Callable[[], Any], str, Expected]]
"""Gives the call, the operation that its line names, and words of that line."""


def _create_key(world: World) -> tuple[Callable[[], Any], str, Expected]:
    def call() -> Any:
        return world.registry.create_key(
            "orders",
            tags={"team": "core"},
            rotation_interval="30d",
            deletion_protection=True,
            creator="clerk",
        )

    words = [
        "orders",
        "team",
        "core",
        "2592000s",
        "clerk",
        '"deletion_protection":true',
    ]
    return call, "CreateKey", words


def _retire(world: World) -> tuple[Callable[[], Any], str, Expected]:
    version = world.middle()
    call = lambda: world.registry.retire_key_version("alias/one", version)  # noqa: E731
    return call, "RetireKeyVersion", [world.one, version]


def _restore(world: World) -> tuple[Callable[[], Any], str, Expected]:
    version = world.middle()
    world.registry.retire_key_version(world.one, version)
    call = lambda: world.registry.restore_key_version("alias/one", version)  # noqa: E731
    return call, "RestoreKeyVersion", [world.one, version]


def _cancel(world: World) -> tuple[Callable[[], Any], str, Expected]:
    world.registry.schedule_key_deletion(world.one, 7)
    call = lambda: world.registry.cancel_key_deletion("alias/one")  # noqa: E731
    return call, "CancelKeyDeletion", [world.one, "previous_delete_date"]


def _maintain(world: World) -> tuple[Callable[[], Any], str, Expected]:
    world.registry.schedule_key_deletion(world.one, 7)
    versions = world.versions(world.one)
    words = [world.one, "alias/one", "old", "tag", "more", "one", *versions]

    def call() -> Any:
        # Only now: whatever looks at the registry destroys what is due beforehand.
        world.place.clock.advance(days=8)
        return world.registry.run_maintenance()

    return call, "DestroyKey", words


def _rewrap(world: World) -> tuple[Callable[[], RewrapReport], str, Expected]:
    (before,) = world.place.execute("SELECT root_key_id FROM registry")
    return world.registry.rewrap, "EndRewrap", [before[0]]


def _repair(world: World) -> tuple[Callable[[], Any], str, Expected]:
    world.place.execute("UPDATE tags SET tag_value = 'core' WHERE tag_value = 'one'")
    call = lambda: world.registry.repair_key(world.one)  # noqa: E731
    return call, "RepairKey", [world.one, "fault", "alias/one", "old", "tag", "more"]


def case(
    method: str,
    operation: str,
    *given: Any,
    words: Expected | None = None,
    **named: Any,
) -> Case:
    """A call by which nothing needs to be prepared."""

    def prepared(world: World) -> tuple[Callable[[], Any], str, Expected]:
        call = lambda: getattr(world.registry, method)(*given, **named)  # noqa: E731
        about = [*(words or [])]
        return call, operation, [{"$1": world.one, "$2": world.two}.get(each, each)
                                 for each in about]  # fmt: skip

    return prepared


WRITING: dict[str, Case] = {
    "create_key": _create_key,
    "update_key_description": case(
        "update_key_description", "UpdateKeyDescription", "alias/one", "new text",
        words=["$1", "new text"],
    ),
    "enable_key": case("enable_key", "EnableKey", "alias/one", words=["$1", "Enabled"]),
    "disable_key": case(
        "disable_key", "DisableKey", "alias/one", words=["$1", "Disabled", "Enabled"]
    ),
    "schedule_key_deletion": case(
        "schedule_key_deletion", "ScheduleKeyDeletion", "alias/one", 17,
        words=["$1", "17", "delete_date"],
    ),
    "cancel_key_deletion": _cancel,
    "set_deletion_protection": case(
        "set_deletion_protection", "SetDeletionProtection", "alias/one",
        enabled=True, description="in use",
        words=["$1", "in use", '"deletion_protection":true'],
    ),
    "tag_key": case(
        "tag_key", "TagResource", "alias/one", {"team": "core", "old": "new"},
        words=["$1", "team", "core", "old", "new", "tag"],
    ),
    "untag_key": case(
        "untag_key", "UntagResource", "alias/one", ["old", "none"],
        words=["$1", "old", "none", "tag"],
    ),
    "tag_keys": case(
        "tag_keys", "TagResources", ["alias/one", "alias/two"], {"team": "core"},
        words=["$1", "$2", "team", "core"],
    ),
    "untag_keys": case(
        "untag_keys", "UntagResources", ["alias/one", "alias/two"], None,
        words=["$1", "$2", "old", "tag", "more", "one", "two"],
    ),
    "create_alias": case(
        "create_alias", "CreateAlias", "alias/new", "alias/one",
        words=["$1", "alias/new"],
    ),
    "update_alias": case(
        "update_alias", "UpdateAlias", "alias/one", "alias/two",
        words=["$1", "$2", "alias/one"],
    ),
    "delete_alias": case(
        "delete_alias", "DeleteAlias", "alias/one", words=["$1", "alias/one"]
    ),
    "create_key_version": case(
        "create_key_version", "CreateKeyVersion", "alias/one", words=["$1"]
    ),
    "retire_key_version": _retire,
    "restore_key_version": _restore,
    "update_rotation_policy": case(
        "update_rotation_policy", "UpdateRotationPolicy", "alias/one",
        enabled=True, rotation_interval="77d", words=["$1", "6652800s"],
    ),
    "run_maintenance": _maintain,
    "repair_key": _repair,
    "rewrap": _rewrap,
}  # fmt: skip
"""Every method of ``Registry`` that changes something."""

READING = {
    "resolve", "resolve_version", "describe_key", "list_keys", "search_tags",
    "list_tags", "list_aliases", "list_aliases_by_key_id", "describe_key_version",
    "list_key_versions", "changes", "changes_head", "verify_changes", "check",
    "open", "close",
}  # fmt: skip
"""Every other one. Rotation on use, which ``resolve`` does, has a test of its own."""


def line_of(registry: Registry) -> tuple[dict[str, Any], str]:
    """The newest line, as it is read and as it is written."""
    (newest,) = registry.changes(limit=1)
    assert newest.is_authentic
    with registry.access.looking() as connection:
        text = connection.execute(
            sa.text("SELECT entry FROM changes ORDER BY sequence DESC LIMIT 1")
        ).scalar_one()
    return newest.told, text


def test_every_method_has_a_case() -> None:
    """A new one fails here until somebody says whether it changes something."""
    methods = {
        name
        for name, value in inspect.getmembers(Registry)
        if not name.startswith("_") and callable(value)
    }
    assert methods == WRITING.keys() | READING


@pytest.mark.parametrize("method", WRITING)
def test_every_change_leaves_one_line_that_names_all(method: str, world: World) -> None:
    """Who asked for it, each identifier, what it was and what it is now."""
    call, operation, words = WRITING[method](world)
    before = world.registry.changes_head().sequence
    with acting(CLERK):
        made = call()
    lines = 2 if method == "rewrap" else 1
    assert world.registry.changes_head().sequence == before + lines
    told, text = line_of(world.registry)
    assert (told["operation"], told["outcome"]) == (operation, "OK")
    assert [word for word in words if word not in text] == []
    actor = told["actor"]
    assert actor["process_id"] == os.getpid()
    if method == "run_maintenance":
        assert actor["kind"] == "maintenance"
        assert made.destroyed == (world.one,)
    else:
        assert (actor["principal_id"], actor["request_id"]) == ("LTAI1", "r")
    names = ("key_id", "key_version_id", "primary_key_version", "root_key_id")
    for name in filter(partial(hasattr, made), names):
        assert str(getattr(made, name)) in text
    assert world.registry.verify_changes().lines == before + lines


FAILING: dict[str, tuple[Callable[[Registry], Any], type[PairsmithError]]] = {
    "alias that exists": (
        lambda registry: registry.create_alias("alias/one", "alias/two"),
        AliasAlreadyExists,
    ),
    "key that is not there": (
        lambda registry: registry.tag_keys(
            ["alias/one", "key-" + "a" * 21], {"a": "b"}
        ),
        KeyNotFound,
    ),
    "too many tags for one of several": (
        lambda registry: registry.tag_keys(
            ["alias/one", "alias/two"], {f"t{number}": "" for number in range(19)}
        ),
        LimitExceeded,
    ),
    "protected": (
        lambda registry: registry.schedule_key_deletion("alias/two", 7),
        RejectedUnsupportedOperation,
    ),
    "a fixed id that is taken": (
        lambda registry: registry.create_key(
            key_id=registry.describe_key("alias/one").key_id
        ),
        InvalidParameter,
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_failed_leaves_neither_change_nor_line(name: str, world: World) -> None:
    """Also what had begun to change the first of several keys."""
    call, error = FAILING[name]
    world.registry.set_deletion_protection(world.two, enabled=True)
    head = world.registry.changes_head()
    tags = world.registry.list_tags(world.one)
    with pytest.raises(error):
        call(world.registry)
    assert world.registry.changes_head() == head
    assert world.registry.list_tags(world.one) == tags
    assert world.registry.verify_changes().head == head


def test_a_line_that_cannot_be_written_takes_the_change_with_it(world: World) -> None:
    """They are one transaction: here the table of lines refuses."""
    place, registry = world.place, world.registry
    head = registry.changes_head()
    place.execute("ALTER TABLE changes RENAME TO elsewhere")
    with pytest.raises(PairsmithError):
        registry.create_alias("alias/new", world.one)
    with pytest.raises(PairsmithError):
        registry.create_key()
    place.execute("ALTER TABLE elsewhere RENAME TO changes")
    assert registry.list_aliases().total_count == 2
    assert registry.list_keys().total_count == 2
    assert registry.verify_changes().head == head
    registry.create_alias("alias/new", world.one)
    assert registry.changes_head().sequence == head.sequence + 1


def test_rotation_on_use_and_by_the_background_is_maintenance(
    world: World, clock: Clock
) -> None:
    """Whoever uses the key meanwhile did not ask for it."""
    registry = world.registry
    registry.update_rotation_policy(world.one, enabled=True, rotation_interval="7d")
    for rotate in (
        lambda: registry.resolve(world.one, primary=True),
        registry.run_maintenance,
    ):
        clock.advance(days=8)
        before = registry.describe_key(world.one).primary_key_version
        with acting(CLERK):
            rotate()
        told, _ = line_of(registry)
        after = registry.describe_key(world.one).primary_key_version
        assert (told["operation"], told["actor"]["kind"]) == (
            "RotateKey",
            "maintenance",
        )
        assert told["subjects"] == {
            "key_id": [world.one],
            "key_version_id": [after],
            "previous_key_version_id": [before],
        }


def test_lines_are_found_by_what_they_are_about(world: World) -> None:
    """By key, alias, and version; also of a key that is gone."""
    registry = world.registry
    about = registry.changes(about=world.one)
    assert {each.told["operation"] for each in about} == {
        "CreateKey", "CreateAlias", "CreateKeyVersion"
    }  # fmt: skip
    (bound,) = registry.changes(about="alias/two")
    assert bound.told["subjects"] == {
        "key_id": [world.two],
        "alias_name": ["alias/two"],
    }
    for given in ({"limit": 0}, {"limit": 1001}, {"before": 0}, {"about": "é"}):
        with pytest.raises(InvalidParameter):
            registry.changes(**given)


# Somebody who can write the database, but has no root key.

TAMPERING = {
    "a line changed": "UPDATE changes SET entry = replace(entry, 'OK', 'KO') "
    "WHERE sequence = 3",
    "a line removed": "DELETE FROM changes WHERE sequence = 3",
    "the last line removed": "DELETE FROM changes WHERE sequence = "
    "(SELECT max(sequence) FROM changes)",
    "all lines removed": "DELETE FROM changes",
    "a line repeated behind the end": "INSERT INTO changes SELECT "
    "(SELECT max(sequence) + 1 FROM changes), entry, hash, mac FROM changes "
    "WHERE sequence = 3",
    "a line before the first": "INSERT INTO changes SELECT 0, entry, hash, mac "
    "FROM changes WHERE sequence = 3",
    "an empty hash": "UPDATE changes SET hash = '' WHERE sequence = 3",
    "the MAC of another line": "UPDATE changes SET mac = (SELECT mac FROM changes "
    "WHERE sequence = 4) WHERE sequence = 3",
    "two lines exchanged": "UPDATE changes SET sequence = CASE sequence "
    "WHEN 3 THEN -4 WHEN 4 THEN -3 END WHERE sequence IN (3, 4)",
}


@pytest.mark.parametrize("name", TAMPERING)
def test_whatever_was_done_to_lines_shows_and_stops_nobody(
    name: str, world: World
) -> None:
    """Verification names the line; keys go on to be used and changed meanwhile."""
    registry = world.registry
    world.place.execute(TAMPERING[name])
    with pytest.raises(ChangeLogBroken):
        registry.verify_changes()
    if "removed" not in name:
        assert not all(each.is_authentic for each in registry.changes())
    assert registry.resolve(world.one, primary=True).key_id == world.one
    registry.tag_key(world.one, {"later": "tag"})
    assert registry.changes(limit=1)[0].told["details"]["tags"] == {"later": "tag"}
    with pytest.raises(ChangeLogBroken) as broken:
        registry.verify_changes()
    assert broken.value.sequence <= registry.changes_head().sequence


@pytest.fixture
def rolled_back(world: World) -> Iterator[Head]:
    """A database as it was before its last changes; gives the head that it had."""
    place, registry = world.place, world.registry
    tables = ("changes", "revision_pages", "keys", "key_versions", "aliases", "tags",
              "registry")  # fmt: skip
    for table in tables:
        place.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608
    registry.create_key_version(world.one)
    registry.delete_alias("alias/two")
    head = registry.changes_head()
    registry.close()
    for table in ("tags", "aliases", "keys", "key_versions", "changes",
                  "revision_pages", "registry"):  # fmt: skip
        place.execute(f"DELETE FROM {table}")  # noqa: S608
    for table in ("registry", "revision_pages", "changes", "key_versions", "keys",
                  "aliases", "tags"):  # fmt: skip
        place.execute(f"INSERT INTO {table} SELECT * FROM old_{table}")  # noqa: S608
    return head


def test_an_anchor_shows_that_the_whole_database_was_rolled_back(
    place: Place, rolled_back: Head
) -> None:
    """Without one it is whole; with one it is not, nor when it has gone on since."""
    registry = place.open()
    assert registry.verify_changes().head.sequence == rolled_back.sequence - 2
    with pytest.raises(ChangeLogBroken, match="rolled back"):
        registry.verify_changes(rolled_back)
    for number in range(4):
        registry.create_alias(f"alias/new{number}", "alias/two")
    assert registry.verify_changes().anchor_found is False
    with pytest.raises(ChangeLogBroken, match="rolled back"):
        registry.verify_changes(rolled_back)
    head = registry.changes_head()
    registry.create_alias("alias/last", "alias/two")
    assert registry.verify_changes(head).anchor_found


def test_a_new_registry_has_no_lines(registry: Registry, place: Place) -> None:
    """It verifies; lines that somebody put there do not, nor does an anchor."""
    assert registry.changes() == []
    assert registry.verify_changes().lines == 0
    assert registry.changes_head() == Head()
    with pytest.raises(ChangeLogBroken):
        registry.verify_changes(Head(7, bytes(32)))
    place.execute("INSERT INTO changes VALUES (1, '{}', '', '')")
    with pytest.raises(ChangeLogBroken):
        registry.verify_changes()
