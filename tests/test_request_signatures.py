"""Signatures of requests are verified as ``cryptography`` verifies them."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairsmith.request_signatures import verifying_key

MESSAGE = b"POST\n\napplication/x-protobuf\n"


def der(key: PublicKeyTypes) -> bytes:
    """SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    """A key of the smallest size."""
    return rsa.generate_private_key(65537, 2048)


def sign(
    key: rsa.RSAPrivateKey, message: bytes, kind: HashAlgorithm | None = None
) -> bytes:
    """RSASSA-PKCS1-v1_5."""
    return key.sign(message, padding.PKCS1v15(), kind or SHA256())


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_what_the_private_half_has_signed_is_verified(bits: int) -> None:
    """Of every size that clients have; for an empty message, too."""
    key = rsa.generate_private_key(65537, bits)
    public = verifying_key(der(key.public_key()))
    for message in (MESSAGE, b"", bytes(100_000)):
        assert public.verifies(sign(key, message), message)


def test_nothing_else_is_verified(private_key: rsa.RSAPrivateKey) -> None:
    """Another message, key, hash, padding or length; no bit may differ."""
    public = verifying_key(der(private_key.public_key()))
    other = rsa.generate_private_key(65537, 2048)
    signature = sign(private_key, MESSAGE)
    assert not public.verifies(signature, MESSAGE + b"x")
    assert not public.verifies(sign(other, MESSAGE), MESSAGE)
    for kind in (SHA1(), SHA512()):  # noqa: S303 -- it must be refused
        assert not public.verifies(sign(private_key, MESSAGE, kind), MESSAGE)
    pss = padding.PSS(padding.MGF1(SHA256()), 32)
    assert not public.verifies(private_key.sign(MESSAGE, pss, SHA256()), MESSAGE)
    for wrong in (b"", signature[1:], signature + b"\0", b"\0" + signature, bytes(256)):
        assert not public.verifies(wrong, MESSAGE)
    for place in range(0, len(signature), 17):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert not public.verifies(bytes(changed), MESSAGE)


def test_a_key_that_is_too_small_verifies_nothing() -> None:
    """Below 2048 bits."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- likewise
    public = verifying_key(der(key.public_key()))
    assert not public.verifies(sign(key, MESSAGE), MESSAGE)


def test_what_is_no_rsa_key_is_refused(private_key: rsa.RSAPrivateKey) -> None:
    """Other kinds of keys, and bytes that are none."""
    whole = der(private_key.public_key())
    for other in (
        der(ec.generate_private_key(ec.SECP256R1()).public_key()),
        der(ed25519.Ed25519PrivateKey.generate().public_key()),
        whole[:-1],
        whole + b"\0",
        b"",
    ):
        with pytest.raises(ValueError, match="no RSA public key"):
            verifying_key(other)
