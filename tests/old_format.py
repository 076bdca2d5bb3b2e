"""Format 1 by ``cryptography`` alone: what an older Pairsmith sealed, or a forger."""

import hashlib
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def seal(
    material: bytes, key_version_id: str, plaintext: bytes, aad: bytes
) -> tuple[bytes, bytes]:
    """Seal under a key version; give iv and blob, as ``Encrypt`` did."""
    iv = os.urandom(12)
    context = b"pairsmith/wrap/v1" + key_version_id.encode()
    return iv, _seal(material, context, iv, plaintext, aad)


def wrap(root_key: bytes, key_id: str, key_version_id: str, material: bytes) -> bytes:
    """Write a row of ``key_versions``."""
    iv, place = os.urandom(12), f"{key_id}/{key_version_id}".encode()
    return iv + _seal(root_key, _root_context(root_key), iv, material, place)


def unwrap(root_key: bytes, key_id: str, key_version_id: str, row: bytes) -> bytes:
    """Read the 32 bytes of key material in a row."""
    place = f"{key_id}/{key_version_id}".encode()
    salt, ciphertext = row[13:29], row[61:]
    derived = _derive(root_key, salt, _root_context(root_key))
    return AESGCM(derived[:32]).decrypt(row[:12], ciphertext, place)


def _seal(
    secret: bytes, context: bytes, iv: bytes, plaintext: bytes, aad: bytes
) -> bytes:
    salt = os.urandom(16)
    derived = _derive(secret, salt, context)
    ciphertext = AESGCM(derived[:32]).encrypt(iv, plaintext, aad)
    return b"\x01" + salt + derived[32:] + ciphertext


def _root_context(root_key: bytes) -> bytes:
    digest = hashlib.sha256(b"pairsmith/root-key-id/v1" + root_key).digest()
    return b"pairsmith/root/v1" + digest[:8].hex().rjust(36).encode()


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), length=64, salt=salt, info=info).derive(secret)
