"""Checks that many ask for and one thread makes, within a bounded time."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

from pairsmith.errors import InternalFailure, PairsmithError
from pairsmith.server.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

OK = "ok"
SILENT = "does not answer"

BELIEVED_SECONDS = 1.0
"""How long an outcome is given again: asking must not be work."""

PATIENCE_SECONDS = 3.0
"""How long the first caller waits for an outcome."""


class Check:
    """One check; used from one event loop.

    While it runs, whoever asks waits for the same outcome. Once it has taken longer
    than the patience, everybody is told so at once, and no second one is begun: a check
    that hangs costs one thread, however often it is asked for.

    Args:
        name: Of the part that is looked at.
        look: Returns if that works; else raises ``PairsmithError``.
        clock: Gives the time.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._look = look
        self._clock = clock
        self._running: Future[str] | None = None
        self._begun = 0.0
        self._outcome = ""
        self._known_at = float("-inf")

    async def outcome(self) -> str:
        """Give ``ok``, or what the operator is to know: anybody may read it."""
        if self._running is None:
            if self._clock() - self._known_at <= BELIEVED_SECONDS:
                return self._outcome
            self._running = self._begin()
        running = self._running
        left = self._begun + PATIENCE_SECONDS - self._clock()
        if left > 0:
            await asyncio.wait([asyncio.wrap_future(running)], timeout=left)
        if not running.done():
            return SILENT
        if self._running is running:
            self._running = None
            self._outcome, self._known_at = running.result(), self._clock()
        return running.result()

    def _begin(self) -> Future[str]:
        future: Future[str] = Future()
        future.set_running_or_notify_cancel()  # others wait for it, too
        self._begun = self._clock()
        # A daemon, which does not keep the process from ending.
        Thread(
            target=lambda: future.set_result(self._made()),
            name=f"check-{self._name}",
            daemon=True,
        ).start()
        return future

    def _made(self) -> str:
        try:
            self._look()
        except PairsmithError as error:
            if self._outcome != error.code:  # told once, not at every poll
                logger().warning(
                    "not ready", path=self._name, code=error.code, reason=str(error)
                )
            return error.code
        except Exception:  # noqa: BLE001 -- a defect is no readiness either
            logger().exception("defect", path=self._name)
            return InternalFailure.code
        return OK
