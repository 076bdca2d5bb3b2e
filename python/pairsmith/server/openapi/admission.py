"""Whether a request is served: its sender, its action, its parameters, its rights."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pairsmith.errors import InvalidParameter
from pairsmith.server.access.decision import permitted_key
from pairsmith.server.openapi.actions import ACTIONS, API_VERSION
from pairsmith.server.openapi.context import Right
from pairsmith.server.openapi.failures import (
    IllegalTimestamp,
    InvalidAccessKeyId,
    MissingParameter,
    NoPermission,
    SignatureDoesNotMatch,
    SignatureNonceUsed,
    UnsupportedAction,
)
from pairsmith.server.openapi.parameters import (
    moment,
    read_parameters,
    told_parameters,
)
from pairsmith.server.openapi.signature import read_claim

if TYPE_CHECKING:
    from datetime import datetime

    from pairsmith.server.access.model import AccessKey, Principal
    from pairsmith.server.openapi.context import Action
    from pairsmith.server.openapi.nonces import Nonces
    from pairsmith.server.openapi.parameters import Given
    from pairsmith.server.openapi.request import Request
    from pairsmith.server.openapi.signature import Claim
    from pairsmith.server.services import Services
    from pairsmith.server.trace import Trace


def admit(
    services: Services, nonces: Nonces, request: Request, trace: Trace
) -> tuple[Action, Given]:
    """Check everything that can be checked before the work; note it in the trace.

    Raises:
        IncompleteSignature, IllegalTimestamp, InvalidAccessKeyId,
        SignatureDoesNotMatch, SignatureNonceUsed, UnsupportedAction,
        MissingParameter, InvalidParameter, NoPermission: In that order, the first
        that applies.
    """
    claim = read_claim(request)
    trace.claimed_id = claim.access_key_id
    trace.principal = authenticate(services, nonces, claim)
    trace.request = {"Action": claim.action}
    action = find_action(claim)
    trace.operation = claim.action
    trace.request = told_parameters(action.parameters, request.parameters)
    given = read_parameters(action.parameters, request.parameters)
    names = action.key_names(services.settings.names, given)
    trace.key_id = names[0] if names else ""
    if action.blob:
        blob = given[action.blob]
        trace.source_key_id = blob.key_id
        trace.source_key_version_id = blob.key_version_id
    rights = [Right((claim.action,), name) for name in names or [""]]
    if action.rights is not None:
        rights = action.rights(services, given)
    key_ids = permit(services, trace.principal, rights)
    return action, action.with_keys(services.settings.names, given, key_ids)


def recognise(services: Services, request: Request, trace: Trace) -> str:
    """Find out who sends a body that is still to come; give the access key's id.

    Only where the signature is over the headers, which name the body's hash.

    Raises:
        PairsmithError: As ``admit``, as far as it is known without the body.
    """
    claim = read_claim(request)
    trace.claimed_id = claim.access_key_id
    _, key = _sender(services, claim)
    if not claim.is_by(key.secret, with_body=False):
        raise SignatureDoesNotMatch
    return key.id


def authenticate(services: Services, nonces: Nonces, claim: Claim) -> Principal:
    """Find out who has sent a request, and that it is sent for the first time.

    The nonce is looked at last: a request that was not signed must not use one up.
    """
    until, key = _sender(services, claim)
    if not claim.is_by(key.secret):
        raise SignatureDoesNotMatch
    now = services.now().timestamp()
    if not nonces.use(key.id, claim.nonce, now, until.timestamp()):
        raise SignatureNonceUsed
    services.access.touch(key.id)
    return key.principal()


def _sender(services: Services, claim: Claim) -> tuple[datetime, AccessKey]:
    """Until when a request is good, and the access key that it names."""
    now = services.now()
    tolerance = timedelta(seconds=services.settings.limits.clock_skew_seconds)
    try:
        sent = moment(claim.date)
    except ValueError:
        raise IllegalTimestamp from None
    if abs(now - sent) > tolerance:
        raise IllegalTimestamp
    key = services.access.access_key(claim.access_key_id)
    if key is None or not key.valid_at(now):
        raise InvalidAccessKeyId
    return sent + tolerance, key


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


def permit(
    services: Services, principal: Principal, rights: list[Right]
) -> dict[str, str]:
    """Check every right that an action takes.

    Returns:
        What to work with, by the names of keys: their ids, see ``permitted_key``.

    Raises:
        NoPermission: The policy does not allow it.
    """
    policy = principal.policy
    key_ids: dict[str, str] = {}
    for operations, name, client in rights:
        if not name:
            if not any(policy.allows(each, client) for each in operations):
                raise NoPermission
            continue
        # A name that comes again means what it meant the first time.
        known = key_ids.get(name, name)
        key_id = permitted_key(services.access, policy, operations, known)
        if key_id is None:
            raise NoPermission
        key_ids[name] = key_id
    return key_ids
