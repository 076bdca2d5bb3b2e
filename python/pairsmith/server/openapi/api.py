"""The KMS OpenAPI on the path of a request: envelope, sender, action, answer."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pairsmith.errors import InvalidParameter
from pairsmith.registry.actor import acting
from pairsmith.registry.permission import permitted
from pairsmith.server.access.store import find_access_key
from pairsmith.server.openapi.actions import ACTIONS, API_VERSION
from pairsmith.server.openapi.context import Content, Context
from pairsmith.server.openapi.failures import (
    IllegalTimestamp,
    InvalidAccessKeyId,
    MissingParameter,
    NoPermission,
    SignatureDoesNotMatch,
    SignatureNonceUsed,
    UnsupportedAction,
    error_content,
)
from pairsmith.server.openapi.nonces import FILE, Nonces
from pairsmith.server.openapi.parameters import (
    moment,
    read_parameters,
    told_parameters,
)
from pairsmith.server.openapi.request import Request, read_request
from pairsmith.server.openapi.signature import read_claim
from pairsmith.server.path.answer import Answer
from pairsmith.server.path.api import BodyRule
from pairsmith.server.path.call import Call, NamedKey, Right, Work

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.types import Scope

    from pairsmith.errors import PairsmithError
    from pairsmith.registry.resolved import Found
    from pairsmith.registry.view import View
    from pairsmith.server.access.model import AccessKey, Principal
    from pairsmith.server.openapi.context import Action
    from pairsmith.server.openapi.parameters import Given
    from pairsmith.server.openapi.signature import Claim
    from pairsmith.server.path.api import Sender
    from pairsmith.server.path.exchange import Exchange
    from pairsmith.server.services import Services

NONCES_FOLDER = "openapi"
JSON = (b"content-type", b"application/json")


class OpenApi:
    """The OpenAPI of one worker process, see ``path.api.Api``.

    Args:
        services: What it stands on.
    """

    waits = True

    def __init__(self, services: Services) -> None:
        self._services = services
        self._names = services.settings.names
        limits = services.settings.limits
        self._tolerance = timedelta(seconds=limits.clock_skew_seconds)
        self._signed = BodyRule(limits.body_bytes, is_signed_by_headers=True)
        form_bytes = min(limits.form_bytes, limits.body_bytes)
        self._form = BodyRule(form_bytes, is_signed_by_headers=False)
        folder = Path(services.settings.files.folder) / NONCES_FOLDER
        self._nonces = Nonces(folder / FILE)

    def body_rule(self, scope: Scope) -> BodyRule:
        """A long body only of a sender who can be recognised first."""
        names = (name for name, _ in scope["headers"])
        return self._signed if b"authorization" in names else self._form

    def claim(self, scope: Scope, body: bytes | None, exchange: Exchange) -> Claim:
        """Find the signature in the headers or the parameters; check its date."""
        claim = read_claim(_request(scope, body or b""))
        exchange.claimed_id = claim.access_key_id
        if abs(self._services.now() - _date(claim)) > self._tolerance:
            raise IllegalTimestamp
        return claim

    def sender(self, view: View, claim: Claim) -> AccessKey:
        """Find the access key.

        Raises:
            InvalidAccessKeyId: There is none, or it is not valid now.
        """
        found = find_access_key(view, claim.access_key_id)
        if found is None or not found.valid_at(self._services.now()):
            raise InvalidAccessKeyId
        return found

    def verify(self, claim: Claim, sender: Sender, *, with_body: bool) -> None:
        """Compute the signature, and compare.

        Raises:
            SignatureDoesNotMatch: It is another one.
        """
        key = cast("AccessKey", sender)  # as found
        if not claim.is_by(key.secret, with_body=with_body):
            raise SignatureDoesNotMatch

    def accept(self, claim: Claim, sender: Sender) -> None:
        """Use up the nonce: last, for what was not signed must not use one up.

        Raises:
            SignatureNonceUsed: It was used before.
        """
        until = (_date(claim) + self._tolerance).timestamp()
        now = self._services.now().timestamp()
        if not self._nonces.use(sender.id, claim.nonce, now, until):
            raise SignatureNonceUsed

    def call(self, claim: Claim, view: View, exchange: Exchange) -> Call:
        """Parse the action's parameters.

        Raises:
            UnsupportedAction, MissingParameter, InvalidParameter: In that order, the
                first that applies.
        """
        exchange.request = {"Action": claim.action}
        action = find_action(claim)
        exchange.operation = claim.action
        parameters = claim.request.parameters
        exchange.request = told_parameters(action.parameters, parameters)
        given = read_parameters(action.parameters, parameters)
        named = action.key_names(self._names, given)
        exchange.key_id = named[0] if named else ""
        if action.blob:
            blob = given[action.blob]
            exchange.source_key_id = blob.key_id
            exchange.source_key_version_id = blob.key_version_id
        keys = action.named_keys(claim.action, self._names, given)
        rights: tuple[Right, ...] = ()
        if action.rights is not None:
            rights = action.rights(view, given)
        elif not keys:
            rights = (Right((claim.action,)),)
        return Call(partial(self._ready, action, given, keys, exchange), keys, rights)

    def forbidden(self, _name: str) -> NoPermission:
        """Say no more than that it is."""
        return NoPermission()

    def answer(self, _claim: Claim, result: Content, exchange: Exchange) -> Answer:
        """Write the JSON object that the action gave."""
        _note_result(result, exchange)
        return _written(200, result | {"RequestId": exchange.request_id}, exchange)

    def refusal(
        self, error: PairsmithError, scope: Scope, exchange: Exchange
    ) -> Answer:
        """Write the documented error; a body that cannot be read is told no words."""
        host = next((v for name, v in scope["headers"] if name == b"host"), b"")
        content = error_content(error, exchange.request_id, host.decode("latin-1"))
        if not content["Message"]:
            return Answer(error.http_status)
        return _written(error.http_status, content, exchange)

    def check(self) -> None:
        """Find out whether requests could be told from repeated ones now.

        Raises:
            ServiceUnavailable: They could not, and none would be served.
        """
        self._nonces.check()

    def close(self) -> None:
        """Close the nonces."""
        self._nonces.close()

    def _ready(
        self,
        action: Action,
        given: Given,
        keys: tuple[NamedKey, ...],
        exchange: Exchange,
        found: tuple[Found, ...],
    ) -> Work:
        """From here on the request names the very keys that were decided about."""
        # Nobody is admitted without having been recognised.
        principal = cast("Principal", exchange.principal)
        pairs = zip(keys, found, strict=True)
        ids = {key.name: each.facts.id or key.name for key, each in pairs}
        named = [ids[name] for name in action.key_names(self._names, given)]
        exchange.key_ids = tuple(dict.fromkeys(named))
        exchange.key_id = named[0] if named else ""
        context = Context(self._services, principal, exchange, found)
        given = action.with_keys(self._names, given, ids)
        permission = action.permission(exchange.operation, principal.policy)

        def work() -> Content:
            with acting(exchange.actor()), permitted(permission):
                return action.run(context, given)

        return work


def find_action(claim: Claim) -> Action:
    """Find what is asked for.

    Raises:
        MissingParameter, InvalidParameter, UnsupportedAction: It is not said, for
            another API, or not there.
    """
    if not claim.action:
        raise MissingParameter("Action")
    if claim.version != API_VERSION:
        raise InvalidParameter("Version", f"there is {API_VERSION} only.")
    action = ACTIONS.get(claim.action)
    if action is None:
        raise UnsupportedAction
    return action


def _request(scope: Scope, body: bytes) -> Request:
    return read_request(scope["method"], scope["headers"], scope["query_string"], body)


def _date(claim: Claim) -> datetime:
    try:
        return moment(claim.date)
    except ValueError:
        raise IllegalTimestamp from None


def _written(status: int, content: Content, exchange: Exchange) -> Answer:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    request_id = (b"x-acs-request-id", exchange.request_id.encode())
    return Answer(status, text.encode(), (JSON, request_id))


def _note_result(content: Content, exchange: Exchange) -> None:
    """Let the audit log tell what was made, and which client keys were shown."""
    shown = content.get("KeyMetadata") or content.get("KeyVersion") or {}
    exchange.key_id = shown.get("KeyId", exchange.key_id)
    exchange.key_version_id = shown.get(
        "KeyVersionId", shown.get("PrimaryKeyVersion", exchange.key_version_id)
    )
    for name in ("ClientKeyId", "NotBefore", "NotAfter"):
        if name in content:
            exchange.result[name] = content[name]
    if "ClientKeys" in content:
        listed = [each["ClientKeyId"] for each in content["ClientKeys"]]
        exchange.result |= {"ClientKeyId": listed, "TotalCount": len(listed)}
