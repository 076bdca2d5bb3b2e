"""The one address of both APIs: which of them a request on ``/`` is for."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from pairsmith.errors import PairsmithError
from pairsmith.server.bodies import BodyReader, replay
from pairsmith.server.instance_api.endpoint import InstanceEndpoint
from pairsmith.server.origin import origin_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from pairsmith.server.services import Services
    from pairsmith.server.work import Work

INSTANCE_HEADERS = frozenset(
    {b"x-kms-apiname", b"x-kms-apiversion", b"x-kms-acccesskeyid"}
)


class Front:
    """An ASGI application that hands a request to the API it was written for.

    The Instance API is named by headers of its own; whatever lacks them is a request to
    the OpenAPI, which answers in JSON also when it is none.

    Args:
        services: What both APIs stand on.
        work: The lanes of the Instance API.
        openapi: The other API.
    """

    def __init__(self, services: Services, work: Work, openapi: ASGIApp) -> None:
        self._bodies = BodyReader(services.settings.limits)
        self._instance_api = InstanceEndpoint(services, work)
        self._openapi = openapi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_instance = any(name in INSTANCE_HEADERS for name, _ in scope["headers"])
        if is_instance and scope["method"] != "POST":
            response = Response(status_code=405, headers={"allow": "POST"})
            await response(scope, receive, send)
            return
        try:
            body = await self._bodies.read(scope, receive)
        except PairsmithError as error:
            response = self._refused(error, scope, is_instance=is_instance)
            await response(scope, receive, send)
            return
        if not is_instance:
            await self._openapi(scope, replay(body), send)
            return
        response = await self._instance_api.answer(
            scope["headers"], body, origin_of(scope)
        )
        await response(scope, receive, send)

    def _refused(
        self, error: PairsmithError, scope: Scope, *, is_instance: bool
    ) -> Response:
        """Refuse a request whose body was not read, and end the connection."""
        if is_instance:
            response = self._instance_api.refuse(error, origin_of(scope))
        elif not error.wire_message:
            response = Response(status_code=error.http_status)
        else:
            content = {
                "HttpStatus": error.http_status,
                "Code": error.code,
                "Message": error.wire_message,
                "RequestId": str(uuid.uuid4()),
            }
            response = JSONResponse(content, error.http_status)
        response.headers["connection"] = "close"
        return response
