"""Aliases: names that move between keys."""

from multiprocessing import get_context
from multiprocessing.connection import Connection

import pytest

from pairsmith.errors import (
    AliasAlreadyExists,
    AliasNotFound,
    InvalidParameter,
    KeyNotFound,
    PairsmithError,
)
from pairsmith.registry import Registry
from places import Place


def test_alias_names_its_key(registry: Registry) -> None:
    """An alias does wherever a key id does."""
    key = registry.create_key().key_id
    registry.create_alias("alias/orders", key)
    assert registry.describe_key("alias/orders").key_id == key
    assert registry.resolve("alias/orders", primary=True).key_id == key
    registry.create_alias("alias/more", "alias/orders")
    assert [alias.to_dict() for alias in registry.list_aliases().items] == [
        {"AliasName": "alias/more", "KeyId": key},
        {"AliasName": "alias/orders", "KeyId": key},
    ]


def test_alias_belongs_to_one_key(registry: Registry) -> None:
    """A second key cannot take an alias, and a failed attempt changes nothing."""
    first, second = registry.create_key().key_id, registry.create_key().key_id
    registry.create_alias("alias/a", first)
    for key in (first, second):
        with pytest.raises(AliasAlreadyExists, match="update_alias"):
            registry.create_alias("alias/a", key)
    assert registry.describe_key("alias/a").key_id == first


def test_alias_moves(registry: Registry) -> None:
    """Rebinding moves the name; neither key changes."""
    first, second = registry.create_key(), registry.create_key()
    registry.create_alias("alias/a", first.key_id)
    assert registry.resolve("alias/a", primary=False).key_id == first.key_id
    registry.update_alias("alias/a", second.key_id)
    assert registry.resolve("alias/a", primary=False).key_id == second.key_id
    assert registry.describe_key(first.key_id) == first
    assert registry.describe_key(second.key_id) == second


def test_deleted_alias_is_gone_but_its_key_stays(registry: Registry) -> None:
    """Deleting an alias deletes no key, and frees the name."""
    key = registry.create_key().key_id
    registry.create_alias("alias/a", key)
    registry.delete_alias("alias/a")
    with pytest.raises(KeyNotFound):
        registry.resolve("alias/a", primary=True)
    assert registry.resolve(key, primary=True).key_id == key
    registry.create_alias("alias/a", registry.create_key().key_id)


def test_unknown_alias(registry: Registry) -> None:
    """Managing an unknown alias says AliasNotFound; using it, KeyNotFound."""
    key = registry.create_key().key_id
    with pytest.raises(AliasNotFound):
        registry.describe_key("alias/none")
    with pytest.raises(AliasNotFound):
        registry.update_alias("alias/none", key)
    with pytest.raises(AliasNotFound):
        registry.delete_alias("alias/none")
    with pytest.raises(KeyNotFound):
        registry.resolve("alias/none", primary=True)
    with pytest.raises(KeyNotFound):
        registry.create_alias("alias/a", "key-" + "0" * 21)
    assert registry.list_aliases().total_count == 0


def test_aliases_of_one_key(registry: Registry) -> None:
    """The list for one key leaves out the others'."""
    first, second = registry.create_key().key_id, registry.create_key().key_id
    registry.create_alias("alias/one", first)
    registry.create_alias("alias/two", second)
    page = registry.list_aliases_by_key_id("alias/one")
    assert [alias.alias_name for alias in page.items] == ["alias/one"]
    assert page.total_count == 1


@pytest.mark.parametrize("name", ["alias/a", "alias/" + "Az09_-/" * 36 + "xyz"])
def test_allowed_names(registry: Registry, name: str) -> None:
    """One to 255 of the allowed characters make an alias."""
    registry.create_alias(name, registry.create_key().key_id)
    assert registry.resolve(name, primary=True)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "alias",
        "alias/",
        "orders",
        "Alias/a",
        "alias/" + "x" * 256,
        "alias/acs",
        "alias/acs/oss",
        "alias/ü",
        "alias/٣",
        "alias/a b",
        "alias/a.b",
        "alias/../a",
        "alias/a\n",
        "alias/a\0",
        " alias/a",
        "alias/a'--",
        None,
        7,
        b"alias/a",
    ],
)
def test_refused_names(registry: Registry, name: str) -> None:
    """Anything else is refused by name before the database is asked."""
    key = registry.create_key().key_id
    for operation in (
        lambda: registry.create_alias(name, key),
        lambda: registry.update_alias(name, key),
        lambda: registry.delete_alias(name),
    ):
        with pytest.raises(InvalidParameter, match="alias_name"):
            operation()
    assert registry.list_aliases().total_count == 0


def test_two_processes_create_the_same_alias(place: Place) -> None:
    """Of many processes that create one alias at once, exactly one succeeds."""
    registry = place.open()
    keys = [registry.create_key().key_id for _ in range(4)]
    context = get_context("fork")
    for attempt in range(5):
        pipes = []
        for key in keys:
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_create_alias, args=(place, f"alias/a{attempt}", key, theirs)
            )
            process.start()
            pipes.append((process, ours))
        for _, pipe in pipes:
            assert pipe.recv() == "ready"
        for _, pipe in pipes:
            pipe.send("go")
        outcomes = [pipe.recv() for _, pipe in pipes]
        for process, _ in pipes:
            process.join()
        assert sorted(outcomes) == ["", *["AliasAlreadyExists"] * 3]
        winner = keys[outcomes.index("")]
        assert registry.describe_key(f"alias/a{attempt}").key_id == winner


def _create_alias(place: Place, alias: str, key: str, pipe: Connection) -> None:
    with Registry.open(place.url, place.root_key, background=False) as registry:
        pipe.send("ready")
        pipe.recv()
        try:
            registry.create_alias(alias, key)
        except PairsmithError as error:
            pipe.send(error.code)
        else:
            pipe.send("")
