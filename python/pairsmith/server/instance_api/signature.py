"""Who sent a request: an RSA signature over its headers, which name its body's hash.

    METHOD ⏎ content-sha256 ⏎ content-type ⏎ date ⏎
    x-kms-…:value ⏎     every header of that prefix, sorted by name
    /

signed by the client key with RSASSA-PKCS1-v1_5 and SHA-256. The body enters only
through ``content-sha256``, so that must be compared with the body itself.
"""

import hashlib
from collections.abc import Mapping
from hmac import compare_digest

SIGNED_PREFIX = "x-kms-"
RESOURCE = "/"


def string_to_sign(method: str, headers: Mapping[str, str]) -> str:
    """The text that the client key has signed.

    Args:
        method: ``POST``.
        headers: Names in lower case; an absent one counts as empty.
    """
    named = sorted(name for name in headers if name.startswith(SIGNED_PREFIX))
    lines = [
        method,
        headers.get("content-sha256", ""),
        headers.get("content-type", ""),
        headers.get("date", ""),
        *[f"{name}:{headers[name].strip()}" for name in named],
        RESOURCE,
    ]
    return "\n".join(lines)


def is_hash_of(content_sha256: str, body: bytes) -> bool:
    """Whether the header tells the body's SHA-256; an empty body needs no header."""
    if not content_sha256:
        return not body
    actual = hashlib.sha256(body).hexdigest()
    return compare_digest(content_sha256.lower().encode(), actual.encode())
