"""The headers of a request, checked for form and parsed once, in the documented order.

Nothing here knows who is asking: see ``signature``. Everything here is cheap.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from pairsmith.server.instance_api.failures import (
    InvalidApiVersion,
    InvalidContentType,
    InvalidParam,
    MissingParameter,
    RequestTimeTooSkewed,
)
from pairsmith.server.instance_api.signature import SIGNED_PREFIX, string_to_sign

API_VERSION = "dkms-gcs-0.2"
SIGNATURE_METHOD = "RSA_PKCS1_SHA_256"
CONTENT_TYPE = "application/x-protobuf"
ACCESS_KEY_ID = "x-kms-acccesskeyid"  # sic: three c's on the wire
VERSION_HEADER = "x-kms-migrationkeyversionid"
SCHEMES = ("bearer", "token")
"""What stands before the signature: in the SDKs the first, documented the second."""

DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{1,2}) "
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"(\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT",
    re.ASCII,
)
"""RFC 1123, but with a day of one digit too, as the documents have it."""

MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


SIGNED_PREFIX_BYTES = SIGNED_PREFIX.encode()
SIGNED_NAMES = {
    name.encode(): name
    for name in (
        "authorization",
        "content-sha256",
        "content-type",
        "date",
        "x-kms-apiname",
        "x-kms-apiversion",
        "x-kms-signaturemethod",
        ACCESS_KEY_ID,
    )
}
"""Headers that every request has; what else begins with the prefix is signed, too."""


class Envelope(NamedTuple):
    """A well-formed request whose sender is not verified yet.

    Attributes:
        api_name: The operation that is asked for, whatever it may be.
        access_key_id: The client key that is said to have signed.
        signature: The signature, decoded.
        signed_text: What must have been signed.
        content_sha256: The hash that the body is said to have.
        key_version_id: The version that the client insists on, or empty.
        body: The encoded message; empty if it is still to come.
    """

    api_name: str
    access_key_id: str
    signature: bytes
    signed_text: str
    content_sha256: str
    key_version_id: str
    body: bytes

    def __repr__(self) -> str:
        """Without the body, which may be a plaintext."""
        return f"<Envelope of {self.api_name!r} by {self.access_key_id!r}>"


def open_envelope(
    pairs: Iterable[tuple[bytes, bytes]],
    body: bytes | None,
    now: datetime,
    tolerance: timedelta,
) -> Envelope:
    """Check and parse the headers.

    Args:
        pairs: Names and values as they came; names in lower case.
        body: All of it; ``None`` if it is still to come, and there is one.
        now: This server's time, UTC.
        tolerance: How far ``Date`` may be from it, either way.

    Raises:
        InvalidContentType, InvalidApiVersion, InvalidParam, MissingParameter,
        RequestTimeTooSkewed: In that order, the first that applies.
    """
    headers = _parsed(pairs)
    content_type = headers.get("content-type", "")
    if body != b"" and content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise InvalidContentType(content_type)
    if headers.get("x-kms-apiversion") != API_VERSION:
        raise InvalidApiVersion(headers.get("x-kms-apiversion", ""))
    sent = parse_date(headers.get("date", ""))
    if headers.get("x-kms-signaturemethod") != SIGNATURE_METHOD:
        method = headers.get("x-kms-signaturemethod", "")
        raise InvalidParam("x-kms-signaturemethod", method)
    if not headers.get(ACCESS_KEY_ID):
        raise MissingParameter(ACCESS_KEY_ID)
    signature = _parse_authorization(headers.get("authorization", ""))
    if abs(now - sent) > tolerance:
        raise RequestTimeTooSkewed
    return Envelope(
        api_name=headers.get("x-kms-apiname", ""),
        access_key_id=headers[ACCESS_KEY_ID],
        signature=signature,
        signed_text=string_to_sign("POST", headers),
        content_sha256=headers.get("content-sha256", ""),
        key_version_id=headers.get(VERSION_HEADER, ""),
        body=body or b"",
    )


@lru_cache(maxsize=64)
def parse_date(text: str) -> datetime:
    """The time of a ``Date`` header.

    Raises:
        InvalidParam: It is missing, or not as RFC 1123 has it.
    """
    match = DATE.fullmatch(text)
    if match is None:
        raise InvalidParam("Date")
    day, month, year, hour, minute, second = match.groups()
    try:
        return datetime(
            int(year), MONTHS.index(month) // 3 + 1, int(day),
            int(hour), int(minute), int(second), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        raise InvalidParam("Date") from None


def _parsed(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that are signed, by name: each given once, and plain ASCII.

    Two would leave it open which of them was signed; signing others than ASCII would
    depend on an encoding that nobody has documented.
    """
    headers: dict[str, str] = {}
    for raw_name, value in pairs:
        name = SIGNED_NAMES.get(raw_name)
        if name is None:
            if not raw_name.startswith(SIGNED_PREFIX_BYTES):
                continue
            name = raw_name.decode("latin-1")
        if name in headers or not value.isascii():
            raise InvalidParam("Date" if name == "date" else name)
        headers[name] = value.decode("ascii").strip()
    return headers


def _parse_authorization(text: str) -> bytes:
    scheme, _, encoded = text.partition(" ")
    try:
        signature = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if scheme.lower() not in SCHEMES or not signature:
        raise InvalidParam("Authorization")
    return signature
