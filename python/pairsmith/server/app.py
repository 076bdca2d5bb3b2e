"""The application of one worker process: both APIs on ``/``, and its health."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from pairsmith.server.front import Front
from pairsmith.server.header_time import HeaderWatch, Watched
from pairsmith.server.health import Health
from pairsmith.server.openapi.endpoint import OpenApi
from pairsmith.server.origin import Origins, parse_networks
from pairsmith.server.work import Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pairsmith.server.services import Services


def create_app(services: Services, also: Sequence[Route] = ()) -> Starlette:
    """Build the application.

    Args:
        services: Closed when the application ends.
        also: Further pages.
    """
    work = Work(services.instance, services.registry, services.settings)
    openapi = OpenApi(services)
    listen, limits = services.settings.listen, services.settings.limits
    health = Health(services, openapi.check)
    watch = HeaderWatch(listen.port, limits.header_seconds)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        """Finish what was accepted before the process ends."""
        watching = asyncio.create_task(watch.run())
        yield
        watching.cancel()
        await work.close()
        await openapi.close()
        await asyncio.to_thread(services.close)

    front = Front(services, work, openapi)
    return Starlette(
        routes=[Route("/", front), *health.routes(), *also],
        middleware=[
            Middleware(Watched, watch=watch),
            Middleware(Origins, trusted=parse_networks(listen.trusted_proxies)),
        ],
        lifespan=lifespan,
    )
