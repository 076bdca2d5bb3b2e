"""Answering one request of the Instance API, from its headers to its audit entry."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, cast

from starlette.responses import Response

from pairsmith.errors import InternalFailure, PairsmithError, Throttled
from pairsmith.server.audit import AuditUnavailable, recorded
from pairsmith.server.instance_api.admission import admit, authenticate_sender
from pairsmith.server.instance_api.envelope import (
    CONTENT_TYPE,
    VERSION_HEADER,
    open_envelope,
)
from pairsmith.server.instance_api.failures import error_body
from pairsmith.server.logs import logger
from pairsmith.server.origin import origin_of
from pairsmith.server.refusals import QuotaExceeded, retry_headers
from pairsmith.server.trace import OK, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope

    from pairsmith.results import Result
    from pairsmith.server.access.model import Principal
    from pairsmith.server.bodies import Body
    from pairsmith.server.instance_api.envelope import Envelope
    from pairsmith.server.instance_api.operations import Call, Operation
    from pairsmith.server.services import Services
    from pairsmith.server.turns import Turn
    from pairsmith.server.work import Work

    Headers = Iterable[tuple[bytes, bytes]]

POLL_SECONDS = 0.01
"""How often a pair that may wait looks for a free slot again."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A request that was admitted; for a pair that is still to be made, its turn."""

    operation: Operation
    call: Call
    turn: Turn | None = None
    refusal: Throttled | None = None
    result: Result | None = None


class InstanceEndpoint:
    """The Instance API of one worker process.

    Args:
        services: What it stands on.
        work: The lanes where it is done.
    """

    def __init__(self, services: Services, work: Work) -> None:
        self._services = services
        self._work = work
        limits = services.settings.limits
        self._tolerance = timedelta(seconds=limits.clock_skew_seconds)
        self._body_bytes = limits.body_bytes
        self._patience = services.settings.pairs.wait_ms / 1000
        self._places = services.settings.pairs.waiting

    async def answer(self, scope: Scope, body: Body) -> Response:
        """Serve or refuse one request; an answer is sent only once it is audited."""
        trace = Trace(origin_of(scope))
        try:
            content = await self._serve(scope["headers"], body, trace)
            await trace.hold_back()
            await self._audit(trace, OK, 200)
        except PairsmithError as error:
            return await self._refused(error, trace)
        except Exception:  # noqa: BLE001 -- whatever it is, the client learns nothing
            logger().exception("defect", request_id=trace.request_id)
            return await self._refused(InternalFailure(), trace)
        return self._finished(content, OK, 200, trace)

    async def _serve(self, headers: Headers, body: Body, trace: Trace) -> bytes:
        recognise = partial(self._recognise, headers, trace)
        content = await body.read(self._body_bytes, recognise)
        envelope = self._opened(headers, content)
        begin = partial(self._begin, envelope, trace)
        begun = await self._work.quick.run(begin)
        result = begun.result
        if result is None:
            result = await self._pair(begun)
        trace.key_version_id = (
            getattr(result, "key_version_id", None) or trace.key_version_id
        )
        trace.purpose = getattr(result, "purpose", None) or ""
        return begun.operation.answer(result, trace.request_id)

    async def _recognise(self, headers: Headers, trace: Trace) -> str:
        """Who sends a body that is still to come: the signature is of the headers."""
        envelope = self._opened(headers, None)
        trace.claimed_id = envelope.access_key_id
        sender = partial(authenticate_sender, self._services, envelope)
        principal = await self._work.quick.run(sender)
        return principal.id

    def _opened(self, headers: Headers, body: bytes | None) -> Envelope:
        return open_envelope(headers, body, self._services.now(), self._tolerance)

    def _begin(self, envelope: Envelope, trace: Trace) -> _Begun:
        """Admit the request and, unless it takes or may take long, do it."""
        operation, call = admit(self._services, envelope, trace)
        if self._services.faults is not None:
            self._services.faults.meet(trace)
        if not call.spec:
            result = call.work(self._services.instance)
            return _Begun(operation, call, result=result)
        principal = cast("Principal", trace.principal)  # nobody else is admitted
        turn = self._work.turns.of(principal.id, is_long=call.is_long)
        if call.is_long:
            return _Begun(operation, call, turn)
        try:
            result = self._work.short_pair(call, turn)
        except Throttled as refusal:
            return _Begun(operation, call, turn, refusal)
        return _Begun(operation, call, turn, result=result)

    async def _pair(self, begun: _Begun) -> Result:
        """Make a pair as soon as it is its turn, if that is within the patience."""
        turn, refusal = cast("Turn", begun.turn), begun.refusal
        deadline = time.monotonic() + self._patience
        with turn:
            while True:
                if refusal is not None and not await turn.wait():
                    await self._have_patience(deadline, refusal)
                try:
                    return await self._work.pair(begun.call, turn)
                except QuotaExceeded:
                    raise
                except Throttled as error:
                    refusal = error

    async def _have_patience(self, deadline: float, refusal: Throttled) -> None:
        """Wait a moment for a slot that is taken elsewhere, or give up."""
        if time.monotonic() >= deadline or not self._places:
            raise refusal
        self._places -= 1
        try:
            await asyncio.sleep(POLL_SECONDS)
        finally:
            self._places += 1

    async def _refused(self, error: PairsmithError, trace: Trace) -> Response:
        """The documented error, audited if it is known who was refused."""
        await trace.hold_back()
        # What the log has refused already is not tried again: nobody waits twice.
        if trace.principal is not None and not isinstance(error, AuditUnavailable):
            try:
                await self._audit(trace, error.code, error.http_status)
            except PairsmithError as unavailable:
                error = unavailable
        content = error_body(error, trace.request_id)
        status = error.http_status
        response = self._finished(
            content,
            error.code,
            status,
            trace,
            over_quota=isinstance(error, QuotaExceeded),
            reason=str(error),
        )
        response.headers.update(retry_headers(error))
        return response

    async def _audit(self, trace: Trace, code: str, http_status: int) -> None:
        await recorded(self._services.audit, trace.entry(code, http_status))

    def _finished(
        self,
        content: bytes,
        code: str,
        http_status: int,
        trace: Trace,
        *,
        over_quota: bool = False,
        **told: str,
    ) -> Response:
        self._services.metrics.observe(
            trace.operation, trace.spec, code, trace.seconds, over_quota=over_quota
        )
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
        headers = {"content-type": CONTENT_TYPE}
        if code == OK and trace.key_version_id:
            headers[VERSION_HEADER] = trace.key_version_id
        return Response(content, http_status, headers)
