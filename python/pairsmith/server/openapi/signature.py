"""What an access key must have signed, in both ways of signing, and whether it has.

ACS3-HMAC-SHA256, in the header ``Authorization``::

    METHOD ⏎ / ⏎ sorted query ⏎ name:value ⏎ … ⏎ names of signed headers ⏎ body hash

hashed, and then authenticated with the secret. The older way, RPC signature 1.0, is a
parameter of its own and signs all others, those of the body included::

    METHOD & %2F & percent-encoded(sorted parameters)

authenticated by HMAC-SHA1, whose strength does not depend on SHA-1's collisions.

Finding the claim takes a few short fields. What must have been signed is put together,
in time that grows with the request, only once somebody asks for the proof.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from pairsmith.server.openapi.failures import (
    IllegalTimestamp,
    IncompleteSignature,
    MissingParameter,
)
from pairsmith.server.openapi.request import Request

ALGORITHM = "ACS3-HMAC-SHA256"
ALWAYS_SIGNED = frozenset(
    {
        "host",
        "x-acs-action",
        "x-acs-content-sha256",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-version",
    }
)
"""Headers that decide what is done: unsigned, they could be anybody's. With a body the
``content-type`` is one more, which decides whether there are parameters in it."""

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=([^,\s]{{1,128}}), *"
    r"SignedHeaders=([a-z0-9;_-]{1,4096}), *Signature=([0-9a-fA-F]{64})"
)

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
_ESCAPES = {byte: f"%{byte:02X}" for byte in range(256) if byte not in _UNRESERVED}


@dataclass(frozen=True, slots=True)
class Signed:
    """What must have been signed.

    Attributes:
        text: Of which the signature is made.
        covers_body: Whether the body is the one that was signed.
    """

    text: str = field(repr=False)
    covers_body: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a request says it is from, and the proof.

    Attributes:
        access_key_id: The access key that is said to have signed.
        action: What it asks for: a header of one way of signing, a parameter of the
            other, and believed only where it is signed.
        version: Of which API, likewise.
        signature: Its proof.
        date: When it is said to have signed, ``YYYY-MM-DDThh:mm:ssZ``.
        nonce: Different for each request.
        algorithm: Of the HMAC.
        key_suffix: What follows the secret in the key of the HMAC.
        signed: Puts together what it must have signed.
        request: As it came.
    """

    access_key_id: str
    action: str
    version: str
    signature: bytes = field(repr=False)
    date: str
    nonce: str
    algorithm: str
    key_suffix: bytes
    signed: Callable[[], Signed] = field(repr=False)
    request: Request = field(repr=False)

    def is_by(self, secret: bytes, *, with_body: bool = True) -> bool:
        """Whether the owner of this secret has signed; takes as long if not.

        Args:
            secret: Of the access key.
            with_body: Whether the body is at hand; where it is not, what names its
                hash must have been signed.

        Raises:
            MalformedRequest: The parameters cannot be decoded.
        """
        signed = self.signed()
        mac = hmac.new(secret + self.key_suffix, signed.text.encode(), self.algorithm)
        is_signed = hmac.compare_digest(mac.digest(), self.signature)
        return is_signed and (signed.covers_body or not with_body)


def read_claim(request: Request) -> Claim:
    """Find the signature, in whichever way it was made.

    Raises:
        IncompleteSignature, IllegalTimestamp, MissingParameter, MalformedRequest:
            Something of it is missing, or not in a form that is known.
    """
    if request.header("authorization"):
        return _acs3_claim(request)
    signature = request.field("Signature")
    if signature is None:
        raise IncompleteSignature
    return _rpc_claim(request, signature)


def encoded(text: str) -> str:
    """Percent-encode as RFC 3986 has it: all but letters, digits and ``-_.~``."""
    return text.encode().decode("latin-1").translate(_ESCAPES)


def _acs3_claim(request: Request) -> Claim:
    match = _AUTHORIZATION.fullmatch(request.header("authorization"))
    if match is None:
        raise IncompleteSignature
    access_key_id, names, signature = match.groups()
    signed = names.split(";")
    needed = ALWAYS_SIGNED | ({"content-type"} if request.body else set())
    if signed != sorted(set(signed)) or not needed <= set(signed):
        raise IncompleteSignature
    return Claim(
        access_key_id=access_key_id,
        action=request.header("x-acs-action"),
        version=request.header("x-acs-version"),
        signature=bytes.fromhex(signature),
        date=_given(request.header("x-acs-date"), IllegalTimestamp()),
        nonce=_given(
            request.header("x-acs-signature-nonce"),
            MissingParameter("x-acs-signature-nonce"),
        ),
        algorithm="sha256",
        key_suffix=b"",
        signed=partial(_acs3_signed, request, signed),
        request=request,
    )


def _acs3_signed(request: Request, names: list[str]) -> Signed:
    content_hash = request.header("x-acs-content-sha256")
    values = "".join(f"{name}:{request.header(name)}\n" for name in names)
    query = _canonical(request.query.values)
    canonical = (
        f"{request.method}\n/\n{query}\n{values}\n{';'.join(names)}\n{content_hash}"
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    body_hash = hashlib.sha256(request.body).hexdigest()
    return Signed(
        f"{ALGORITHM}\n{digest}",
        hmac.compare_digest(content_hash.lower().encode(), body_hash.encode()),
    )


def _rpc_claim(request: Request, signature: str) -> Claim:
    def given(name: str) -> str:
        return request.field(name) or ""

    method = given("SignatureMethod").upper()
    if method != "HMAC-SHA1" or given("SignatureVersion") != "1.0":
        raise IncompleteSignature
    return Claim(
        access_key_id=_given(given("AccessKeyId"), MissingParameter("AccessKeyId")),
        action=given("Action"),
        version=given("Version"),
        signature=_from_base64(signature),
        date=_given(given("Timestamp"), IllegalTimestamp()),
        nonce=_given(given("SignatureNonce"), MissingParameter("SignatureNonce")),
        algorithm="sha1",
        key_suffix=b"&",
        signed=partial(_rpc_signed, request),
        request=request,
    )


def _rpc_signed(request: Request) -> Signed:
    given = dict(request.parameters)
    given.pop("Signature", None)
    # Encoded once more: of what has to be, nothing else is left in it.
    twice = (
        _canonical(given).replace("%", "%25").replace("=", "%3D").replace("&", "%26")
    )
    return Signed(
        f"{request.method}&%2F&{twice}",
        # Not a word of any other body has a meaning, so none is believed.
        bool(request.form.values) or not request.body,
    )


def _canonical(parameters: Mapping[str, str]) -> str:
    return "&".join(
        f"{name}={value}"
        for name, value in sorted(
            (encoded(name), encoded(value)) for name, value in parameters.items()
        )
    )


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise IncompleteSignature from None


def _given(text: str, missing: Exception) -> str:
    if not text:
        raise missing
    return text
