"""``/readyz`` and ``/metrics``, which are served without a signature.

Ready is a process that can serve: the database and the audit log take what every
operation asks of them. Healthy is one whose event loop turns, see ``app``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pairsmith.errors import DatabaseError
from pairsmith.server.checks import OK, Check
from pairsmith.server.path.origin import is_from_this_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from pairsmith.server.services import Services


class Health:
    """Both pages of one worker process.

    Args:
        services: What is looked at.
        look_at_nonces: Raises if no request of the OpenAPI would be served.
    """

    def __init__(self, services: Services, look_at_nonces: Callable[[], None]) -> None:
        self._services = services
        self._audit_key = services.access.audit_key()
        self._rendering: asyncio.Task[tuple[bytes, str]] | None = None
        self._checks = {
            "database": Check("database", self._look_at_database),
            "audit": Check("audit", services.audit.check),
            "nonces": Check("nonces", look_at_nonces),
        }

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        ]

    async def readyz(self, _request: Request) -> Response:
        """Say whether this process can serve, and if not, which part does not work."""
        checks = self._checks
        outcomes = await asyncio.gather(*(each.outcome() for each in checks.values()))
        ready = all(outcome == OK for outcome in outcomes)
        content = dict(zip(checks, outcomes, strict=True))
        return JSONResponse(content, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Give the figures of all workers, to this host or, if so set, to anybody."""
        public = self._services.settings.metrics.public
        if not public and not is_from_this_host(request.scope):
            return PlainTextResponse("only for this host: metrics.public\n", 403)
        # Who asks while others do gets the same: figures are counted once at a time.
        if self._rendering is None or self._rendering.done():
            render = asyncio.to_thread(self._services.metrics.render)
            self._rendering = asyncio.create_task(render)
        content, content_type = await asyncio.shield(self._rendering)
        return Response(content, headers={"content-type": content_type})

    def _look_at_database(self) -> None:
        """Read as operations do: keys, and what only this root key opens."""
        self._services.registry.list_keys(page_size=1)
        if self._services.access.kept_audit_key() != self._audit_key:
            raise DatabaseError(
                "The database is not the one that this server was started with: put "
                "that back, or start the server anew.",
                retryable=False,
            )
