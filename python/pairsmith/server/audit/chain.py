"""Lines of the audit log, each bound to the one before it.

A line is a JSON object that ends in two fields of the chain::

    {"sequence":7,"time":"…", … ,"hash":"<64 hex digits>","mac":"<32 hex digits>"}

``hash`` is SHA-256 over the previous line's hash (32 bytes) and the line's own bytes up
to the comma before ``"hash"``: anybody can check that nothing was changed, removed or
put elsewhere. ``mac`` is HMAC-SHA256 over that hash, cut to 16 bytes, with a key that
only the server has: whoever lacks it cannot write the chain anew.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pairsmith.documents import parse_json
from pairsmith.errors import InvalidParameter
from pairsmith.registry.chain import NO_HASH, Head, follows, hash_of
from pairsmith.server.audit.mac import Mac

__all__ = ["NO_HASH", "Head", "Line", "Lines", "read_line", "write_lines"]

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

    def is_signed(self, mac: Mac) -> bool:
        """Whether the holder of this key has written it."""
        return hmac.compare_digest(self.mac, mac.of(self.hash))

    def told(self) -> dict[str, Any]:
        """What it tells; empty if that is no JSON."""
        try:
            told = parse_json("line", self.body + b"}")
        except InvalidParameter:
            return {}
        return told if isinstance(told, dict) else {}


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines to write, one after another.

    Attributes:
        text: Their bytes, newlines included.
        last: Those of the last one.
        before: The hash of the line before the last one.
        head: The chain up to the last one.
    """

    text: bytes
    last: bytes
    before: bytes
    head: Head


def write_lines(mac: Mac, head: Head, group: Iterable[str]) -> Lines:
    """Give the next lines; there is at least one.

    Args:
        mac: Signs them.
        head: The line before them.
        group: What each tells, a JSON object in ASCII with no space after its brace.
    """
    sequence, digest = head.sequence, head.hash
    lines: list[bytes] = []
    for told in group:
        sequence += 1
        previous = digest
        body = f'{{"sequence":{sequence},{told[1:-1]}'.encode("ascii")
        digest = hash_of(previous, body)
        seal = f',"hash":"{digest.hex()}","mac":"{mac.of(digest).hex()}"}}\n'
        lines.append(body + seal.encode("ascii"))
    return Lines(b"".join(lines), lines[-1], previous, Head(sequence, digest))


def read_line(text: bytes) -> Line | None:
    """Take a line apart, without its newline; ``None`` if it has not that form."""
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    body, sequence, digest, mac = match.groups()
    return Line(
        body, int(sequence), bytes.fromhex(digest.decode()), bytes.fromhex(mac.decode())
    )
