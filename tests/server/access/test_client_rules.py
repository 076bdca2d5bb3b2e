"""Rules about clients: which names they mean, and what older policies still mean."""

import pytest

from pairsmith.errors import InvalidParameter
from pairsmith.server.access.operations import GROUPS, OPERATIONS
from pairsmith.server.access.policy import (
    ClientName,
    ClientPattern,
    KeyFacts,
    KeyPattern,
    parse_policy,
    require_effect,
)

KEY = "key-" + "a" * 21
CLIENTS = sorted(GROUPS["clients"])


@pytest.mark.parametrize("operation", CLIENTS)
@pytest.mark.parametrize(
    ("rule", "names", "others"),
    [
        ("{}:team-a", ["team-a"], ["team-b", "team-a-x", "Team-a", "x-team-a", ""]),
        ("{}:team-a-*", ["team-a-", "team-a-x"], ["team-a", "team-b-x", ""]),
        ("{}:*@edge.org,x", ["y@edge.org", "x"], ["y@edge.com", "xx", ""]),
        ("{}:*", ["team-a", "alias/app", KEY, ""], []),
        ("*", ["team-a", "alias/app", KEY, ""], []),
        ("{}:alias/app,tag:a=b," + KEY, [], ["alias/app", KEY, "x", "tag", "a", ""]),
        (f"*:{KEY}", [], ["team-a", KEY, ""]),
        (f"read,{{}}:team-a,{KEY}", ["team-a"], [KEY, "team-b"]),
    ],
)
def test_a_pattern_of_clients_means_names(
    operation: str, rule: str, names: list[str], others: list[str]
) -> None:
    """A star stands for any characters; patterns of keys mean no client."""
    policy = parse_policy([rule.format(operation)])
    assert [
        name for name in names if not policy.allows(operation, ClientName(name))
    ] == []
    assert [name for name in others if policy.allows(operation, ClientName(name))] == []


def test_a_rule_on_some_clients_is_no_rule_on_keys_or_other_operations() -> None:
    """Nothing but the four operations, and nothing on any key."""
    policy = parse_policy(["clients:team-a-*"])
    mighty = parse_policy(["*"])
    for operation in OPERATIONS:
        for subject in (None, KeyFacts(KEY, ["team-a-x"], {"team-a-x": "team-a-x"})):
            # A list may be asked for; what it shows is asked for one by one.
            listing = operation == "ListClientKeys" and subject is None
            assert policy.allows(operation, subject) is listing
            assert mighty.allows(operation, subject)
        assert policy.allows(operation, ClientName("team-a-x")) is (
            operation in GROUPS["clients"]
        )


def test_an_operation_on_clients_is_refused_without_its_client() -> None:
    """Only who may do it to any client passes when none is named."""
    for operation in CLIENTS:
        assert parse_policy([f"{operation}:*"]).allows(operation, None)
        limited = parse_policy([f"{operation}:team-a"]).allows(operation, None)
        assert limited is (operation == "ListClientKeys")


def test_the_text_of_a_pattern_tells_its_kind() -> None:
    """No text is a pattern of keys and of clients, but the star."""
    for text in ("alias/x", KEY, "tag:a=b", "*"):
        KeyPattern(text)
        with pytest.raises(InvalidParameter, match="names no clients"):
            ClientPattern(text)
    for text in ("x", "alia*", "key-*", "team/a", "a@b", "**"):
        ClientPattern(text)
        with pytest.raises(InvalidParameter, match="names no keys"):
            KeyPattern(text)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("clients", r"say which: clients:NAME, or clients:\* for all"),
        ("clients:", "names no clients"),
        ("clients:ü", "names no clients"),
        ("clients:a b", "names no clients"),
        ("clients:client:a", "names no clients"),
        ("CreateClientKey:" + "a" * 129, "names no clients"),
        ("read:team-a", "names no keys"),
        ("*:team-a", "names no keys"),
    ],
)
def test_what_names_no_client_is_refused_with_a_hint(rule: str, said: str) -> None:
    """Names belong to rules that name an operation on clients."""
    with pytest.raises(InvalidParameter, match=said):
        parse_policy([rule])


@pytest.mark.parametrize(
    "rule",
    [
        "clients:alias/app-*",
        f"clients:{KEY}",
        f"read,clients:{KEY}",
        "CreateClientKey",
        "read,clients:team-a",
        "ListKeys,clients:team-a",
    ],
)
def test_a_rule_that_allows_something_on_nothing_is_read_but_not_made(
    rule: str,
) -> None:
    """Policies of before still parse; whoever writes a new one is told."""
    policy = parse_policy(["read:*", rule])
    with pytest.raises(InvalidParameter, match="names no"):
        require_effect(policy)


@pytest.mark.parametrize(
    "rules",
    [
        ["*"],
        ["clients:team-a-*", f"crypto:{KEY}", "ListKeys", "GenerateRandom"],
        ["clients:*"],
        [f"*:{KEY}"],
        [f"read,clients:{KEY},team-a"],
        ["crypto,CreateKey:alias/a"],
    ],
)
def test_a_rule_that_means_something_may_be_made(rules: list[str]) -> None:
    """The policy comes back as it was."""
    policy = parse_policy(rules)
    assert require_effect(policy) is policy
    assert parse_policy(policy.texts()) == policy


def test_a_policy_of_before_means_what_it_meant_or_less() -> None:
    """All clients with a star or without patterns; none with patterns of keys."""
    for rule in ("clients:*", "CreateClientKey", "CreateClientKey,ListKeys", "*"):
        assert parse_policy([rule]).allows("CreateClientKey", ClientName("any"))
    for rule in ("clients:alias/*", f"CreateClientKey:{KEY}", "*:alias/*"):
        assert not parse_policy([rule]).allows("CreateClientKey", ClientName("any"))
