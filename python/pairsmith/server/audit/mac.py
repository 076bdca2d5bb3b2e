"""The MAC of the audit log: HMAC-SHA256, cut to 16 bytes."""

import hashlib

MAC_BYTES = 16

BLOCK_BYTES = 64
"""Of SHA-256; a longer key is hashed first (RFC 2104, section 2)."""


class Mac:
    """Makes MACs with one key.

    Every line has one, and most of what ``hmac.digest`` does is the same for all of
    them: hashing the key, inner and outer. That is done once (RFC 2104, section 4).

    Args:
        key: ``AccessStore.audit_key()``.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) > BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        block = key.ljust(BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(each ^ 0x36 for each in block))
        self._outer = hashlib.sha256(bytes(each ^ 0x5C for each in block))

    def of(self, text: bytes) -> bytes:
        """Give the MAC of a text, 16 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()[:MAC_BYTES]
