"""Whether a request is served: its sender, its parameters, its rights, its key.

Everything here is quick, but may have to look into the database: it runs in a thread.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from cryptography.hazmat.primitives.serialization import load_der_public_key

from pairsmith.errors import InvalidParameter, UnsupportedOperation
from pairsmith.server.access.decision import permitted_key
from pairsmith.server.instance_api.envelope import VERSION_HEADER
from pairsmith.server.instance_api.failures import (
    InvalidApiName,
    NoPermission,
    SignatureNotMatch,
    Unauthorized,
)
from pairsmith.server.instance_api.operations import (
    Call,
    Version,
    find_operation,
    told,
    told_elsewhere,
)
from pairsmith.server.instance_api.signature import is_hash_of, is_signed_by

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from pairsmith.server.access.model import Principal
    from pairsmith.server.instance_api.envelope import Envelope
    from pairsmith.server.instance_api.operations import Operation
    from pairsmith.server.services import Services
    from pairsmith.server.trace import Trace


def admit(
    services: Services, envelope: Envelope, trace: Trace
) -> tuple[Operation, Call]:
    """Check everything that can be checked before the work; note it in the trace.

    Raises:
        Unauthorized, SignatureNotMatch, InvalidApiName, UnsupportedOperation,
        InvalidParameter, NoPermission, KeyNotFound and the errors of a key's state: In
        that order, the first that applies.
    """
    trace.claimed_id = envelope.access_key_id
    trace.principal = authenticate(services, envelope)
    operation = _operation(envelope, trace)
    if envelope.key_version_id:
        trace.request["KeyVersionId"] = envelope.key_version_id
    message = operation.message(envelope.body)
    trace.request |= told(message)
    call = operation.parse(message)
    trace.key_id, trace.spec = call.key_name, call.spec
    trace.key_version_id = call.blob_version_id
    key_ids = permit(services, trace.principal, envelope.api_name, call)
    named = getattr(message, "KeyId", "")
    if key_ids.get(named, named) != named:
        # From here on the request names the very key that was decided about.
        setattr(message, "KeyId", key_ids[named])  # noqa: B010 -- of one of many messages
        call = operation.parse(message)
    # A blob that names its version is judged by the operation itself, so that a version
    # that there is not is no other answer than a blob that does not open.
    if call.key_name and call.version is not Version.OF_THE_BLOB:
        primary = call.version is Version.PRIMARY
        key = services.registry.resolve(call.key_name, primary=primary)
        trace.key_id, trace.key_version_id = key.key_id, key.key_version_id
    if envelope.key_version_id not in ("", trace.key_version_id):
        raise InvalidParameter(VERSION_HEADER, "the operation uses another version")
    return operation, call


def authenticate(services: Services, envelope: Envelope) -> Principal:
    """Find out who has sent a request.

    Raises:
        Unauthorized: There is no such client key, or it is not valid now.
        SignatureNotMatch: It has not signed this, or the body is another.
    """
    principal = authenticate_sender(services, envelope)
    if not is_hash_of(envelope.content_sha256, envelope.body):
        raise SignatureNotMatch
    services.access.touch(principal.id)
    return principal


def authenticate_sender(services: Services, envelope: Envelope) -> Principal:
    """Find out who has signed the headers, which name the body's hash.

    Raises:
        Unauthorized, SignatureNotMatch: As ``authenticate``, but for the body.
    """
    client = services.access.client(envelope.access_key_id)
    if client is None or not client.valid_at(services.now()):
        raise Unauthorized(envelope.access_key_id)
    key = _public_key(client.public_key_der)
    if not is_signed_by(key, envelope.signature, envelope.signed_text):
        raise SignatureNotMatch
    return client.principal()


def permit(
    services: Services, principal: Principal, operation: str, call: Call
) -> dict[str, str]:
    """Check the right to the operation, on every key that the request names.

    Whoever may not use a key does not learn whether it exists either.

    Returns:
        What to work with, by the names in the request: ids, see ``permitted_key``.

    Raises:
        NoPermission: The policy does not allow it.
    """
    policy = principal.policy
    if not call.key_name and not policy.allows(operation, None):
        raise NoPermission(operation)
    key_ids: dict[str, str] = {}
    for name in dict.fromkeys(filter(None, (call.key_name, call.beside))):
        key_id = permitted_key(services.access, policy, (operation,), name)
        if key_id is None:
            raise NoPermission(name)
        key_ids[name] = key_id
    return key_ids


def _operation(envelope: Envelope, trace: Trace) -> Operation:
    """What is asked for; of what there is not, the audit log tells as far as it can."""
    name = envelope.api_name
    try:
        operation = find_operation(name)
    except (InvalidApiName, UnsupportedOperation):
        trace.request = {"ApiName": name, **told_elsewhere(name, envelope.body)}
        raise
    trace.operation = name
    return operation


@lru_cache(maxsize=4096)
def _public_key(der: bytes) -> RSAPublicKey:
    """Loading takes as long as verifying; client keys are made by the store: RSA."""
    return cast("RSAPublicKey", load_der_public_key(der))
