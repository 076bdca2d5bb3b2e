"""The application of one worker process: both APIs on ``/``, and its health."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from pairsmith.server.front import Front
from pairsmith.server.health import Health
from pairsmith.server.work import Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from pairsmith.server.services import Services


def create_app(services: Services, openapi: ASGIApp) -> Starlette:
    """Build the application.

    Args:
        services: Closed by whoever opened them, after the application has ended.
        openapi: Answers whatever is not of the Instance API.
    """
    work = Work(services.instance, services.registry, services.settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        """Finish what was accepted before the process ends."""
        yield
        await work.close()

    front = Front(services, work, openapi)
    return Starlette(
        routes=[Route("/", front), *Health(services).routes()], lifespan=lifespan
    )
