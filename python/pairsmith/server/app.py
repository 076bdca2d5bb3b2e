"""The application of one worker process: both APIs on ``/``, and its health.

It speaks ASGI. The two addresses of which many requests come are answered right here;
the pages that few ask for are Starlette's.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from pairsmith.server.header_time import HeaderWatch
from pairsmith.server.health import Health
from pairsmith.server.instance_api.api import InstanceApi
from pairsmith.server.openapi.api import OpenApi
from pairsmith.server.path.answer import Answer
from pairsmith.server.path.hallway import Hallway
from pairsmith.server.path.workplaces import Workplaces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send

    from pairsmith.server.services import Services

INSTANCE_HEADERS = frozenset(
    {b"x-kms-apiname", b"x-kms-apiversion", b"x-kms-acccesskeyid"}
)
"""What names the Instance API. Whatever lacks them is a request to the OpenAPI, which
answers in JSON also when it is none."""

HEALTHY = Answer(200, b"ok\n", ((b"content-type", b"text/plain; charset=utf-8"),))
ONLY_GET = Answer(405, headers=((b"allow", b"GET, HEAD"),))
ONLY_POST = Answer(405, headers=((b"allow", b"POST"),))


class Application:
    """An ASGI application that leads each request to what it is for.

    Args:
        services: What it stands on; closed when the application ends.
        also: Further pages.
    """

    def __init__(self, services: Services, also: Sequence[Route] = ()) -> None:
        limits = services.settings.limits
        self._services = services
        self._places = Workplaces(services.registry, services.settings)
        self._hallway = Hallway(services, self._places)
        self._instance_api, self._openapi = InstanceApi(services), OpenApi(services)
        self._watch = HeaderWatch(services.settings.listen.port, limits.header_seconds)
        health = Health(services, self._openapi.check)
        self._pages = Starlette(
            routes=[*health.routes(), *also], lifespan=self._lifespan
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live from the start to the end."""
        client = scope.get("client")
        peer = None if client is None else self._watch.begin(client)
        try:
            path = scope.get("path")
            if path == "/":
                if not any(name in INSTANCE_HEADERS for name, _ in scope["headers"]):
                    await self._hallway.serve(self._openapi, scope, receive, send)
                elif scope["method"] == "POST":
                    await self._hallway.serve(self._instance_api, scope, receive, send)
                else:
                    await ONLY_POST.send(send)
            elif path == "/healthz":
                is_read = scope["method"] in ("GET", "HEAD")
                await (HEALTHY if is_read else ONLY_GET).send(send)
            else:
                await self._pages(scope, receive, send)
        finally:
            if peer is not None:
                self._watch.end(peer)

    @asynccontextmanager
    async def _lifespan(self, _pages: Starlette) -> AsyncIterator[None]:
        """Finish what was accepted before the process ends."""
        watching = asyncio.create_task(self._watch.run())
        yield
        watching.cancel()
        await self._places.close()
        self._openapi.close()
        await asyncio.to_thread(self._services.close)
