"""The one address of both APIs: which of them a request on ``/`` is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from pairsmith.server.bodies import Body, Room
from pairsmith.server.instance_api.endpoint import InstanceEndpoint

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from pairsmith.server.openapi.endpoint import OpenApi
    from pairsmith.server.services import Services
    from pairsmith.server.work import Work

INSTANCE_HEADERS = frozenset(
    {b"x-kms-apiname", b"x-kms-apiversion", b"x-kms-acccesskeyid"}
)


class Front:
    """An ASGI application that hands a request to the API it was written for.

    The Instance API is named by headers of its own; whatever lacks them is a request to
    the OpenAPI, which answers in JSON also when it is none. Each reads the body itself,
    within its own limits; what the body takes is held until the answer is sent.

    Args:
        services: What both APIs stand on.
        work: The lanes of the Instance API.
        openapi: The other API.
    """

    def __init__(self, services: Services, work: Work, openapi: OpenApi) -> None:
        limits = services.settings.limits
        self._room = Room(limits.bodies_bytes)
        self._seconds = limits.body_seconds
        self._instance_api = InstanceEndpoint(services, work)
        self._openapi = openapi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_instance = any(name in INSTANCE_HEADERS for name, _ in scope["headers"])
        if is_instance and scope["method"] != "POST":
            response = Response(status_code=405, headers={"allow": "POST"})
            await response(scope, receive, send)
            return
        api = self._instance_api if is_instance else self._openapi
        with Body(scope, receive, self._room, self._seconds) as body:
            response = await api.answer(scope, body)
            if not body.is_whole:
                response.headers["connection"] = "close"
            await response(scope, receive, send)
