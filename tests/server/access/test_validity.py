"""How long credentials may be valid, and that no date is an internal failure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from clock import NOON, Clock
from pairsmith.errors import InvalidParameter
from pairsmith.server.access.model import Identity
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.access.validity import LONGEST, parse_validity

POLICY = parse_policy(["pairs:*"])
NOW = datetime.fromtimestamp(NOON, UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
EAST, WEST = (timezone(timedelta(hours=hours)) for hours in (14, -12))

Make = Callable[..., Identity]


@pytest.fixture(params=["client", "access key"])
def make(store: AccessStore, request: pytest.FixtureRequest) -> Make:
    """Makes a credential of either kind."""
    if request.param == "client":
        return lambda **given: store.create_client("app", POLICY, **given).key
    return lambda **given: store.create_access_key("app", POLICY, **given)[0]


def count(store: AccessStore) -> int:
    """How many credentials there are."""
    return len(store.clients()) + len(store.access_keys())


def test_the_longest_validity_is_the_documented_default(make: Make) -> None:
    """Five years and a day may be given, now or later, and are what there is else."""
    for begin in (NOW, NOW - DAY, NOW + DAY, NOW + LONGEST):
        key = make(not_before=begin, not_after=begin + LONGEST)
        assert (key.not_before, key.not_after) == (begin, begin + LONGEST)
        assert make(not_before=begin).not_after == begin + LONGEST
    assert make().not_after == NOW + timedelta(days=1826)


@pytest.mark.parametrize(
    "given",
    [
        {"not_after": NOW + LONGEST + SECOND},
        {"not_after": NOW + LONGEST + timedelta(milliseconds=1)},
        {"not_after": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)},
        {"not_after": datetime.max.replace(tzinfo=UTC)},
        {"not_after": datetime.max.replace(tzinfo=WEST)},
        {"not_after": datetime.min.replace(tzinfo=EAST)},
        {"not_after": NOW},
        {"not_after": NOW - DAY},
        {"not_after": NOW.replace(tzinfo=None)},
        {"not_before": NOW.replace(tzinfo=None)},
        {"not_before": NOW, "not_after": NOW},
        {"not_before": NOW + DAY, "not_after": NOW},
        {"not_before": NOW, "not_after": NOW + timedelta(microseconds=999)},
        {"not_before": NOW - DAY, "not_after": NOW - DAY + LONGEST + SECOND},
        {"not_before": NOW + LONGEST + SECOND},
        {"not_before": datetime(9998, 1, 1, tzinfo=UTC)},
        {"not_before": datetime.max.replace(tzinfo=UTC)},
        {"not_before": datetime.max.replace(tzinfo=WEST)},
        {"not_before": datetime.min.replace(tzinfo=UTC)},
        {"not_before": datetime.min.replace(tzinfo=EAST)},
        {"not_before": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)},
        {"not_before": datetime(1949, 12, 31, tzinfo=UTC), "not_after": NOW},
        {"not_before": datetime(1, 1, 1, tzinfo=UTC), "not_after": NOW},
    ],
)
def test_a_validity_that_cannot_be_is_refused(
    store: AccessStore, make: Make, given: dict[str, Any]
) -> None:
    """By name of the parameter, for either kind; and nothing is made."""
    with pytest.raises(InvalidParameter) as refused:
        make(**given)
    assert refused.value.parameter in given
    assert count(store) == 0


def test_what_is_made_is_what_is_kept(store: AccessStore, make: Make) -> None:
    """In UTC and milliseconds, however it was given; back to the first moment."""
    begin = datetime(1970, 1, 1, 14, microsecond=999, tzinfo=EAST)
    early = make(not_before=begin, not_after=begin + DAY)
    odd = make(
        not_before=(NOW + timedelta(microseconds=1999)).astimezone(WEST),
        not_after=(NOW + DAY).astimezone(EAST),
    )
    assert early.not_before == datetime(1970, 1, 1, tzinfo=UTC)
    assert odd.not_before == NOW + timedelta(milliseconds=1)
    assert odd.not_before.tzinfo is odd.not_after.tzinfo is UTC
    assert [*store.clients(), *store.access_keys()] == [early, odd]


def test_an_end_is_moved_within_the_longest_validity_only(
    store: AccessStore, make: Make, clock: Clock
) -> None:
    """It is counted from the beginning: moving the end again and again adds nothing."""
    key = make()
    store.set_not_after(key.id, NOW + DAY)
    clock.advance(days=1000)
    store.set_not_after(key.id, NOW + LONGEST)
    for end in (
        NOW + LONGEST + SECOND,
        NOW + LONGEST + timedelta(days=1000),
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=WEST),
        datetime.min.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=EAST),
        NOW,
        NOW.replace(tzinfo=None),
    ):
        with pytest.raises(InvalidParameter, match="not_after"):
            store.set_not_after(key.id, end)
    (kept,) = [*store.clients(), *store.access_keys()]
    assert kept.not_after == NOW + LONGEST


def test_a_shorter_longest_validity_counts_for_the_default_too() -> None:
    """A longer one than the longest there is does not."""
    month = timedelta(days=30)
    assert parse_validity(None, None, NOW, month) == (NOW, NOW + month)
    assert parse_validity(None, None, NOW, 2 * LONGEST) == (NOW, NOW + LONGEST)
    with pytest.raises(InvalidParameter, match="30 days at most"):
        parse_validity(None, NOW + month + SECOND, NOW, month)
    with pytest.raises(InvalidParameter, match="not_before"):
        parse_validity(NOW + month + SECOND, NOW + month + DAY, NOW, month)
