"""Public keys that verify who has sent a request, read once and used for every one."""

from __future__ import annotations

from functools import lru_cache

from pairsmith._core import VerifyingKey

__all__ = ["VerifyingKey", "verifying_key"]


@lru_cache(maxsize=4096)
def verifying_key(public_key_der: bytes) -> VerifyingKey:
    """Read a public key; reading it takes as long as verifying by it.

    Args:
        public_key_der: SubjectPublicKeyInfo of an RSA key of 2048 to 8192 bits.

    Raises:
        ValueError: It is none.
    """
    return VerifyingKey(public_key_der)
