"""Answering one request of the Instance API, from its headers to its audit entry."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response

from pairsmith.errors import InternalFailure, PairsmithError, Throttled
from pairsmith.server.audit import AuditUnavailable, recorded
from pairsmith.server.instance_api.admission import admit
from pairsmith.server.instance_api.envelope import (
    CONTENT_TYPE,
    VERSION_HEADER,
    open_envelope,
)
from pairsmith.server.instance_api.failures import error_body
from pairsmith.server.instance_api.operations import OPERATIONS
from pairsmith.server.logs import logger
from pairsmith.server.trace import OK, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pairsmith.results import Result
    from pairsmith.server.instance_api.envelope import Envelope
    from pairsmith.server.instance_api.operations import Call, Operation
    from pairsmith.server.origin import Origin
    from pairsmith.server.services import Services
    from pairsmith.server.work import Work

POLL_SECONDS = 0.01
"""How often a pair that may wait looks for a free slot again."""


class InstanceEndpoint:
    """The Instance API of one worker process.

    Args:
        services: What it stands on.
        work: The lanes where it is done.
    """

    def __init__(self, services: Services, work: Work) -> None:
        self._services = services
        self._work = work
        self._tolerance = timedelta(seconds=services.settings.limits.clock_skew_seconds)
        self._patience = services.settings.pairs.wait_ms / 1000
        self._places = services.settings.pairs.waiting

    async def answer(
        self, headers: Iterable[tuple[bytes, bytes]], body: bytes, origin: Origin
    ) -> Response:
        """Serve or refuse one request; an answer is sent only once it is audited."""
        trace = Trace(origin)
        try:
            content = await self._serve(headers, body, trace)
            await trace.hold_back()
            await self._audit(trace, OK, 200)
        except PairsmithError as error:
            return await self._refused(error, trace)
        except Exception:  # noqa: BLE001 -- whatever it is, the client learns nothing
            logger().exception("defect", request_id=trace.request_id)
            return await self._refused(InternalFailure(), trace)
        return self._finished(content, OK, 200, trace)

    def refuse(self, error: PairsmithError, origin: Origin) -> Response:
        """Answer a request that is refused before it was read."""
        trace = Trace(origin)
        content = error_body(error, trace.request_id)
        return self._finished(content, error.code, error.http_status, trace)

    async def _serve(
        self, headers: Iterable[tuple[bytes, bytes]], body: bytes, trace: Trace
    ) -> bytes:
        envelope = open_envelope(headers, body, self._services.now(), self._tolerance)
        begin = partial(self._begin, envelope, trace)
        operation, call, result = await self._work.quick.run(begin)
        if result is None:
            result = await self._pair(call)
        trace.key_version_id = (
            getattr(result, "key_version_id", None) or trace.key_version_id
        )
        trace.purpose = getattr(result, "purpose", None) or ""
        return operation.answer(result, trace.request_id)

    def _begin(
        self, envelope: Envelope, trace: Trace
    ) -> tuple[Operation, Call, Result | None]:
        """Admit the request and, unless it takes or may take long, do it."""
        operation, call = admit(self._services, envelope, trace)
        if self._services.faults is not None:
            self._services.faults.meet(trace)
        if call.is_long:
            return operation, call, None
        call = call.by(trace.actor())
        try:
            return operation, call, call.work(self._services.instance)
        except Throttled:
            if not self._patience:
                raise
            return operation, call, None

    async def _pair(self, call: Call) -> Result:
        """Make a pair as soon as there is a slot, if that is within the patience."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return await self._work.pair(call)
            except Throttled:
                if time.monotonic() >= deadline or not self._places:
                    raise
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
        return self._finished(content, error.code, status, trace, reason=str(error))

    async def _audit(self, trace: Trace, code: str, http_status: int) -> None:
        await recorded(self._services.audit, trace.entry(code, http_status))

    def _finished(
        self, content: bytes, code: str, http_status: int, trace: Trace, **told: str
    ) -> Response:
        # A name that is none must not become a label, of which there are too many.
        operation = trace.operation if trace.operation in OPERATIONS else ""
        self._services.metrics.observe(operation, trace.spec, code, trace.seconds)
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
