"""A service key in plain Python, for what is about chains and not about the core."""

import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class PlainSigner:
    """HMAC-SHA256 over place and message."""

    key: bytes = b"test"

    def mac(self, place: str, message: bytes) -> bytes:
        """As ``ServiceKey.mac``."""
        return hmac.digest(self.key, place.encode() + b"\0" + message, "sha256")

    def verify(self, place: str, message: bytes, mac: bytes) -> bool:
        """As ``ServiceKey.verify``."""
        return hmac.compare_digest(mac, self.mac(place, message))
