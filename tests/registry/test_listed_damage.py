"""What SQL has put beside a key is not listed as if it were the key's."""

import pytest

from pairsmith.errors import KeyUnavailable
from pairsmith.registry import Registry
from pairsmith.registry.tags import TagQuery
from places import Place

FORGERIES = (
    "INSERT INTO tags VALUES (:key, 'Team', 'forged')",
    "INSERT INTO aliases VALUES ('alias/forged', :key)",
    "UPDATE key_versions SET created_at_ms = 1 WHERE key_id = :key",
    "UPDATE key_versions SET retired_at_ms = 1 WHERE key_id = :key",
)


def _made(registry: Registry, alias: str) -> str:
    key = registry.create_key(tags={"Env": "test"}).key_id
    registry.create_alias(alias, key)
    return key


@pytest.mark.parametrize("forgery", FORGERIES)
def test_nothing_forged_is_listed(place: Place, forgery: str) -> None:
    """Of a key that does not fit no tags, aliases and versions; of another all."""
    registry = place.open()
    key, other = _made(registry, "alias/one"), _made(registry, "alias/two")
    (version,) = registry.list_key_versions(key).items
    place.execute(forgery, key=key)
    registry.access.cache.empty()
    assert registry.list_tags(key) == ()
    page = registry.list_aliases_by_key_id(key)
    assert (page.items, page.total_count) == ((), 0)
    for look in (
        lambda: registry.list_key_versions(key),
        lambda: registry.describe_key_version(key, version.key_version_id),
    ):
        with pytest.raises(KeyUnavailable):
            look()
    assert [tag.tag_key for tag in registry.list_tags(other)] == ["Env"]
    assert registry.list_aliases_by_key_id(other).total_count == 1
    assert registry.list_key_versions(other).total_count == 1
    assert {alias.key_id for alias in registry.list_aliases().items} == {other}
    assert {tag.key_id for tag in registry.search_tags(TagQuery())} == {other}


def test_what_is_left_out_hides_nothing_behind_it(place: Place) -> None:
    """A search goes on behind the rows of a key that does not fit, to its limit."""
    registry = place.open()
    keys = sorted(_made(registry, f"alias/{n}") for n in range(5))
    place.execute("INSERT INTO tags VALUES (:key, 'Team', 'forged')", key=keys[0])
    registry.access.cache.empty()
    found = registry.search_tags(TagQuery(limit=3))
    assert [tag.key_id for tag in found] == keys[1:4]
    rest = registry.search_tags(TagQuery(limit=3, after=(keys[3], "Env")))
    assert [tag.key_id for tag in rest] == keys[4:]
