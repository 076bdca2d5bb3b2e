"""From when until when a credential is valid: the one place that limits it.

A moment is kept in whole milliseconds, UTC. Nothing before 1970 can be kept, nor a
certificate be written of everything after; what is beyond either is refused here.
"""

from datetime import UTC, datetime, timedelta

from pairsmith.errors import InvalidParameter

LONGEST = timedelta(days=5 * 365 + 1)
"""Five years and a day, the documented default; no credential is valid for longer."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def parse_validity(
    not_before: datetime | None,
    not_after: datetime | None,
    now: datetime,
    longest: timedelta = LONGEST,
) -> tuple[datetime, datetime]:
    """Give the beginning and the end of a new credential's validity.

    Args:
        not_before: With a time zone; from now by default.
        not_after: Likewise; ``longest`` after the beginning by default.
        now: UTC.
        longest: How long it may be valid, ``LONGEST`` at most.

    Raises:
        InvalidParameter: It would end before it begins, be valid for too long, or begin
            before 1970 or further ahead than it may be valid.
    """
    longest = min(longest, LONGEST)
    begin = now if not_before is None else _moment("not_before", not_before)
    if not EARLIEST <= begin <= now + longest:
        raise InvalidParameter(
            "not_before",
            f"give a moment from 1970 on, and within {longest.days} days from now.",
        )
    end = begin + longest if not_after is None else not_after
    return begin, parse_end(begin, end, longest)


def parse_end(
    begin: datetime, not_after: datetime, longest: timedelta = LONGEST
) -> datetime:
    """Give the end of the validity of a credential that begins then.

    Raises:
        InvalidParameter: It would end before it begins, or be valid for too long.
    """
    end = _moment("not_after", not_after)
    if end <= begin:
        raise InvalidParameter("not_after", "it must be later than not_before.")
    if end - begin > longest:
        raise InvalidParameter(
            "not_after",
            f"it may be valid for {longest.days} days at most, which is until "
            f"{begin + longest:%Y-%m-%dT%H:%M:%SZ}; make a new one for later.",
        )
    return end


def _moment(name: str, value: datetime) -> datetime:
    """The moment in UTC and whole milliseconds."""
    if value.tzinfo is None:
        raise InvalidParameter(name, "give moments with their time zone.")
    try:
        moment = value.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidParameter(name, "give a moment of the years 1 to 9999.") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
