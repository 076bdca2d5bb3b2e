"""The KMS OpenAPI: JSON answers to whatever is no request of the Instance API."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from pairsmith.server.services import Services


def endpoint(_services: Services) -> ASGIApp:
    """Build an application that knows no action."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        content = {
            "HttpStatus": 400,
            "Code": "UnsupportedOperation",
            "Message": "This action is not supported.",
            "RequestId": str(uuid.uuid4()),
        }
        await JSONResponse(content, 400)(scope, receive, send)

    return application
