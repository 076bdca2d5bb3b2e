"""Concurrency limit: how many requests are under way, and how many of one principal.

A request is under way from when it is known who has sent it until its answer is ready:
what takes the time is a thread, a slot for a pair, or the audit log's disk.
"""

from __future__ import annotations

from pairsmith.errors import ServiceUnavailable
from pairsmith.server.path.refusals import SOON_SECONDS, QuotaExceeded


class Admission:
    """The requests under way of one worker process; used in one event loop.

    Args:
        limit: How many there may be; no principal has more than half of them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._share = max(1, limit // 2)
        self._count = 0
        self._of: dict[str, int] = {}

    @property
    def count(self) -> int:
        """How many are under way."""
        return self._count

    def enter(self, principal_id: str) -> None:
        """Let one more be under way; ``leave`` ends it.

        Raises:
            QuotaExceeded: Its principal has its share already.
            ServiceUnavailable: There are as many as there may be.
        """
        own = self._of.get(principal_id, 0)
        if own >= self._share:
            raise QuotaExceeded(
                SOON_SECONDS, "Its requests take half of limits.requests."
            )
        if self._count >= self._limit:
            raise ServiceUnavailable("Requests under way take all of limits.requests.")
        self._count += 1
        self._of[principal_id] = own + 1

    def leave(self, principal_id: str) -> None:
        """End one that had entered."""
        self._count -= 1
        left = self._of[principal_id] - 1
        if left:
            self._of[principal_id] = left
        else:
            del self._of[principal_id]
