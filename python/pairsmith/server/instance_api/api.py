"""The Instance API on the path of a request: envelope, sender, operation, answer."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, cast

from pairsmith.errors import InvalidParameter, UnsupportedOperation
from pairsmith.registry.resolved import usable
from pairsmith.request_signatures import verifying_key
from pairsmith.server.access.store import find_client
from pairsmith.server.instance_api.envelope import (
    CONTENT_TYPE,
    VERSION_HEADER,
    Envelope,
    open_envelope,
)
from pairsmith.server.instance_api.failures import (
    InvalidApiName,
    NoPermission,
    SignatureNotMatch,
    Unauthorized,
    error_body,
)
from pairsmith.server.instance_api.operations import (
    find_operation,
    told,
    told_elsewhere,
)
from pairsmith.server.instance_api.signature import is_hash_of
from pairsmith.server.path.answer import Answer
from pairsmith.server.path.api import BodyRule
from pairsmith.server.path.call import Call, NamedKey, Right, Use, Work

if TYPE_CHECKING:
    from starlette.types import Scope

    from pairsmith.errors import PairsmithError
    from pairsmith.registry.resolved import Found
    from pairsmith.registry.view import View
    from pairsmith.results import Result
    from pairsmith.server.access.model import ClientKey
    from pairsmith.server.instance_api.operations import Operation, Parsed
    from pairsmith.server.path.api import Sender
    from pairsmith.server.path.exchange import Exchange
    from pairsmith.server.services import Services

TYPE_HEADER = (b"content-type", CONTENT_TYPE.encode())
VERSION_HEADER_NAME = VERSION_HEADER.encode()


class InstanceApi:
    """The Instance API of one worker process, see ``path.api.Api``.

    Args:
        services: What it stands on.
    """

    waits = False

    def __init__(self, services: Services) -> None:
        self._services = services
        limits = services.settings.limits
        self._tolerance = timedelta(seconds=limits.clock_skew_seconds)
        self._rule = BodyRule(limits.body_bytes, is_signed_by_headers=True)

    def body_rule(self, _scope: Scope) -> BodyRule:
        """The signature is over the headers, which name the body's hash."""
        return self._rule

    def claim(self, scope: Scope, body: bytes | None, exchange: Exchange) -> Envelope:
        """Read the headers, in the documented order."""
        now = self._services.now()
        envelope = open_envelope(scope["headers"], body, now, self._tolerance)
        exchange.claimed_id = envelope.access_key_id
        return envelope

    def sender(self, view: View, claim: Envelope) -> ClientKey:
        """Find the client key.

        Raises:
            Unauthorized: There is no such client key, or it is not valid now.
        """
        found = find_client(view, claim.access_key_id)
        if found is None or not found.valid_at(self._services.now()):
            raise Unauthorized(claim.access_key_id)
        return found

    def verify(self, claim: Envelope, sender: Sender, *, with_body: bool) -> None:
        """Check the signature, and that the body is the one that it names.

        Raises:
            SignatureNotMatch: It has not signed this, or the body is another.
        """
        key = verifying_key(cast("ClientKey", sender).public_key_der)  # as found
        if not key.verifies(claim.signature, claim.signed_text.encode()):
            raise SignatureNotMatch
        if with_body and not is_hash_of(claim.content_sha256, claim.body):
            raise SignatureNotMatch

    def accept(self, claim: Envelope, sender: Sender) -> None:
        """Nothing tells a request from one that is sent again."""

    def call(self, claim: Envelope, _view: View, exchange: Exchange) -> Call:
        """Parse the operation's message.

        Raises:
            InvalidApiName, UnsupportedOperation, InvalidParameter: In that order, the
                first that applies.
        """
        operation = _operation(claim, exchange)
        if claim.key_version_id:
            exchange.request["KeyVersionId"] = claim.key_version_id
        message = operation.message(claim.body)
        exchange.request |= told(message)
        parsed = operation.parse(message)
        keys = tuple(
            NamedKey(name, (claim.api_name,), use) for name, use in parsed.keys
        )
        exchange.spec = parsed.spec
        if keys:
            exchange.key_id = keys[0].told
            if keys[0].use is Use.VERSION:
                exchange.key_version_id = keys[0].name
        return Call(
            partial(self._ready, claim, parsed, exchange),
            keys,
            () if keys else (Right((claim.api_name,)),),
            parsed.spec,
            is_brief=True,
        )

    def forbidden(self, name: str) -> NoPermission:
        """Tell what was asked for, and nothing of whether there is such a key."""
        return NoPermission(name)

    def answer(self, claim: Envelope, result: Result, exchange: Exchange) -> Answer:
        """Encode the operation's message."""
        operation = find_operation(claim.api_name)
        version_id = getattr(result, "key_version_id", None) or exchange.key_version_id
        exchange.key_version_id = version_id
        exchange.purpose = getattr(result, "purpose", None) or ""
        content = operation.answer(result, exchange.request_id)
        if not version_id:
            return Answer(200, content, (TYPE_HEADER,))
        version = (VERSION_HEADER_NAME, version_id.encode())
        return Answer(200, content, (TYPE_HEADER, version))

    def refusal(
        self, error: PairsmithError, _scope: Scope, exchange: Exchange
    ) -> Answer:
        """Encode the documented error."""
        content = error_body(error, exchange.request_id)
        return Answer(error.http_status, content, (TYPE_HEADER,))

    def _ready(
        self,
        claim: Envelope,
        parsed: Parsed,
        exchange: Exchange,
        found: tuple[Found, ...],
    ) -> Work:
        # A blob that names its version is judged by the operation itself, so that a
        # version that there is not is no other answer than a blob that does not open.
        if parsed.keys and parsed.keys[0][1] is not Use.VERSION:
            key = usable(found[0])
            exchange.key_id, exchange.key_version_id = key.key_id, key.key_version_id
        if claim.key_version_id not in ("", exchange.key_version_id):
            raise InvalidParameter(VERSION_HEADER, "the operation uses another version")
        return partial(parsed.work, self._services.instance, found)


def _operation(claim: Envelope, exchange: Exchange) -> Operation:
    """What is asked for; of what there is not, the audit log tells as far as it can."""
    name = claim.api_name
    try:
        operation = find_operation(name)
    except (InvalidApiName, UnsupportedOperation):
        exchange.request = {"ApiName": name, **told_elsewhere(name, claim.body)}
        raise
    exchange.operation = name
    return operation
