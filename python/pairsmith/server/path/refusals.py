"""Refusals that are not for ever: quotas, and when to ask again."""

from __future__ import annotations

from math import ceil

from pairsmith.errors import PairsmithError, Throttled

TOO_MANY = 429
UNAVAILABLE = 503
SOON_SECONDS = 1
"""After which most of what refuses has passed; official SDKs ask again by then."""


class SenderRefused(PairsmithError):  # noqa: N818 -- like those of errors.py
    """Nobody who is known has signed the request; each address may have some of it."""


class QuotaExceeded(Throttled):
    """One client key has more than its share of what others need, too.

    Args:
        seconds: When its share allows the next request.
        message: For the log: of what, and which setting says so.
    """

    def __init__(self, seconds: float, message: str) -> None:
        super().__init__(message)
        self.seconds = seconds


def retry_headers(error: PairsmithError) -> tuple[tuple[bytes, bytes], ...]:
    """The header that tells when to ask again (RFC 9110, section 10.2.3), if any."""
    seconds = SOON_SECONDS
    if isinstance(error, QuotaExceeded):
        seconds = max(1, ceil(error.seconds))
    elif error.http_status not in (TOO_MANY, UNAVAILABLE):
        return ()
    return ((b"retry-after", b"%d" % seconds),)
