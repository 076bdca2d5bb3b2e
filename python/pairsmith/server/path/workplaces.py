"""Where the work of one worker process is done: at once, in threads, or as RSA pairs.

What is brief and waits for nothing is done where the request is. What may wait for the
database or takes longer is done in a few threads. A flood of RSA pairs must leave all
of that served: they have threads of their own, as many as there may be pairs, in which
nobody queues; and if there may be several pairs, one of them is not for RSA: the guard
of ``spare`` sees to it between processes.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

from pairsmith.errors import ServiceUnavailable, Throttled
from pairsmith.instance.guards import open_guard
from pairsmith.server.path.refusals import QuotaExceeded
from pairsmith.server.path.threads import FairThreads
from pairsmith.server.path.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairsmith.registry import Registry
    from pairsmith.server.path.call import Call, Work
    from pairsmith.server.path.turns import Turn
    from pairsmith.server.settings import Settings

Answer = TypeVar("Answer")

BRIEF_BYTES = 16 * 1024
"""Up to which length of its body a request is brief: hashing and sealing 3 MB would
stop everybody else for milliseconds."""

POLL_SECONDS = 0.01
"""How often a pair that may wait looks for a free slot again."""


RSA_NICE = 5
"""By how much threads that search for RSA pairs yield to everything else."""


class Workplaces:
    """The places of one worker process where work is done.

    Args:
        registry: Whose guards there are.
        settings: As the operator gave them.
    """

    def __init__(self, registry: Registry, settings: Settings) -> None:
        limits, pairs = settings.limits, settings.pairs
        at_once = max(1, pairs.limit - 1)
        self._threads = FairThreads(
            "quick", limits.threads, limits.requests, ServiceUnavailable
        )
        self._rsa = FairThreads(
            "rsa", at_once, at_once, Throttled, share_percent=100, nice=RSA_NICE
        )
        self._turns = Turns(pairs, settings.listen.workers)
        self._spare = None
        if pairs.limit > 1:
            self._spare = open_guard(registry, at_once, "-rsa")
        # A slot beside an SQLite database is a lock that is there or not; one of a
        # server in the network takes asking.
        self._slots_are_near = registry.guard_path is not None
        self._patience = pairs.wait_ms / 1000
        self._places = pairs.waiting

    def is_brief(self, call: Call) -> bool:
        """Whether the work may be done where the request is."""
        if call.spec:
            return self._slots_are_near and not call.is_long
        return call.is_brief

    async def in_thread(self, principal_id: str, work: Callable[[], Answer]) -> Answer:
        """Do something that may wait, in a thread.

        Args:
            principal_id: For whom; ``NOBODY`` for whoever is not recognised yet.
            work: What to do.

        Raises:
            QuotaExceeded: Its principal has its share of the threads' queue already.
            ServiceUnavailable: Too much waits for threads already.
        """
        return await self._threads.run(principal_id, work)

    def turn(self, principal_id: str, call: Call) -> Turn | None:
        """The turn of whoever asks for a pair; ``None`` if it is for none."""
        if not call.spec:
            return None
        return self._turns.of(principal_id, is_long=call.is_long)

    async def pair(
        self,
        principal_id: str,
        call: Call,
        work: Work,
        turn: Turn,
        refusal: Throttled | None,
    ) -> Any:  # noqa: ANN401 -- the pair
        """Make a pair as soon as it is its turn, if that is within the patience.

        Args:
            principal_id: For whom.
            call: What was asked for.
            work: Makes it.
            turn: Its own.
            refusal: What an attempt has come to that was made already.

        Raises:
            QuotaExceeded: Its client makes more than its share.
            Throttled: There is no slot for it in time.
        """
        deadline = time.monotonic() + self._patience
        with turn:
            while True:
                if refusal is not None and not await turn.wait():
                    await self._have_patience(deadline, refusal)
                try:
                    return await self._attempt(principal_id, call, work, turn)
                except QuotaExceeded:
                    raise
                except Throttled as error:
                    refusal = error

    async def close(self) -> None:
        """Finish what has begun."""
        await self._rsa.close()
        await self._threads.close()
        if self._spare is not None:
            self._spare.close()

    async def _attempt(
        self, principal_id: str, call: Call, work: Work, turn: Turn
    ) -> Any:  # noqa: ANN401 -- the pair
        if call.is_long:
            with turn.attempt():
                return await self._rsa.run(
                    principal_id, lambda: self._make_rsa_pair(work)
                )

        def make() -> Any:  # noqa: ANN401 -- the pair
            with turn.attempt():
                return work()

        return (
            make() if self.is_brief(call) else await self.in_thread(principal_id, make)
        )

    def _make_rsa_pair(self, work: Work) -> Any:  # noqa: ANN401 -- the pair
        if self._spare is None:
            return work()
        slot = self._spare.acquire()
        try:
            return work()
        finally:
            self._spare.release(slot)

    async def _have_patience(self, deadline: float, refusal: Throttled) -> None:
        """Wait a moment for a slot that is taken elsewhere, or give up."""
        if time.monotonic() >= deadline or not self._places:
            raise refusal
        self._places -= 1
        try:
            await asyncio.sleep(POLL_SECONDS)
        finally:
            self._places += 1
