"""Keys: made, described, listed, filtered, tagged."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clock import NOON, Clock
from pairsmith.errors import (
    AliasNotFound,
    InvalidParameter,
    KeyNotFound,
    LimitExceeded,
)
from pairsmith.registry import Registry
from pairsmith.registry.tags import TagQuery


def test_new_key(registry: Registry) -> None:
    """A new key is Enabled, has one version, and shows what was asked for."""
    key = registry.create_key("orders", tags={"team": "shop"}, rotation_interval="30d")
    assert re.fullmatch(r"key-[a-z0-9]{21}", key.key_id)
    assert re.fullmatch(
        re.escape(key.key_id) + r"-[a-z0-9]{10}", key.initial_key_version
    )
    assert key.primary_key_version == key.initial_key_version
    assert key.key_state == "Enabled"
    assert key.description == "orders"
    assert key.creation_date == datetime.fromtimestamp(NOON, UTC)
    assert key.last_rotation_date == key.creation_date
    assert key.rotation_interval == timedelta(days=30)
    assert key.next_rotation_date == key.creation_date + timedelta(days=30)
    assert [(tag.tag_key, tag.tag_value) for tag in registry.list_tags(key.key_id)] == [
        ("team", "shop")
    ]
    assert registry.describe_key(key.key_id) == key
    assert registry.list_key_versions(key.key_id).total_count == 1


def test_wire_form(registry: Registry) -> None:
    """A key's wire form has the documented names, dates and units."""
    key = registry.create_key(rotation_interval=timedelta(days=365))
    assert key.to_dict() == {
        "KeyId": key.key_id,
        "KeyState": "Enabled",
        "KeySpec": "Aliyun_AES_256",
        "KeyUsage": "ENCRYPT/DECRYPT",
        "Origin": "Aliyun_KMS",
        "ProtectionLevel": "SOFTWARE",
        "Description": "",
        "Creator": "",
        "CreationDate": "2027-01-15T08:00:00Z",
        "PrimaryKeyVersion": key.primary_key_version,
        "AutomaticRotation": "Enabled",
        "LastRotationDate": "2027-01-15T08:00:00Z",
        "NextRotationDate": "2028-01-15T08:00:00Z",
        "RotationInterval": "31536000s",
        "DeletionProtection": "Disabled",
        "DeletionProtectionDescription": "",
    }


def test_fixed_key_id(registry: Registry) -> None:
    """A key may be seeded with a fixed id, once."""
    wanted = "key-" + "hzz62f1cb66fa42qopd9s"
    assert registry.create_key(key_id=wanted).key_id == wanted
    with pytest.raises(InvalidParameter, match="exists already"):
        registry.create_key(key_id=wanted)
    assert registry.list_keys().total_count == 1


def test_ids_are_never_the_same(registry: Registry) -> None:
    """No two keys share an id or a version id."""
    made = [registry.create_key() for _ in range(50)]
    assert len({key.key_id for key in made}) == 50
    assert len({key.primary_key_version for key in made}) == 50


def test_unknown_key(registry: Registry) -> None:
    """A key nobody made is not found, whatever is asked of it."""
    name = "key-" + "0" * 21
    for operation in (
        registry.describe_key,
        registry.enable_key,
        registry.disable_key,
        registry.cancel_key_deletion,
        registry.create_key_version,
        registry.list_tags,
        registry.list_key_versions,
        registry.list_aliases_by_key_id,
    ):
        with pytest.raises(KeyNotFound, match=name):
            operation(name)


def test_description(registry: Registry) -> None:
    """A description is any text up to 8192 characters, and can be replaced."""
    key = registry.create_key("first").key_id
    longest = "ü\n🔑 " * 2048
    registry.update_key_description(key, longest)
    assert registry.describe_key(key).description == longest
    with pytest.raises(InvalidParameter, match="description"):
        registry.update_key_description(key, longest + "x")
    assert registry.describe_key(key).description == longest


def test_deletion_protection_is_shown(registry: Registry) -> None:
    """Protection and its reason are part of the key."""
    key = registry.create_key(deletion_protection=True).key_id
    assert registry.describe_key(key).to_dict()["DeletionProtection"] == "Enabled"
    registry.set_deletion_protection(key, enabled=True, description="payroll")
    assert registry.describe_key(key).deletion_protection_description == "payroll"
    registry.set_deletion_protection(key, enabled=False)
    assert registry.describe_key(key).deletion_protection is False


def test_pages(registry: Registry) -> None:
    """Pages partition the keys in the order they were made, and count them all."""
    made = [registry.create_key().key_id for _ in range(7)]
    pages = [registry.list_keys(number, 3) for number in (1, 2, 3, 4)]
    assert [key.key_id for page in pages for key in page.items] == made
    assert [len(page.items) for page in pages] == [3, 3, 1, 0]
    assert {page.total_count for page in pages} == {7}


def test_order_is_not_by_time(registry: Registry, clock: Clock) -> None:
    """Keys are listed as made even if the clock went backwards in between."""
    first = registry.create_key().key_id
    clock.advance(days=-100)
    second = registry.create_key().key_id
    assert [key.key_id for key in registry.list_keys().items] == [first, second]


def test_page_on_the_wire(registry: Registry) -> None:
    """A page's wire form nests the items as documented."""
    key = registry.create_key()
    assert registry.list_keys().to_dict() == {
        "PageNumber": 1,
        "PageSize": 10,
        "TotalCount": 1,
        "Keys": {"Key": [key.to_dict()]},
    }


def test_filters(registry: Registry) -> None:
    """Filters join by and over their names, by or over their values."""
    red = registry.create_key(tags={"colour": "red", "size": "big"}).key_id
    blue = registry.create_key(tags={"colour": "blue", "shade": "big"}).key_id
    plain = registry.create_key().key_id
    registry.disable_key(blue)
    registry.create_alias("alias/plain", plain)

    def found(**filters: list[str]) -> list[str]:
        return [key.key_id for key in registry.list_keys(filters=filters).items]

    assert found() == [red, blue, plain]
    assert found(key_state=["Enabled"]) == [red, plain]
    assert found(key_state=["Enabled", "Disabled"]) == [red, blue, plain]
    assert found(tag_key=["colour"], tag_value=["red"]) == [red]
    assert found(tag_key=["colour"], tag_value=["big"]) == []
    assert found(alias_name=["alias/plain", "alias/none"]) == [plain]
    assert found(key_id=[red, blue], key_state=["Disabled"]) == [blue]
    assert found(protection_level=["SOFTWARE"]) == [red, blue, plain]
    assert found(protection_level=["HSM"]) == []
    mine = registry.create_key(creator="somebody").key_id
    assert found(creator=["somebody"]) == [mine]
    assert found(creator=["somebody", ""]) == [red, blue, plain, mine]
    assert found(key_spec=["Aliyun_AES_256"], key_usage=["SIGN/VERIFY"]) == []


def test_tags(registry: Registry) -> None:
    """Tags are set, replaced and removed by name; removing one twice is no error."""
    key = registry.create_key(tags={"a": "1"}).key_id
    registry.tag_key(key, {"a": "2", r"/\_-.+=:@": ""})
    assert {tag.tag_key: tag.tag_value for tag in registry.list_tags(key)} == {
        "a": "2",
        r"/\_-.+=:@": "",
    }
    registry.untag_key(key, ["a"])
    registry.untag_key(key, ["a"])
    assert [tag.to_dict() for tag in registry.list_tags(key)] == [
        {"KeyId": key, "TagKey": r"/\_-.+=:@", "TagValue": ""}
    ]


def test_tags_of_several_keys(registry: Registry) -> None:
    """They are changed together: an error with one of the keys changes none."""
    keys = [registry.create_key().key_id for _ in range(2)]
    registry.create_alias("alias/second", keys[1])
    registry.tag_keys([keys[0], "alias/second"], {"a": "1", "b": "2"})
    full = registry.create_key(tags={f"t{n}": "" for n in range(20)}).key_id
    for wrong, error in (("alias/none", AliasNotFound), (full, LimitExceeded)):
        with pytest.raises(error):
            registry.tag_keys([*keys, wrong], {"late": ""})
    with pytest.raises(AliasNotFound):
        registry.untag_keys([*keys, "alias/none"], ["a"])
    registry.untag_keys(keys, ["b"])
    assert [list_of(registry, key) for key in keys] == [{"a": "1"}, {"a": "1"}]
    registry.untag_keys(keys, None)
    assert [list_of(registry, key) for key in keys] == [{}, {}]
    for none in ([], "alias/second", ["x"] * 51):
        with pytest.raises(InvalidParameter, match="1 to 50"):
            registry.untag_keys(none, None)


def test_tags_are_found_over_keys(registry: Registry) -> None:
    """By key, by tag, by tag and value, and from where the last search ended."""
    tags = ({"a": "1", "b": "2"}, {"a": "2"}, {"c": ""})
    keys = [registry.create_key(tags=each).key_id for each in tags]

    def found(**query: Any) -> set[tuple[int, str, str]]:
        rows = registry.search_tags(TagQuery(**query))
        return {(keys.index(row.key_id), row.tag_key, row.tag_value) for row in rows}

    every = {(0, "a", "1"), (0, "b", "2"), (1, "a", "2"), (2, "c", "")}
    assert found() == every
    assert found(key_ids=keys[1:]) == {(1, "a", "2"), (2, "c", "")}
    assert found(wanted=[("a", None)]) == {row for row in every if row[0] < 2}
    assert found(wanted=[("a", "1"), ("b", None)]) == {(0, "a", "1"), (0, "b", "2")}
    assert found(wanted=[("a", "1"), ("c", None)]) == set()
    rows = registry.search_tags(TagQuery())
    for count in range(1, 5):
        last = rows[count - 1]
        query = TagQuery(after=(last.key_id, last.tag_key), limit=2)
        assert registry.search_tags(query) == rows[count : count + 2]


def list_of(registry: Registry, key_id: str) -> dict[str, str]:
    """The tags of a key."""
    return {tag.tag_key: tag.tag_value for tag in registry.list_tags(key_id)}


def test_a_creator_has_at_most_64_characters(registry: Registry) -> None:
    """It is shown as given, and is empty for a caller of the library."""
    assert registry.create_key(creator="x" * 64).creator == "x" * 64
    assert registry.create_key().creator == ""
    for wrong in ("x" * 65, "\0", None):
        with pytest.raises(InvalidParameter, match="creator"):
            registry.create_key(creator=wrong)


def test_tags_have_a_limit(registry: Registry) -> None:
    """A key has at most 20 tags; the call that would exceed it changes nothing."""
    key = registry.create_key(tags={f"t{n}": "" for n in range(19)}).key_id
    with pytest.raises(LimitExceeded):
        registry.tag_key(key, {"x": "", "y": ""})
    assert len(registry.list_tags(key)) == 19
    registry.tag_key(key, {"x": "", "t0": "again"})
    assert len(registry.list_tags(key)) == 20
    with pytest.raises(LimitExceeded):
        registry.create_key(tags={f"t{n}": "" for n in range(21)})
