"""Refusals that are not for ever: quotas, and when to ask again."""

from __future__ import annotations

from math import ceil

from pairsmith.errors import PairsmithError, Throttled

TOO_MANY = 429
UNAVAILABLE = 503
SOON_SECONDS = 1
"""After which most of what refuses has passed; official SDKs ask again by then."""


class QuotaExceeded(Throttled):
    """One client key has more than its share of what others need, too.

    Args:
        seconds: When its share allows the next request.
        message: For the log: of what, and which setting says so.
    """

    def __init__(self, seconds: float, message: str) -> None:
        super().__init__(message)
        self.seconds = seconds


def retry_headers(error: PairsmithError) -> dict[str, str]:
    """The header that tells when to ask again (RFC 9110, section 10.2.3), if any."""
    if isinstance(error, QuotaExceeded):
        return {"retry-after": str(max(1, ceil(error.seconds)))}
    if error.http_status in (TOO_MANY, UNAVAILABLE):
        return {"retry-after": str(SOON_SECONDS)}
    return {}
