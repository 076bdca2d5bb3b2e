"""Encryption contexts: every context has one Aad, and no two have the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.errors import InvalidParameter
from pairsmith.parameters import encryption_context_aad

CONTEXTS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)


def test_the_form_is_as_documented() -> None:
    """Sorted, each text behind its length; nothing is empty."""
    aad = encryption_context_aad({"tenant": "7", "a": "ü"})
    label = b"pairsmith/encryption-context/v1"
    assert aad == label + b"\0\0\0\1a\0\0\0\2\xc3\xbc\0\0\0\6tenant\0\0\0\0017"
    assert encryption_context_aad({}) == b""


@given(CONTEXTS, CONTEXTS)
def test_two_contexts_have_one_aad_only_if_they_are_equal(
    one: dict[str, str], other: dict[str, str]
) -> None:
    """Whatever is in them, and in any order."""
    turned = dict(reversed(one.items()))
    assert encryption_context_aad(one) == encryption_context_aad(turned)
    same = encryption_context_aad(one) == encryption_context_aad(other)
    assert same is (one == other)


@pytest.mark.parametrize(
    "context",
    [None, [], "a", {"a": 1}, {1: "a"}, {"a": "\ud800"}, {"a": "x" * 9000}],
)
def test_what_is_no_context_is_refused(context: Any) -> None:
    """Other types, what is not Unicode, and what is too long for an Aad."""
    with pytest.raises(InvalidParameter) as refused:
        encryption_context_aad(context)
    assert refused.value.parameter == "encryption_context"
