"""The MAC of the audit log: HMAC-SHA256, cut to 16 bytes."""

import hmac

MAC_BYTES = 16


class Mac:
    """Makes MACs with one key, which is taken in once: every line has a MAC.

    Args:
        key: ``AccessStore.audit_key()``.
    """

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod="sha256")

    def of(self, text: bytes) -> bytes:
        """Give the MAC of a text, 16 bytes."""
        mac = self._keyed.copy()
        mac.update(text)
        return mac.digest()[:MAC_BYTES]
