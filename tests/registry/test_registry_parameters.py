"""Bad input: refused by name, before anything is written."""

from datetime import timedelta

import pytest

from pairsmith.errors import InvalidParameter, KeyNotFound, PairsmithError
from pairsmith.registry import Registry

NOT_NAMES = ["", "kéy", "key\0", "key\n", "..", "a.b", "x" * 262, None, 3, b"key", []]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_names_of_keys(registry: Registry, name: str) -> None:
    """What cannot be a key's name is InvalidParameter wherever a key is named."""
    registry.create_key()
    for operation in (
        lambda: registry.resolve(name, primary=True),
        lambda: registry.describe_key(name),
        lambda: registry.update_key_description(name, ""),
        lambda: registry.enable_key(name),
        lambda: registry.disable_key(name),
        lambda: registry.schedule_key_deletion(name, 7),
        lambda: registry.cancel_key_deletion(name),
        lambda: registry.set_deletion_protection(name, enabled=True),
        lambda: registry.tag_key(name, {}),
        lambda: registry.untag_key(name, []),
        lambda: registry.list_tags(name),
        lambda: registry.create_alias("alias/a", name),
        lambda: registry.update_alias("alias/a", name),
        lambda: registry.list_aliases_by_key_id(name),
        lambda: registry.create_key_version(name),
        lambda: registry.describe_key_version(name, "key-" + "0" * 21 + "-" + "0" * 10),
        lambda: registry.list_key_versions(name),
        lambda: registry.update_rotation_policy(name, enabled=False),
    ):
        with pytest.raises(InvalidParameter, match="key_id"):
            operation()


def test_bad_name_while_the_cache_is_fresh(registry: Registry) -> None:
    """A name that cannot be hashed is as bad as any other, cached keys or not."""
    key = registry.create_key().key_id
    registry.resolve(key, primary=True)
    with pytest.raises(InvalidParameter):
        registry.resolve([key], primary=True)
    with pytest.raises(PairsmithError):
        registry.resolve_version([key])


@pytest.mark.parametrize(
    "key_id", ["", "key-", "key-" + "A" * 21, "key-" + "0" * 22, "alias/a", 5, "key-ü"]
)
def test_fixed_key_ids(registry: Registry, key_id: str) -> None:
    """A seeded key id must have the documented shape."""
    with pytest.raises(InvalidParameter, match="key_id"):
        registry.create_key(key_id=key_id)
    assert registry.list_keys().total_count == 0


@pytest.mark.parametrize("text", ["x" * 8193, "a\0b", "\ud800", None, 5, b""])
def test_descriptions(registry: Registry, text: str) -> None:
    """A description is a text that every database can hold."""
    with pytest.raises(InvalidParameter, match="description"):
        registry.create_key(text)
    key = registry.create_key().key_id
    with pytest.raises(InvalidParameter, match="description"):
        registry.update_key_description(key, text)
    with pytest.raises(InvalidParameter, match="description"):
        registry.set_deletion_protection(key, enabled=True, description=text)


@pytest.mark.parametrize(
    "tags",
    [
        {"": "x"},
        {"x" * 129: ""},
        {"a": "x" * 129},
        {"a b": ""},
        {"a": "é"},
        {"a\n": ""},
        {"aliyun-x": ""},
        {"acs:x": ""},
        {"a": None},
        {3: ""},
        [("a", "b")],
        "a",
    ],
)
def test_tags(registry: Registry, tags: dict[str, str]) -> None:
    """Tags have the documented characters, lengths and beginnings."""
    key = registry.create_key().key_id
    for operation in (
        lambda: registry.tag_key(key, tags),
        lambda: registry.create_key(tags=tags),
    ):
        with pytest.raises(InvalidParameter, match="tag"):
            operation()
    assert registry.list_tags(key) == ()
    assert registry.list_keys().total_count == 1


@pytest.mark.parametrize("tag_keys", ["a", None, 3, [None], [""], ["é"]])
def test_tag_keys(registry: Registry, tag_keys: list[str]) -> None:
    """A single text is not a list of tag keys."""
    key = registry.create_key(tags={"a": ""}).key_id
    with pytest.raises(InvalidParameter, match="tag_key"):
        registry.untag_key(key, tag_keys)
    assert len(registry.list_tags(key)) == 1


@pytest.mark.parametrize(
    ("number", "size", "parameter"),
    [
        (0, 10, "page_number"),
        (-1, 10, "page_number"),
        (2**31, 10, "page_number"),
        ("1", 10, "page_number"),
        (True, 10, "page_number"),
        (1, 0, "page_size"),
        (1, 101, "page_size"),
        (1, None, "page_size"),
        (1, 2.0, "page_size"),
    ],
)
def test_pages(registry: Registry, number: int, size: int, parameter: str) -> None:
    """Pages are numbered from 1 and hold 1 to 100."""
    key = registry.create_key().key_id
    for operation in (
        lambda: registry.list_keys(number, size),
        lambda: registry.list_aliases(number, size),
        lambda: registry.list_aliases_by_key_id(key, number, size),
        lambda: registry.list_key_versions(key, number, size),
    ):
        with pytest.raises(InvalidParameter, match=parameter):
            operation()


def test_far_pages_are_empty(registry: Registry) -> None:
    """The last page number there can be is an empty page, not an error."""
    assert registry.list_keys(2**31 - 1, 100).items == ()


@pytest.mark.parametrize(
    "filters",
    [
        {"colour": ["red"]},
        {"KeyState": ["Enabled"]},
        {"key_state": []},
        {"key_state": "Enabled"},
        {"key_state": ["x"] * 11},
        {"key_id": [None]},
        {"key_id": ["\0"]},
        ["key_state"],
        "key_state",
    ],
)
def test_filters(registry: Registry, filters: dict[str, list[str]]) -> None:
    """Filters have known names and lists of 1 to 10 texts."""
    with pytest.raises(InvalidParameter, match="filters"):
        registry.list_keys(filters=filters)


@pytest.mark.parametrize(
    "interval",
    [
        "",
        "30",
        "30D",
        "6d",
        "366d",
        "167h",
        "1.5d",
        "-30d",
        " 30d",
        "30d\n",
        "\u0663\u0660d",
        "9999999999d",
        timedelta(days=6),
        timedelta(days=365, microseconds=1),
        timedelta.max,
        30,
        True,
    ],
)
def test_intervals(registry: Registry, interval: str) -> None:
    """A rotation interval is a whole number and a unit, 7 to 365 days together."""
    with pytest.raises(InvalidParameter, match="rotation_interval"):
        registry.create_key(rotation_interval=interval)
    key = registry.create_key().key_id
    with pytest.raises(InvalidParameter, match="rotation_interval"):
        registry.update_rotation_policy(key, enabled=True, rotation_interval=interval)
    assert registry.describe_key(key).rotation_interval is None


@pytest.mark.parametrize("interval", ["7d", "168h", "10080m", "604800s"])
def test_units_of_intervals(registry: Registry, interval: str) -> None:
    """Days, hours, minutes and seconds say the same; seconds are reported."""
    key = registry.create_key(rotation_interval=interval)
    assert key.to_dict()["RotationInterval"] == "604800s"


def test_interval_is_required(registry: Registry) -> None:
    """A policy without its interval is refused."""
    key = registry.create_key().key_id
    with pytest.raises(InvalidParameter, match="rotation_interval"):
        registry.update_rotation_policy(key, enabled=True)


@pytest.mark.parametrize("flag", ["false", "true", 1, 0, None])
def test_flags(registry: Registry, flag: bool) -> None:  # noqa: FBT001 -- that is tested
    """Only True and False say yes and no: the text "false" would be true."""
    key = registry.create_key().key_id
    for operation in (
        lambda: registry.set_deletion_protection(key, enabled=flag),
        lambda: registry.update_rotation_policy(
            key, enabled=flag, rotation_interval="30d"
        ),
        lambda: registry.create_key(deletion_protection=flag),
    ):
        with pytest.raises(InvalidParameter):
            operation()


def test_the_next_call_works(registry: Registry) -> None:
    """After every refusal above, the registry goes on."""
    with pytest.raises(InvalidParameter):
        registry.create_key("x" * 8193)
    with pytest.raises(KeyNotFound):
        registry.resolve("alias/none", primary=True)
    key = registry.create_key().key_id
    assert registry.resolve(key, primary=True).key_id == key
