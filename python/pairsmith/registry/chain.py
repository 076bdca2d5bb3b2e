"""Chains of lines: the change log's of the registry, and the audit log's of a server.

Each line is bound to the one before it by SHA-256. The last line stands for all of
them: its number and its hash, kept elsewhere, are an *anchor*.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from pairsmith.errors import InvalidParameter

NO_HASH = bytes(32)
"""In the place of a previous hash, before the first line of all."""

HASH_BYTES = 32

_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of a chain: all that the next one needs."""

    sequence: int = 0
    hash: bytes = NO_HASH

    def __str__(self) -> str:
        """Show it as an anchor, to be kept elsewhere."""
        return f"{self.sequence}:{self.hash.hex()}"


def hash_of(previous_hash: bytes, body: bytes) -> bytes:
    """SHA-256 over the hash of the line before (32 bytes) and a line's own bytes."""
    return hashlib.sha256(previous_hash + body).digest()


def follows(previous_hash: bytes, body: bytes, digest: bytes) -> bool:
    """Whether this is the hash of a line of these bytes after the line of that hash."""
    return hmac.compare_digest(digest, hash_of(previous_hash, body))


def parse_anchor(text: str) -> Head:
    """Read an anchor, ``SEQUENCE:HASH``.

    Raises:
        InvalidParameter: It is no such text.
    """
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise InvalidParameter("anchor", "give what pairsmith audit head has printed.")
    return Head(int(match[1]), bytes.fromhex(match[2]))
