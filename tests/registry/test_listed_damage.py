"""What SQL has put beside a key is not listed as if it were the key's."""

import pytest

from pairsmith.errors import KeyUnavailable
from pairsmith.registry import Registry
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
