"""The KMS OpenAPI, version 2016-01-20: signed requests with JSON answers on ``/``.

A request goes top to bottom: ``endpoint`` has it read by ``request``, its signature by
``signature``, and admitted by ``admission``; ``actions`` names what does the work, each
with a table of parameters; ``failures`` puts whatever went wrong into documented words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairsmith.server.openapi.endpoint import OpenApi
    from pairsmith.server.services import Services


def endpoint(services: Services) -> OpenApi:
    """Build the application that answers; ``close`` it when it is no longer asked."""
    from pairsmith.server.openapi.endpoint import OpenApi

    return OpenApi(services)
