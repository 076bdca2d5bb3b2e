"""``/_dev/faults``: faults are ordered, listed and reset by whoever runs the tests.

For this host only, and only as JSON, which no page in a browser can send unasked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pairsmith.documents import parse_json
from pairsmith.errors import InvalidParameter
from pairsmith.server.dev.faults import parse_fault
from pairsmith.server.path.origin import is_from_this_host

if TYPE_CHECKING:
    from starlette.requests import Request

    from pairsmith.server.dev.faults import Faults

PATH = "/_dev/faults"
MOST_BYTES = 65536


class Control:
    """The page of a dev server that its tests steer it with.

    Args:
        faults: What it orders.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def routes(self) -> list[Route]:
        """Where it is."""
        return [Route(PATH, self.answer, methods=["GET", "POST", "DELETE"])]

    async def answer(self, request: Request) -> Response:
        """List the faults that wait; before that add one, or forget all."""
        if not is_from_this_host(request.scope):
            return JSONResponse({"error": "only for this host"}, 403)
        if request.method == "DELETE":
            self._faults.reset()
        if request.method == "POST":
            try:
                self._faults.add(parse_fault(await _document(request)))
            except InvalidParameter as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse([fault.content() for fault in self._faults.waiting()])


async def _document(request: Request) -> object:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise InvalidParameter("Content-Type", "it must be application/json.")
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                break
    except ClientDisconnect:
        raise InvalidParameter("body", "it ended too early.") from None
    return parse_json("body", body, limit=MOST_BYTES)
