"""``/healthz``, ``/readyz`` and ``/metrics``: all that is served without a signature.

Healthy is a process whose event loop turns. Ready is one that can serve: it reads the
database and writes the audit log.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pairsmith.errors import PairsmithError
from pairsmith.server.front import remote_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from pairsmith.server.services import Services

BELIEVED_SECONDS = 1.0
"""How long an answer of ``/readyz`` is given again: asking must not be work."""

PATIENCE_SECONDS = 5.0


class Health:
    """The three pages of one worker process.

    Args:
        services: What is looked at.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = asyncio.Lock()
        self._checks: dict[str, str] = {}
        self._checked = float("-inf")

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        ]

    async def healthz(self, _request: Request) -> Response:
        """Say that this process answers."""
        return PlainTextResponse("ok\n")

    async def readyz(self, _request: Request) -> Response:
        """Say whether this process can serve, and if not, which part does not work."""
        async with self._lock:
            if time.monotonic() - self._checked > BELIEVED_SECONDS:
                self._checks = await self._look()
                self._checked = time.monotonic()
        ready = all(state == "ok" for state in self._checks.values())
        return JSONResponse(self._checks, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Give the figures of all workers, to this host or, if so set, to anybody."""
        public = self._services.settings.metrics.public
        if not public and not is_loopback(remote_address(request.scope)):
            return PlainTextResponse("only for this host: metrics.public\n", 403)
        content, content_type = await asyncio.to_thread(self._services.metrics.render)
        return Response(content, headers={"content-type": content_type})

    async def _look(self) -> dict[str, str]:
        checks = {"database": self._look_at_database, "audit": self._look_at_audit}
        return {name: await _outcome(check) for name, check in checks.items()}

    def _look_at_database(self) -> None:
        self._services.registry.list_keys(page_size=1)

    def _look_at_audit(self) -> None:
        self._services.audit.check()


async def _outcome(check: Callable[[], None]) -> str:
    """``ok``, or what the operator is to know; the answer is for anybody to read."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.to_thread(check)
    except TimeoutError:
        return "does not answer"
    except PairsmithError as error:
        return error.code
    return "ok"


def is_loopback(address: str) -> bool:
    """Whether an address is one of this host's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
