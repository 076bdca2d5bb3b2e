"""What policies allow, and how they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.errors import InvalidParameter
from pairsmith.server.access.operations import GROUPS, OPERATIONS, WITHOUT_KEY
from pairsmith.server.access.policy import (
    KeyFacts,
    KeyPattern,
    Policy,
    parse_policy,
)

ID = "key-" + "a" * 21
OTHER = "key-" + "b" * 21


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_single_name_allows_itself_alone(operation: str) -> None:
    """No name implies another: least of all with and without plaintext."""
    policy = parse_policy([f"{operation}:*"])
    allowed = {name for name in OPERATIONS if policy.allows(name, KeyFacts(ID))}
    assert allowed == {operation}


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_only_the_group_decrypt_decrypts(group: str) -> None:
    """A group allows its members and nothing else; decryption is in one only."""
    policy = parse_policy([f"{group}:*"])
    allowed = {name for name in OPERATIONS if policy.allows(name, KeyFacts(ID))}
    assert allowed == GROUPS[group]
    assert ("Decrypt" in allowed) == (group == "decrypt")


def test_pairs_with_and_without_plaintext_are_different_rights() -> None:
    """Neither group holds an operation of the other."""
    assert GROUPS["pairs"].isdisjoint(GROUPS["pairs-without-plaintext"])
    assert all("WithoutPlaintext" in name for name in GROUPS["pairs-without-plaintext"])


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", True),
        (ID, True),
        (OTHER, False),
        ("alias/team-app", True),
        ("alias/team-*", True),
        ("alias/*app", True),
        ("alias/t*m*p", True),
        ("alias/team", False),
        ("alias/other-*", False),
        ("alias/TEAM-*", False),
        ("tag:Team=edge", True),
        ("tag:Team=e*", True),
        ("tag:Team=*", True),
        ("tag:Team=Edge", False),
        ("tag:Team=", False),
        ("tag:Stage=edge", False),
    ],
)
def test_a_pattern_fits_ids_aliases_or_tags(pattern: str, *, fits: bool) -> None:
    """A star stands for any characters, everything else for itself."""
    key = KeyFacts(ID, ["alias/team-app", "alias/x"], {"Team": "edge"})
    assert KeyPattern(pattern).fits(key) is fits


def test_what_limits_an_operation_is_found_once() -> None:
    """However many rules there are, a second question looks at patterns only."""
    policy = parse_policy([f"Decrypt:{ID}", "crypto:alias/a", "Decrypt:tag:a=b"])
    for _ in range(2):
        assert policy.allows("Decrypt", KeyFacts(OTHER, ("alias/b",), {"a": "b"}))
        assert not policy.allows("Encrypt", KeyFacts(ID, ("alias/b",), {"a": "b"}))
    assert [pattern.text for pattern in policy._limits["Decrypt"][1]] == [ID, "tag:a=b"]
    assert policy == parse_policy(
        [f"Decrypt:{ID}", "crypto:alias/a", "Decrypt:tag:a=b"]
    )


def test_an_operation_that_needs_a_key_is_refused_without_one() -> None:
    """Only who may use any key passes when no key is named."""
    assert not parse_policy([f"Decrypt:{ID}"]).allows("Decrypt", None)
    assert not Policy(frozenset({"Decrypt"})).allows("Decrypt", None)
    assert not Policy(frozenset({"*"})).allows("Decrypt", KeyFacts(ID))
    assert parse_policy(["Decrypt:*"]).allows("Decrypt", None)
    assert parse_policy([f"*:{ID}"]).allows("GenerateRandom", None)
    assert parse_policy(["GenerateRandom"]).allows("GenerateRandom", KeyFacts(ID))


def test_rules_add_up_and_do_not_mix() -> None:
    """The operations of one rule are not allowed on the keys of another."""
    policy = parse_policy([f"Decrypt:{ID}", f"Encrypt:{OTHER}"])
    assert policy.allows("Decrypt", KeyFacts(ID))
    assert policy.allows("Encrypt", KeyFacts(OTHER))
    assert not policy.allows("Decrypt", KeyFacts(OTHER))
    assert not policy.allows("Encrypt", KeyFacts(ID))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "is no operation"),
        ("Decryp:*", r"did you mean (Decrypt|decrypt)\?"),
        ("Decrypt", r"Decrypt:alias/name, or Decrypt:\* for all"),
        ("Decrypt,", "is no operation"),
        ("Decrypt:", "names no keys"),
        ("Decrypt:key-short", "names no keys"),
        ("Decrypt:key-*", "names no keys"),
        ("Decrypt:app-*", "names no keys"),
        ("Decrypt:tag:Team", "names no keys"),
        ("Decrypt:alias/ü", "names no keys"),
        ("Decrypt:*,", "names no keys"),
        ("qqqqqqq:*", "groups: pairs"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_hint(rule: str, said: str) -> None:
    """A policy never means less, or more, than whoever wrote it thought."""
    with pytest.raises(InvalidParameter, match=said):
        parse_policy([rule])


def test_an_empty_policy_is_refused() -> None:
    """Somebody who may do nothing was forgotten, not meant."""
    with pytest.raises(InvalidParameter, match="say what is allowed"):
        parse_policy([])


names = st.frozensets(st.sampled_from(sorted(OPERATIONS | GROUPS.keys())), min_size=1)
patterns = st.lists(
    st.one_of(
        st.just("*"),
        st.from_regex(r"\Akey-[a-z0-9]{21}\Z"),
        st.from_regex(r"\Aalias/[A-Za-z0-9_/*-]{1,20}\Z"),
        st.from_regex(r"\Atag:[A-Za-z0-9]{1,9}=[A-Za-z0-9.*]{0,9}\Z"),
    ),
    min_size=1,
)
rules = st.builds(lambda *words: tuple(map(frozenset, words)), names, patterns)


@given(st.lists(rules, min_size=1, max_size=4))
def test_what_is_printed_is_read_back(
    written: list[tuple[frozenset[str], frozenset[str]]],
) -> None:
    """Parsing what a policy prints gives that policy."""
    texts = [
        f"{','.join(sorted(some))}:{','.join(sorted(keys))}" for some, keys in written
    ]
    policy = parse_policy(texts)
    assert parse_policy(policy.texts()) == policy
    assert policy.texts() == tuple(texts)


def test_every_operation_without_key_is_one() -> None:
    """The table of exceptions names nothing that does not exist."""
    assert WITHOUT_KEY <= OPERATIONS
    assert not any("rypt" in name for name in WITHOUT_KEY)
