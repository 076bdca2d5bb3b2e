"""Answering one request of the OpenAPI, from its first byte to its audit entry."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from pairsmith.errors import InternalFailure, PairsmithError, ServiceUnavailable
from pairsmith.registry.actor import acting
from pairsmith.server.audit import AuditUnavailable, recorded
from pairsmith.server.lanes import Lane
from pairsmith.server.logs import logger
from pairsmith.server.openapi.admission import admit, recognise
from pairsmith.server.openapi.context import Content, Context
from pairsmith.server.openapi.failures import error_content
from pairsmith.server.openapi.nonces import FILE, Nonces
from pairsmith.server.openapi.request import read_request
from pairsmith.server.origin import origin_of
from pairsmith.server.refusals import retry_headers
from pairsmith.server.trace import OK, Trace

if TYPE_CHECKING:
    from starlette.types import Scope

    from pairsmith.server.access.model import Principal
    from pairsmith.server.bodies import Body
    from pairsmith.server.openapi.request import Request
    from pairsmith.server.services import Services

NONCES_FOLDER = "openapi"


class OpenApi:
    """The OpenAPI of one worker process.

    Args:
        services: What it stands on.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        limits = services.settings.limits
        self._body_bytes = limits.body_bytes
        self._form_bytes = min(limits.form_bytes, limits.body_bytes)
        self._lane = Lane(
            "openapi", limits.threads, limits.requests, ServiceUnavailable
        )
        folder = Path(services.settings.files.folder) / NONCES_FOLDER
        self._nonces = Nonces(folder / FILE)

    async def answer(self, scope: Scope, body: Body) -> Response:
        """Serve or refuse one request; an answer is sent only once it is audited."""
        trace = Trace(origin_of(scope))
        host = HttpRequest(scope).headers.get("host", "")
        try:
            request = _request(scope, await self._read(scope, body, trace))
            serve = partial(self._serve, request, trace)
            answer = await self._lane.run(serve)
            await trace.hold_back()
            await self._audit(trace, OK, 200)
        except PairsmithError as error:
            return await self._refused(error, trace, host)
        except Exception:  # noqa: BLE001 -- whatever it is, the client learns nothing
            logger().exception("defect", request_id=trace.request_id)
            return await self._refused(InternalFailure(), trace, host)
        return self._finished(answer, OK, 200, trace)

    def check(self) -> None:
        """Find out whether requests could be told from repeated ones now.

        Raises:
            ServiceUnavailable: They could not, and none would be served.
        """
        self._nonces.check()

    async def close(self) -> None:
        """Finish what has begun."""
        await self._lane.close()
        self._nonces.close()

    async def _read(self, scope: Scope, body: Body, trace: Trace) -> bytes:
        """Read the body; a long one only of a sender who can be recognised first."""
        if not any(name == b"authorization" for name, _ in scope["headers"]):
            return await body.read(self._form_bytes)

        async def known() -> str:
            request = _request(scope, b"")
            sender = partial(recognise, self._services, request, trace)
            return await self._lane.run(sender)

        return await body.read(self._body_bytes, known)

    def _serve(self, request: Request, trace: Trace) -> Content:
        action, given = admit(self._services, self._nonces, request, trace)
        if self._services.faults is not None:
            self._services.faults.meet(trace)
        # Nobody is admitted without having been recognised.
        principal = cast("Principal", trace.principal)
        self._note_keys(action.key_names(self._services.settings.names, given), trace)
        with acting(trace.actor()):
            content = action.run(Context(self._services, principal, trace), given)
        _note_result(content, trace)
        return content

    def _note_keys(self, names: list[str], trace: Trace) -> None:
        """Let the audit log tell which keys are behind the names that were given."""
        found = [self._services.access.key_facts(name).id or name for name in names]
        trace.key_ids = tuple(dict.fromkeys(found))
        trace.key_id = found[0] if found else ""

    async def _refused(
        self, error: PairsmithError, trace: Trace, host: str
    ) -> Response:
        """The documented error, audited if it is known who was refused."""
        await trace.hold_back()
        # What the log has refused already is not tried again: nobody waits twice.
        if trace.principal is not None and not isinstance(error, AuditUnavailable):
            try:
                await self._audit(trace, error.code, error.http_status)
            except PairsmithError as unavailable:
                error = unavailable
        content = error_content(error, trace.request_id, host)
        status = error.http_status
        response: Response = self._finished(
            content, error.code, status, trace, reason=str(error)
        )
        if not content["Message"]:  # a body that cannot be read: there are no words
            response = Response(status_code=status)
        response.headers.update(retry_headers(error))
        return response

    async def _audit(self, trace: Trace, code: str, http_status: int) -> None:
        await recorded(self._services.audit, trace.entry(code, http_status))

    def _finished(
        self,
        content: Content,
        code: str,
        http_status: int,
        trace: Trace,
        **told: str,
    ) -> JSONResponse:
        self._services.metrics.observe(trace.operation, "", code, trace.seconds)
        logger().info(
            "answered",
            request_id=trace.request_id,
            operation=trace.operation,
            principal_id=trace.claimed_id,
            key_id=trace.key_id,
            code=code,
            http_status=http_status,
            **trace.origin.told(),
            duration_seconds=round(trace.seconds, 6),
            **told,
        )
        return JSONResponse(
            content | {"RequestId": trace.request_id},
            http_status,
            {"x-acs-request-id": trace.request_id},
        )


def _request(scope: Scope, body: bytes) -> Request:
    return read_request(scope["method"], scope["headers"], scope["query_string"], body)


def _note_result(content: Content, trace: Trace) -> None:
    """Let the audit log tell what was made, and which client keys were shown."""
    shown = content.get("KeyMetadata") or content.get("KeyVersion") or {}
    trace.key_id = shown.get("KeyId", trace.key_id)
    trace.key_version_id = shown.get(
        "KeyVersionId", shown.get("PrimaryKeyVersion", trace.key_version_id)
    )
    for name in ("ClientKeyId", "NotBefore", "NotAfter"):
        if name in content:
            trace.result[name] = content[name]
    if "ClientKeys" in content:
        listed = [each["ClientKeyId"] for each in content["ClientKeys"]]
        trace.result |= {"ClientKeyId": listed, "TotalCount": len(listed)}
