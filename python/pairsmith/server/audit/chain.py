"""Lines of the audit log, each bound to the one before it.

A line is a JSON object that ends in two fields of the chain::

    {"sequence":7,"time":"…", … ,"hash":"<64 hex digits>","mac":"<32 hex digits>"}

``hash`` is SHA-256 over the previous line's hash (32 bytes) and the line's own bytes up
to the comma before ``"hash"``: anybody can check that nothing was changed, removed or
put elsewhere. ``mac`` is HMAC-SHA256 over that hash, cut to 16 bytes, with a key that
only the server has: whoever lacks it cannot write the chain anew.
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pairsmith.documents import parse_json
from pairsmith.errors import InvalidParameter
from pairsmith.registry.chain import NO_HASH, Head, follows, hash_of

__all__ = ["NO_HASH", "Head", "Line", "read_line", "write_line"]

MAC_BYTES = 16

_LINE = re.compile(
    rb'(\{"sequence":([1-9][0-9]{0,17}),.*),"hash":"([0-9a-f]{64})","mac":"([0-9a-f]{32})"\}'
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read; whether it is true remains to be seen."""

    body: bytes
    sequence: int
    hash: bytes
    mac: bytes

    @property
    def head(self) -> Head:
        """The chain up to this line."""
        return Head(self.sequence, self.hash)

    def follows(self, previous_hash: bytes) -> bool:
        """Whether its hash is that of its bytes after the line of that hash."""
        return follows(previous_hash, self.body, self.hash)

    def is_signed(self, key: bytes) -> bool:
        """Whether the holder of this key has written it."""
        return hmac.compare_digest(self.mac, _mac_of(key, self.hash))

    def told(self) -> dict[str, Any]:
        """What it tells; empty if that is no JSON."""
        try:
            told = parse_json("line", self.body + b"}")
        except InvalidParameter:
            return {}
        return told if isinstance(told, dict) else {}


def write_line(key: bytes, head: Head, told: Mapping[str, Any]) -> tuple[bytes, Head]:
    """Give the next line, newline included, and the chain with it.

    Args:
        key: Of the ``mac``.
        head: The line before it.
        told: Its fields.
    """
    sequence = head.sequence + 1
    document = json.dumps({"sequence": sequence, **told}, separators=(",", ":"))
    body = document[:-1].encode("ascii")
    digest = hash_of(head.hash, body)
    mac = _mac_of(key, digest)
    line = b'%b,"hash":"%b","mac":"%b"}\n' % (
        body,
        digest.hex().encode(),
        mac.hex().encode(),
    )
    return line, Head(sequence, digest)


def read_line(text: bytes) -> Line | None:
    """Take a line apart, without its newline; ``None`` if it has not that form."""
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    body, sequence, digest, mac = match.groups()
    return Line(
        body, int(sequence), bytes.fromhex(digest.decode()), bytes.fromhex(mac.decode())
    )


def _mac_of(key: bytes, digest: bytes) -> bytes:
    return hmac.digest(key, digest, "sha256")[:MAC_BYTES]
