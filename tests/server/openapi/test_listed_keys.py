"""Lists of the OpenAPI: nobody is shown, or counted, more than their patterns mean."""

import json
from typing import Any

import pytest
from applications import Application
from openapi_caller import Caller, Refused

from pairsmith import Instance

KEYS = {"RegionId": "local", "ResourceType": "key"}


@pytest.fixture
def ids(instance: Instance) -> dict[str, str]:
    """Keys of two teams, by their aliases without ``alias/``; each has a tag."""
    found = {}
    for name in ("team-a-1", "team-b-1", "team-a-2", "team-b-2", "team-a-3"):
        key_id = instance.registry.create_key(name, tags={"Team": name[5]}).key_id
        instance.create_alias(f"alias/{name}", key_id)
        found[name] = key_id
    return found


def keys_of(caller: Caller, **given: Any) -> tuple[list[str], int]:
    """The ids of ListKeys, and the total."""
    answer = caller.call("ListKeys", **given)
    return [key["KeyId"] for key in answer["Keys"]["Key"]], answer["TotalCount"]


def aliases_of(caller: Caller, **given: Any) -> tuple[list[str], int]:
    """The names of ListAliases without their beginning, and the total."""
    answer = caller.call("ListAliases", **given)
    names = [each["AliasName"] for each in answer["Aliases"]["Alias"]]
    return [name.removeprefix("alias/") for name in names], answer["TotalCount"]


def tagged_of(caller: Caller, **given: Any) -> list[str]:
    """The ids of ListTagResources."""
    answer = caller.call("ListTagResources", **KEYS, **given)
    return [each["ResourceId"] for each in answer["TagResources"]["TagResource"]]


@pytest.mark.parametrize(
    "rules",
    [
        ["read:alias/team-a-*"],
        ["read:tag:Team=a"],
        ["ListKeys,ListAliases,ListTagResources:alias/team-a-1", "read:alias/team-a-*"],
        ["*:alias/team-a-*"],
        ["manage,read:{team-a-1},{team-a-2},{team-a-3}", "crypto,decrypt:*"],
    ],
)
def test_lists_show_what_the_patterns_mean(
    application: Application, ids: dict[str, str], rules: list[str]
) -> None:
    """Keys, aliases and tags, by whatever a rule names keys; totals and pages too."""
    caller = application.caller(*(rule.format(**ids) for rule in rules))
    own = [name for name in ids if name.startswith("team-a-")]
    meant = [ids[name] for name in own]
    assert keys_of(caller) == (meant, 3)
    assert keys_of(caller, PageSize=2) == (meant[:2], 3)
    assert keys_of(caller, PageSize=2, PageNumber=2) == (meant[2:], 3)
    assert aliases_of(caller) == (sorted(own), 3)
    assert aliases_of(caller, PageSize=1, PageNumber=2) == (sorted(own)[1:2], 3)
    assert set(tagged_of(caller)) == set(meant)
    assert tagged_of(caller, Tag__1__Key="Team", Tag__1__Value="b") == []
    for name, values in (
        ("KeyId", [ids["team-b-1"], ids["team-a-1"]]),
        ("AliasName", ["alias/team-b-1", "alias/team-a-1"]),
    ):
        filters = json.dumps([{"Key": name, "Values": values}])
        assert keys_of(caller, Filters=filters) == ([ids["team-a-1"]], 1)


@pytest.mark.parametrize(
    "rules", [["*"], ["read:*"], ["ListKeys,ListAliases,ListTagResources"]]
)
def test_lists_show_everything_to_who_may_see_it(
    application: Application, ids: dict[str, str], rules: list[str]
) -> None:
    """With a star, or with a rule that limits the lists to nothing."""
    caller = application.caller(*rules)
    assert keys_of(caller) == (list(ids.values()), 5)
    assert aliases_of(caller) == (sorted(ids), 5)
    assert set(tagged_of(caller)) == set(ids.values())
    assert tagged_of(caller, ResourceId__1="alias/team-b-2") == [ids["team-b-2"]]


def test_rules_on_other_operations_show_nothing(
    application: Application, ids: dict[str, str]
) -> None:
    """What may be encrypted with is not listed; nor a list without its right."""
    caller = application.caller("crypto:*", f"ListKeys:{ids['team-a-1']}")
    assert keys_of(caller) == ([ids["team-a-1"]], 1)
    for action in ("ListAliases", "ListTagResources"):
        with pytest.raises(Refused) as refused:
            caller.call(action, **KEYS)
        assert refused.value.code == "Forbidden.NoPermission"


def test_a_right_moves_with_its_alias(
    application: Application, ids: dict[str, str]
) -> None:
    """The next list shows the key that has the alias then."""
    caller = application.caller("read:alias/team-a-1")
    assert keys_of(caller) == ([ids["team-a-1"]], 1)
    application.instance.registry.update_alias("alias/team-a-1", ids["team-b-1"])
    assert keys_of(caller) == ([ids["team-b-1"]], 1)
    # All names of a key that is meant are shown.
    assert aliases_of(caller) == (["team-a-1", "team-b-1"], 2)
