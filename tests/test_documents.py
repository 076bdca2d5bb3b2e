"""JSON and TOML from outside: read as written, or refused in one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.documents import (
    DEPTH_LIMIT,
    NUMBER_LIMIT,
    SETTINGS_BYTES,
    parse_json,
    read_toml,
)
from pairsmith.errors import InvalidParameter

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)

REFUSED = {
    "": "not JSON",
    "{} x": "not JSON",
    "{}{}": "not JSON",
    "'a'": "not JSON",
    '"a\nb"': "not JSON",
    "[1,]": "not JSON",
    '{"a": 1, "a": 1}': "a name twice",
    '[{"b": {"a": 1, "b": 2, "a": 3}}]': "a name twice",
    "NaN": "NaN is no number",
    "[Infinity]": "Infinity is no number",
    "-Infinity": "-Infinity is no number",
    "1e999999": "too large",
    "[-1e400]": "too large",
    "9" * 5000: "20 characters",
    "0." + "1" * 5000: "20 characters",
    '"\\ud800"': "no character",
    '{"\\uDFFF": 1}': "no character",
    '["\\ude00\\ud83d"]': "no character",
    "[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1): "32 levels",
    '{"a":' * 40_000: "32 levels",
    "[" * 100_000: "32 levels",
    "\ufeff{}": "byte order mark",
    b"\xef\xbb\xbf{}": "byte order mark",
    b"\xff\xfe{\x00}\x00": "not UTF-8",
    b"\x00{\x00}": "not JSON",
    b'"\xff"': "not UTF-8",
    '"\ud800"': "not UTF-8",
    b'"\xed\xa0\x80"': "not UTF-8",
    b" " * 300_000: "at most",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text)[:30])
def test_what_is_no_plain_json_is_refused_with_the_reason(text: str | bytes) -> None:
    """Deep, huge, ambiguous, not finite, not UTF-8: each ends in one short sentence."""
    with pytest.raises(InvalidParameter, match=REFUSED[text]) as caught:
        parse_json("record", text)
    assert len(str(caught.value)) < 200
    assert caught.value.parameter == "record"


@settings(deadline=None)
@given(DOCUMENTS, st.booleans())
def test_whatever_json_can_say_is_read_as_it_was_written(
    document: Any,
    ascii_only: bool,  # noqa: FBT001 -- hypothesis gives it by position
) -> None:
    """Escaped or not, as text or bytes."""
    text = json.dumps(document, ensure_ascii=ascii_only)
    assert parse_json("document", text) == document
    assert parse_json("document", text.encode()) == document


@settings(deadline=None)
@given(st.binary() | st.text() | st.lists(st.sampled_from('[]{}",:\\u0d8e-. ')))
def test_nothing_but_a_document_or_a_refusal_comes_back(text: Any) -> None:
    """Also of texts made of JSON's own characters; what is read is JSON for others."""
    text = "".join(text) if isinstance(text, list) else text
    try:
        document = parse_json("document", text)
    except InvalidParameter:
        return
    assert json.loads(text) == document


def test_the_limits_are_met_exactly() -> None:
    """The deepest, the longest and the largest that is allowed is read."""
    deep = "[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT
    assert json.dumps(parse_json("x", deep)) == deep
    brackets = json.dumps(['[{"\\' * 100])  # in a text they count for nothing
    assert parse_json("x", brackets) == ['[{"\\' * 100]
    assert parse_json("x", "9" * NUMBER_LIMIT) == int("9" * NUMBER_LIMIT)
    assert parse_json("x", b"7" + b" " * 9, limit=10) == 7
    with pytest.raises(InvalidParameter, match="10 bytes at most"):
        parse_json("x", b"7" + b" " * 10, limit=10)
    assert parse_json("x", '"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a = 1\na = 2", "overwrite"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "4300 digits"),
        (b"a = '\xff'", "not UTF-8"),
        (b"\xef\xbb\xbfa = 1", "byte order mark"),
        (b"#" * (SETTINGS_BYTES + 1), "bytes at most"),
    ],
    ids=["twice", "deep", "digits", "bytes", "mark", "long"],
)
def test_what_is_no_plain_toml_is_refused_with_its_path(
    tmp_path: Path, text: bytes, reason: str
) -> None:
    """A settings file or seed file says where it is, and what is wrong."""
    path = tmp_path / "a.toml"
    path.write_bytes(text)
    with pytest.raises(InvalidParameter, match=reason) as caught:
        read_toml("config", path)
    assert str(path) in str(caught.value)


def test_toml_is_read_with_its_text(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is an error that names it."""
    path = tmp_path / "a.toml"
    path.write_text("a = 1 # why")
    assert read_toml("config", path) == ({"a": 1}, "a = 1 # why")
    for other in (tmp_path, tmp_path / "none"):
        with pytest.raises(InvalidParameter, match=str(other)):
            read_toml("config", other)
