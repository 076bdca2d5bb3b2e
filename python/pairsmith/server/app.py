"""The application: both APIs on ``/``, told apart by their headers, and health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from pairsmith.server.front import Front

if TYPE_CHECKING:
    from pairsmith.server.services import Services


def create_app(services: Services) -> Starlette:
    """Build the application for one worker process."""
    return Starlette(routes=[Route("/", Front(services))])
