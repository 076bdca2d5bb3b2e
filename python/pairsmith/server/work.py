"""Where the work of one worker process is done: quick things here, RSA pairs there.

A flood of RSA pairs must leave everything else served. So RSA pairs have a lane of as
many threads as there may be pairs, in which nobody queues; and if there may be several
pairs, one of them is not for RSA: the guard of ``spare`` sees to it between processes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pairsmith.errors import ServiceUnavailable, Throttled
from pairsmith.instance.guards import open_guard
from pairsmith.server.lanes import Lane
from pairsmith.server.turns import Turns

if TYPE_CHECKING:
    from pairsmith.instance import Instance
    from pairsmith.registry import Registry
    from pairsmith.results import Result
    from pairsmith.server.instance_api.operations import Call
    from pairsmith.server.settings import Settings
    from pairsmith.server.turns import Turn


class Work:
    """The lanes of one worker process.

    Attributes:
        quick: For everything but RSA pairs.
        long: For RSA pairs.
        turns: Whose turn it is to make a pair of either kind.
    """

    def __init__(
        self, instance: Instance, registry: Registry, settings: Settings
    ) -> None:
        limits, pairs = settings.limits, settings.pairs.limit
        at_once = max(1, pairs - 1)
        self.quick = Lane("quick", limits.threads, limits.requests, ServiceUnavailable)
        self.long = Lane("rsa", at_once, at_once, Throttled)
        self.turns = Turns(settings.pairs, settings.listen.workers)
        self._instance = instance
        self._spare = open_guard(registry, at_once, "-rsa") if pairs > 1 else None

    async def pair(self, call: Call, turn: Turn) -> Result:
        """Make a pair of either kind, in its lane.

        Raises:
            QuotaExceeded: Its client makes more than its share.
            Throttled: There is no slot for it now.
        """
        if not call.is_long:
            return await self.quick.run(partial(self.short_pair, call, turn))
        with turn.attempt():
            return await self.long.run(lambda: self._make_rsa_pair(call))

    def short_pair(self, call: Call, turn: Turn) -> Result:
        """Make a pair of an elliptic curve, on this thread.

        Raises:
            Throttled: There is no slot for it now.
        """
        with turn.attempt():
            return call.work(self._instance)

    async def close(self) -> None:
        """Finish what has begun."""
        await self.long.close()
        await self.quick.close()
        if self._spare is not None:
            self._spare.close()

    def _make_rsa_pair(self, call: Call) -> Result:
        if self._spare is None:
            return call.work(self._instance)
        slot = self._spare.acquire()
        try:
            return call.work(self._instance)
        finally:
            self._spare.release(slot)
