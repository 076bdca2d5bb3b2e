"""The one address of both APIs: which of them a request on ``/`` is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairsmith.server import openapi
from pairsmith.server.instance_api.endpoint import InstanceEndpoint

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from pairsmith.server.services import Services

INSTANCE_HEADERS = (b"x-kms-apiname", b"x-kms-apiversion", b"x-kms-acccesskeyid")


class Front:
    """An ASGI application that hands a request to the API it was written for.

    The Instance API is named by headers of its own; whatever lacks them is a request to
    the OpenAPI, which answers in JSON also when it is none.
    """

    def __init__(self, services: Services) -> None:
        self._instance_api = InstanceEndpoint(services)
        self._openapi = openapi.endpoint(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        names = {name for name, _ in scope["headers"]}
        is_instance = any(name in names for name in INSTANCE_HEADERS)
        chosen = self._instance_api if is_instance else self._openapi
        await chosen(scope, receive, send)
