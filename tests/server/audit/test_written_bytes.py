"""Lines have the bytes that the plain way of writing them gives."""

import hashlib
import hmac
import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from entries import KEY
from hypothesis import example, given
from hypothesis import strategies as st

from pairsmith.server.audit import AuditEntry
from pairsmith.server.audit.bounds import (
    OWN_CHARACTERS,
    bounded,
    bounded_json,
    is_plain,
)
from pairsmith.server.audit.chain import Head, write_lines
from pairsmith.server.audit.entry import event_json, moment_text
from pairsmith.server.audit.mac import Mac

PLAIN = st.text("aZ09 !#/:.-[]~", max_size=9)
"""What nearly all texts consist of: they need no escapes."""

ESCAPED = (*range(32), ord('"'), ord("\\"), 127)

TEXTS = st.one_of(
    PLAIN,
    st.text(max_size=9),
    st.text('é"\\\n\x00\x7f\ud800😀a', max_size=9),
    st.integers(505, 520).map("t".__mul__),
)
ZONES = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
MOMENTS = st.datetimes(
    datetime(1001, 1, 1),  # noqa: DTZ001 -- the time zone is drawn, too
    datetime(2500, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC) | ZONES,
)
SCALARS = TEXTS | st.integers() | st.booleans() | st.none() | st.binary() | st.floats()
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(TEXTS, SCALARS, max_size=3)
)
TOLD_PLAINLY = st.dictionaries(PLAIN, PLAIN | st.integers(), max_size=3)
TOLD = TOLD_PLAINLY | st.dictionaries(TEXTS, VALUES, max_size=3)


def entries_of(
    texts: st.SearchStrategy[str], told: st.SearchStrategy[dict[str, Any]]
) -> st.SearchStrategy[AuditEntry]:
    """Entries with such texts, requests and results."""
    return st.builds(
        AuditEntry,
        **{each.name: texts for each in fields(AuditEntry) if each.type is str},
        http_status=st.integers(100, 599),
        time=MOMENTS,
        duration_seconds=st.floats(0, 1e9) | st.integers(0, 9),
        key_ids=st.lists(texts, max_size=3).map(tuple),
        request=told,
        result=told,
    )


def dumped(told: Any) -> str:
    """As the standard library writes it, with no spaces."""
    return json.dumps(told, separators=(",", ":"))


def moment(time: datetime) -> str:
    """As the standard library writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plainly(entry: AuditEntry) -> str:
    """An entry, field by field."""
    told: dict[str, Any] = {"time": moment(entry.time)}
    for each in fields(AuditEntry):
        if each.type is str and getattr(entry, each.name):
            told[each.name] = getattr(entry, each.name)[:512]
    if len(entry.key_ids) > 1:
        told["key_ids"] = [key_id[:512] for key_id in entry.key_ids]
    if entry.request:
        told["request"] = bounded(entry.request)
    if entry.result:
        told["result"] = bounded(entry.result, OWN_CHARACTERS)
    told["http_status"] = entry.http_status
    told["duration_seconds"] = round(entry.duration_seconds, 6)
    return dumped(told)


@given(entries_of(PLAIN, TOLD_PLAINLY) | entries_of(TEXTS, TOLD))
def test_an_entry_is_written_as_ever(entry: AuditEntry) -> None:
    """The same fields, order, cuts and escapes, whatever callers have chosen."""
    assert entry.to_json() == plainly(entry) == dumped(entry.to_dict())


@given(TOLD, st.sampled_from([512, OWN_CHARACTERS]))
@example({str(number): "x" for number in range(20)}, 512)
@example({str(number): "x" for number in range(300)}, 512)
@example({"a": True, "b": 1}, 512)
@example({"n" * 513: 1}, 512)
def test_a_request_is_bounded_as_ever(told: dict[str, Any], characters: int) -> None:
    """A few plain texts and numbers, or whatever else there is."""
    assert bounded_json(told, characters) == dumped(bounded(told, characters))


@pytest.mark.parametrize("before", ["", "x" * 511])
def test_plain_is_what_json_has_as_it_is(before: str) -> None:
    """Each character, in a text that is not longer than it may be."""
    characters = map(chr, range(0x11000))  # beyond the first plane, too
    told = [each for each in characters if is_plain(before + each)]
    assert told == [chr(each) for each in range(128) if each not in ESCAPED]
    assert all(dumped(each) == f'"{each}"' for each in told)
    assert not is_plain("x" * 513)


@given(MOMENTS)
@example(datetime(1425, 1, 1, 0, 0, 0, 999999, tzinfo=UTC))
def test_a_moment_is_written_as_ever(time: datetime) -> None:
    """In UTC, to the microsecond."""
    assert moment_text(time) == moment(time)
    event = {"time": moment(time), "event": "begin", "previous": "00"}
    assert event_json("begin", time, previous="00") == dumped(event)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_mac_is_that_of_the_standard_library(key: bytes, text: bytes) -> None:
    """With keys of any length, and again with the same key."""
    mac = Mac(key)
    for message in (text, text + b"x"):
        assert mac.of(message) == hmac.digest(key, message, "sha256")[:16]


@given(st.lists(TOLD, min_size=1, max_size=5), st.integers(0, 10**12), st.binary())
def test_lines_are_chained_and_signed_as_ever(
    group: list[dict[str, Any]], sequence: int, seed: bytes
) -> None:
    """Each with its number, the hash over the one before, and its signature."""
    told = [{"time": "now", **bounded(each)} for each in group]
    head = Head(sequence, hashlib.sha256(seed).digest())
    previous, digest, expected = b"", head.hash, []
    for number, each in enumerate(told, start=sequence + 1):
        body = dumped({"sequence": number, **each})[:-1].encode()
        previous, digest = digest, hashlib.sha256(digest + body).digest()
        mac = hmac.digest(KEY, digest, "sha256")[:16]
        seal = b',"hash":"%b","mac":"%b"}\n'
        expected.append(body + seal % (digest.hex().encode(), mac.hex().encode()))
    lines = write_lines(Mac(KEY), head, [dumped(each) for each in told])
    assert lines.text == b"".join(expected)
    assert lines.last == expected[-1]
    assert (lines.before, lines.head) == (previous, Head(number, digest))
