"""Rights that hang on aliases and tags are not widened by SQL."""

import pytest

from looking import facts_of
from pairsmith.errors import KeyUnavailable
from pairsmith.server.access.policy import parse_policy
from places import Place

BY_NAME = parse_policy(["decrypt:alias/edge", "crypto:tag:Team=edge"])
OPERATIONS = ("Decrypt", "Encrypt")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tags SET tag_value = 'edge' WHERE key_id = :secret",
        "INSERT INTO tags VALUES (:secret, 'Team', 'edge')",
        "INSERT INTO aliases VALUES ('alias/edge-2', :secret)",
        "UPDATE aliases SET key_id = :secret",
        "UPDATE tags SET key_id = :secret WHERE key_id = :edge",
    ],
)
def test_sql_gives_no_right(place: Place, statement: str) -> None:
    """By whatever name the key is asked for; who may use any key is told what is."""
    registry = place.open()
    edge = registry.create_key(tags={"Team": "edge"}).key_id
    registry.create_alias("alias/edge", edge)
    secret = registry.create_key(tags={"Class": "secret"}).key_id
    for operation in OPERATIONS:
        assert BY_NAME.allows(operation, facts_of(registry, edge))
        assert not BY_NAME.allows(operation, facts_of(registry, secret))
    values = {"secret": secret, "edge": edge}
    used = {name: each for name, each in values.items() if f":{name}" in statement}
    place.execute(statement, **used)
    registry = place.open()  # which has not seen what was authentic
    for operation in OPERATIONS:
        for name in (secret, "alias/edge-2"):
            assert not BY_NAME.allows(operation, facts_of(registry, name))
    facts = facts_of(registry, secret)
    assert (facts.id, tuple(facts.aliases), dict(facts.tags)) == (secret, (), {})
    assert parse_policy(["decrypt:*"]).allows("Decrypt", facts_of(registry, secret))
    with pytest.raises(KeyUnavailable):
        registry.resolve(secret, primary=True)


def test_a_key_that_is_gone_has_no_facts(place: Place) -> None:
    """Rows of aliases and tags alone make no key."""
    registry = place.open()
    absent = "key-" + "0" * 21
    for name in (absent, "alias/none"):
        facts = facts_of(registry, name)
        assert dict(facts.tags) == {}
        assert set(facts.aliases) <= {name}
