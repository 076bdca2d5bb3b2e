"""The path of a request from its first byte to its answer, the same for every API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from pairsmith.errors import InternalFailure, PairsmithError, Throttled
from pairsmith.registry.view import NotCached
from pairsmith.server.audit import AuditUnavailable
from pairsmith.server.logs import answered, logger
from pairsmith.server.path.admission import Admission
from pairsmith.server.path.bodies import NOBODY, Body, BodyTime, Room
from pairsmith.server.path.decision import decide, decide_in_database, recognise
from pairsmith.server.path.exchange import OK, Exchange
from pairsmith.server.path.origin import find_origin, parse_networks
from pairsmith.server.path.present import PresentView
from pairsmith.server.path.refusals import (
    QuotaExceeded,
    SenderRefused,
    retry_headers,
)
from pairsmith.server.path.refused_signatures import RefusedSignatures
from pairsmith.server.path.workplaces import BRIEF_BYTES

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from pairsmith.server.path.answer import Answer
    from pairsmith.server.path.api import Api, Claim, Sender
    from pairsmith.server.path.call import Call, Work
    from pairsmith.server.path.decision import Decided
    from pairsmith.server.path.turns import Turn
    from pairsmith.server.path.workplaces import Workplaces
    from pairsmith.server.services import Services

CLOSE = ((b"connection", b"close"),)

SHORT_BYTES = 4096
"""Up to which length of body and query a signature is verified where the request is: an
older one of the OpenAPI takes 0.4 ms for so many, and 9 ms for the longest."""

RENEWAL = "renewal"
"""On whose account the present view is renewed: nobody's who could use it up."""


@dataclass(slots=True)
class _Begun:
    """Work that was done, or that is still to be done in its turn."""

    principal_id: str
    call: Call
    work: Work = field(repr=False)
    turn: Turn | None = None
    refusal: Throttled | None = None
    result: Any = field(default=None, repr=False)
    is_done: bool = False


class Hallway:
    """The path of one worker process.

    Args:
        services: What it stands on.
        places: Where work is done.
    """

    def __init__(self, services: Services, places: Workplaces) -> None:
        settings = services.settings
        self._services = services
        self._registry = services.registry.access
        self._places = places
        self._present = PresentView(self._registry, partial(places.in_thread, RENEWAL))
        self._admission = Admission(settings.limits.requests)
        self._refused_signatures = RefusedSignatures(settings.limits.refused_signatures)
        self._room = Room(settings.limits.bodies_bytes)
        self._body_time = BodyTime(settings.limits.body_seconds)
        self._trusted = parse_networks(settings.listen.trusted_proxies)

    async def serve(
        self, api: Api[Claim], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one request; what its body takes is held until the answer is sent."""
        exchange = Exchange(find_origin(scope, self._trusted))
        with Body(scope, receive, self._room, self._body_time) as body:
            try:
                answer = await self.answer(api, scope, body, exchange)
            finally:
                if exchange.admitted_id:
                    self._admission.leave(exchange.admitted_id)
            if not body.is_whole:
                answer = answer.with_headers(CLOSE)
            await answer.send(send)

    async def answer(
        self, api: Api[Claim], scope: Scope, body: Body, exchange: Exchange
    ) -> Answer:
        """Serve or refuse one request; an answer is given only once it is audited."""
        try:
            answer = await self._served(api, scope, body, exchange)
            if exchange.delay_seconds:
                await exchange.hold_back()
            await self._services.audit.recorded(exchange.entry(OK, 200))
        except PairsmithError as error:
            return await self._refused(api, scope, error, exchange)
        except Exception:  # noqa: BLE001 -- whatever it is, the client learns nothing
            logger().exception("defect", request_id=exchange.request_id)
            return await self._refused(api, scope, InternalFailure(), exchange)
        self._finish(exchange, OK, 200)
        return answer

    async def _served(
        self, api: Api[Claim], scope: Scope, body: Body, exchange: Exchange
    ) -> Answer:
        rule = api.body_rule(scope)
        known = partial(self._recognised_by_headers, api, scope, exchange)
        content = await body.read(
            rule.limit, known if rule.is_signed_by_headers else None
        )
        claim = self._claim(api, scope, content, exchange)
        length = len(content) + len(scope["query_string"])
        begun = await self._begun(api, claim, length, exchange)
        if not begun.is_done:
            begun.result = await self._done(begun)
        return api.answer(claim, begun.result, exchange)

    def _claim(
        self, api: Api[Claim], scope: Scope, content: bytes | None, exchange: Exchange
    ) -> Claim:
        """Read the envelope, if so many from that address are not refused already."""
        claim = api.claim(scope, content, exchange)
        self._refused_signatures.require(exchange.origin.address, exchange.claimed_id)
        return claim

    # Decided and begun where the request is; or, if that takes a look into the
    # database, in a thread.

    async def _begun(
        self, api: Api[Claim], claim: Claim, length: int, exchange: Exchange
    ) -> _Begun:
        if length <= BRIEF_BYTES and not api.waits:
            view = await self._present.get()
            if view is not None:
                with suppress(NotCached):
                    decided = decide(self._services, api, claim, view, exchange)
                    self._admit(decided.principal.id, exchange)
                    return self._begin(decided, exchange, is_thread=False)
        sender = await self._recognised(api, claim, length, with_body=True)
        begin = partial(self._begin_in_thread, api, claim, exchange, sender)
        try:
            self._admit(sender.id, exchange)
            return await self._places.in_thread(sender.id, begin)
        except QuotaExceeded:
            # Known already, and refused: it is audited.
            exchange.principal = sender.principal()
            raise

    def _admit(self, principal_id: str, exchange: Exchange) -> None:
        self._refused_signatures.verified(exchange.origin.address, principal_id)
        self._admission.enter(principal_id)
        exchange.admitted_id = principal_id

    def _begin_in_thread(
        self, api: Api[Claim], claim: Claim, exchange: Exchange, sender: Sender
    ) -> _Begun:
        decided = decide_in_database(self._services, api, claim, exchange, sender)
        return self._begin(decided, exchange, is_thread=True)

    def _begin(
        self, decided: Decided, exchange: Exchange, *, is_thread: bool
    ) -> _Begun:
        """Do what was decided, unless it has to be done elsewhere."""
        principal, call = decided.principal, decided.call
        work = call.ready(decided.found)
        if self._services.faults is not None:
            self._services.faults.meet(exchange)
        turn = self._places.turn(principal.id, call)
        begun = _Begun(principal.id, call, work, turn)
        if call.is_long or not (is_thread or self._places.is_brief(call)):
            return begun
        if turn is None:
            begun.result, begun.is_done = work(), True
            return begun
        try:
            with turn.attempt():
                begun.result, begun.is_done = work(), True
        except Throttled as refusal:
            begun.refusal = refusal
        return begun

    async def _done(self, begun: _Begun) -> Any:  # noqa: ANN401 -- what the work gives
        if begun.turn is None:
            return await self._places.in_thread(begun.principal_id, begun.work)
        return await self._places.pair(
            begun.principal_id, begun.call, begun.work, begun.turn, begun.refusal
        )

    # Who sends it, before anything is kept of it or done for it in a thread.

    async def _recognised_by_headers(
        self, api: Api[Claim], scope: Scope, exchange: Exchange
    ) -> str:
        claim = self._claim(api, scope, None, exchange)
        length = len(scope["query_string"])
        sender = await self._recognised(api, claim, length, with_body=False)
        return sender.id

    async def _recognised(
        self, api: Api[Claim], claim: Claim, length: int, *, with_body: bool
    ) -> Sender:
        """Find out who sends it; what is long is verified in a thread of strangers."""
        if length <= SHORT_BYTES:
            view = await self._present.get()
            if view is not None:
                with suppress(NotCached):
                    return recognise(api, claim, view, with_body=with_body)

        def look() -> Sender:
            with self._registry.view() as view:
                return recognise(api, claim, view, with_body=with_body)

        return await self._places.in_thread(NOBODY, look)

    # How it ends.

    async def _refused(
        self, api: Api[Claim], scope: Scope, error: PairsmithError, exchange: Exchange
    ) -> Answer:
        """The documented error, audited if it is known who was refused."""
        if isinstance(error, SenderRefused):
            self._refused_signatures.refused(
                exchange.origin.address, exchange.claimed_id
            )
        await exchange.hold_back()
        # What the log has refused already is not tried again: nobody waits twice.
        if exchange.principal is not None and not isinstance(error, AuditUnavailable):
            entry = exchange.entry(error.code, error.http_status)
            try:
                await self._services.audit.recorded(entry)
            except PairsmithError as unavailable:
                error = unavailable
        self._finish(exchange, error.code, error.http_status, error)
        refusal = api.refusal(error, scope, exchange)
        return refusal.with_headers(retry_headers(error))

    def _finish(
        self,
        exchange: Exchange,
        code: str,
        http_status: int,
        error: PairsmithError | None = None,
    ) -> None:
        """Count the request, and tell of it in the log."""
        seconds = exchange.seconds
        self._services.metrics.observe(
            exchange.operation,
            exchange.spec,
            code,
            seconds,
            over_quota=isinstance(error, QuotaExceeded)
            and exchange.principal is not None,
        )
        answered(
            request_id=exchange.request_id,
            operation=exchange.operation,
            principal_id=exchange.claimed_id,
            key_id=exchange.key_id,
            code=code,
            http_status=http_status,
            remote_address=exchange.origin.address,
            peer_address=exchange.origin.proxy,
            duration_seconds=round(seconds, 6),
            reason="" if error is None else str(error),
        )
