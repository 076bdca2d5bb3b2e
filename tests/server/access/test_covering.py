"""Whether one policy is within another: never yes wrongly, yes where it is plain."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pairsmith.registry.selection import glob_fits
from pairsmith.server.access.operations import GROUPS, OPERATIONS
from pairsmith.server.access.policy import (
    ClientName,
    KeyFacts,
    Policy,
    Subject,
    parse_policy,
)

K1, K2 = ("key-" + letter * 21 for letter in "ab")

WITHIN: list[tuple[list[str], list[str]]] = [
    (["*"], ["*"]),
    (["*"], ["*:*"]),
    (["*"], ["crypto:*", "clients:a", "ListKeys", "GenerateRandom"]),
    ([f"*:{K1}"], [f"crypto,manage:{K1}"]),
    (["clients:*", f"crypto:{K1}"], [f"crypto:{K1}"]),
    ([f"crypto:{K1}"], [f"Encrypt:{K1}", "GenerateRandom"]),
    ([f"{','.join(GROUPS['crypto'])}:{K1}"], [f"crypto:{K1}"]),
    ([f"crypto:{K1}", f"decrypt:{K2}"], [f"Encrypt:{K1}", f"Decrypt:{K2}"]),
    (["crypto:alias/a-*"], ["crypto:alias/a-b,alias/a-*-c"]),
    (["crypto:alias/a-*"], ["crypto:alias/a-*"]),
    (["crypto:alias/a*b*c"], ["crypto:alias/a*bb*c,alias/abc"]),
    (["crypto:tag:Team=*"], ["crypto:tag:Team=edge,tag:Team=e*"]),
    (["clients:team-*"], ["CreateClientKey:team-a-*,team-b"]),
    (["ListKeys"], ["ListKeys:alias/a"]),
    (["ListKeys"], ["ListKeys"]),
    (["read:*"], ["ListKeys"]),
    ([f"crypto:{K1}"], ["GenerateRandom:*"]),
    (["re-encrypt:*"], ["ReEncryptFrom:alias/a"]),
    (["clients:team-a"], ["clients:alias/x,team-a"]),
]

BEYOND: list[tuple[list[str], list[str]]] = [
    (["clients:*"], ["*"]),
    (["clients:*"], ["GenerateRandom"]),
    (["clients:*"], [f"crypto:{K1}"]),
    ([f"crypto:{K1}"], [f"crypto:{K2}"]),
    ([f"crypto:{K1}"], [f"crypto:{K1},{K2}"]),
    ([f"crypto:{K1}"], [f"crypto:{K1}", f"crypto:{K2}"]),
    ([f"crypto:{K1}"], [f"decrypt:{K1}"]),
    ([f"crypto:{K1}"], [f"crypto,decrypt:{K1}"]),
    ([f"crypto:{K1}", f"decrypt:{K2}"], [f"decrypt:{K1}"]),
    ([f"crypto:{K1}"], ["crypto:*"]),
    ([f"crypto:{K1}"], ["crypto:alias/app"]),
    (["crypto:alias/*"], [f"crypto:{K1}"]),
    (["crypto:alias/*"], ["crypto:*"]),
    (["crypto:tag:Team=*"], [f"crypto:{K1}"]),
    (["crypto:tag:Team=e*"], ["crypto:tag:Team=*"]),
    (["crypto:tag:Team=*"], ["crypto:tag:Stage=edge"]),
    (["crypto:alias/a-*"], ["crypto:alias/*"]),
    (["crypto:alias/a-*"], ["crypto:alias/a*"]),
    (["crypto:alias/a*c"], ["crypto:alias/ab*"]),
    (["crypto:alias/ab"], ["crypto:alias/a*b"]),
    ([f"*:{K1}"], ["*"]),
    ([f"*:{K1}"], ["clients:a"]),
    ([f"{','.join(sorted(OPERATIONS))}:*"], ["*"]),
    (["read:alias/a"], ["ListKeys"]),
    (["read:alias/a"], ["ListKeys:*"]),
    (["clients:team-a-*"], ["clients:*"]),
    (["clients:team-a-*"], ["clients:team-*"]),
    (["clients:alias/*"], ["clients:team-a"]),
    (["CreateClientKey:*"], ["clients:*"]),
    (["ReEncryptFrom,ReEncryptTo:*"], ["ReEncrypt:*"]),
]


@pytest.mark.parametrize(("rules", "others"), WITHIN)
def test_what_is_within_is_covered(rules: list[str], others: list[str]) -> None:
    """Each operation on each pattern is within one of the rules."""
    assert parse_policy(rules).covers(parse_policy(others))


@pytest.mark.parametrize(("rules", "others"), BEYOND)
def test_what_is_beyond_is_not_covered(rules: list[str], others: list[str]) -> None:
    """Whatever one operation, pattern or rule adds; aliases and tags may move."""
    assert not parse_policy(rules).covers(parse_policy(others))


def test_a_policy_that_was_not_parsed_is_judged_strictly() -> None:
    """Operations without patterns allow nothing on keys, and are not taken for less."""
    for name in ("*", "Decrypt", "clients", "manage"):
        unlimited = Policy(frozenset({name}))
        assert not parse_policy([f"crypto:{K1}"]).covers(unlimited)
        assert not unlimited.covers(parse_policy(["decrypt:*"]))


names = st.sampled_from(
    ["*", "crypto", "decrypt", "re-encrypt", "read", "clients", "Encrypt", "ListKeys",
     "GenerateRandom", "CreateClientKey", "ReEncryptTo", "DescribeKey"]
)  # fmt: skip
texts = st.text("ab*", max_size=4)
patterns = st.one_of(
    st.sampled_from(["*", K1, K2]),
    texts.map(lambda text: f"alias/a{text}"),
    texts.map(lambda text: f"tag:a={text}"),
)
clients = texts.map(lambda text: f"a{text}")
few = {"min_size": 1, "max_size": 3}
rules = st.one_of(
    st.builds(
        lambda some, keys: f"{','.join(some)}:{','.join(keys)}",
        st.lists(names, **few), st.lists(patterns, **few),
    ),
    st.builds(lambda keys: f"clients:{','.join(keys)}",
              st.lists(st.one_of(clients, patterns), **few)),
    st.sampled_from(["*", "ListKeys", "CreateClientKey", "GenerateRandom,ListKeys"]),
)  # fmt: skip
policies = st.lists(rules, **few).map(parse_policy)
plain = st.text("abc", max_size=4)
subjects: st.SearchStrategy[Subject | None] = st.one_of(
    st.none(),
    plain.map(lambda text: ClientName(f"a{text}")),
    st.builds(
        KeyFacts,
        st.sampled_from([K1, K2]),
        st.lists(plain.map(lambda text: f"alias/a{text}"), max_size=2),
        st.dictionaries(st.sampled_from("ab"), plain, max_size=2),
    ),
)


@settings(max_examples=400)
@given(policies, policies, st.lists(subjects, min_size=1, max_size=8))
@example(parse_policy(["*"]), parse_policy([f"*:{K1}"]), [KeyFacts(K2), None])
def test_a_policy_that_is_covered_allows_nothing_more(
    policy: Policy, other: Policy, about: list[Subject | None]
) -> None:
    """Whatever the operation and whatever it is about."""
    assert policy.covers(policy)
    if not policy.covers(other):
        return
    for operation in OPERATIONS:
        for subject in about:
            assert policy.allows(operation, subject) >= other.allows(operation, subject)


@given(policies, st.lists(subjects, min_size=1))
def test_what_is_allowed_on_anything_needs_no_look(
    policy: Policy, about: list[Subject | None]
) -> None:
    """Then it is allowed on each."""
    for operation in OPERATIONS:
        if policy.allows_any(operation):
            assert all(policy.allows(operation, subject) for subject in about)


@given(st.text("ab*", max_size=8), st.text("ab*", max_size=8))
def test_stars_stand_for_any_characters(pattern: str, text: str) -> None:
    """As the regular expression says that the pattern stands for."""
    parts = [re.escape(part) for part in pattern.split("*")]
    assert glob_fits(pattern, text) == bool(re.fullmatch(".*".join(parts), text))


def test_many_stars_do_not_take_for_ever() -> None:
    """A pattern and a text on which a backtracking search would not end."""
    assert not glob_fits("a*" * 100 + "b", "a" * 10_000)
    assert glob_fits("a*" * 100, "a" * 10_000)
