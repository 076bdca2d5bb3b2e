"""Whatever is generated is accepted by libraries that share no code with Pairsmith."""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import badkeys  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pairsmith import KeyPairSpec
from pairsmith._core import RootKey
from reading import belong_together

VERSION = "key-0123456789abcdefghijk-0123456789"
CHECKS = [
    "fermat",
    "pattern",
    "roca",
    "rsainvalid",
    "rsapoly",
    "sharedprimes",
    "smalld",
    "smallfactors",
    "xzbackdoor",
]
"""Of badkeys' checks those that need no download, by name."""

Pair = tuple[bytes, bytes]
"""Private and public key in PEM."""


def generated(spec: str, count: int) -> list[Pair]:
    """This many fresh pairs."""
    root = RootKey(os.urandom(32))
    key = root.open_version(root.create_version("key", VERSION), "key", VERSION)

    def one(_number: int) -> Pair:
        public, _, _, private = key.generate_data_key_pair(
            spec, "PEM", b"", advance=False, with_plaintext=True
        )
        assert private is not None
        return private, public

    return [one(number) for number in range(count)]


def for_all(pairs: list[Pair], check: Callable[[Pair], object]) -> None:
    """Check every pair; OpenSSL's processes and signatures take two cores."""
    with ThreadPoolExecutor(2) as pool:
        assert len(list(pool.map(check, pairs))) == len(pairs)


def openssl(*arguments: str, given: bytes) -> bytes:
    """What the command prints; it must succeed."""
    outcome = subprocess.run(
        ["openssl", *arguments], input=given, capture_output=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr.decode()
    return outcome.stdout


def openssl_accepts(pair: Pair) -> None:
    """OpenSSL finds both halves valid and derives the same public half."""
    private, public = pair
    printed = openssl("pkey", "-check", "-pubout", given=private)
    assert b"Key is valid" in printed
    assert printed.replace(b"Key is valid\n", b"") == public
    printed = openssl("pkey", "-pubin", "-pubcheck", "-pubout", given=public)
    assert printed.replace(b"Key is valid\n", b"") == public


def cryptography_accepts(pair: Pair) -> None:
    """The full check passes; both halves are written again to the same bytes.

    And what the private half signs, the public half verifies.
    """
    key, public = load_pem_private_key(pair[0], None), load_pem_public_key(pair[1])
    assert key.public_key() == public
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert written == pair[0]
    written = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert written == pair[1]
    if isinstance(key, rsa.RSAPrivateKey):
        assert isinstance(public, rsa.RSAPublicKey)
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        signature = key.sign(b"message", scheme, hashes.SHA256())
        public.verify(signature, b"message", scheme, hashes.SHA256())
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert isinstance(public, ec.EllipticCurvePublicKey)
        algorithm = ec.ECDSA(hashes.SHA256())
        public.verify(key.sign(b"message", algorithm), b"message", algorithm)


def is_clean(pair: Pair) -> None:
    """Neither half has anything that badkeys knows against it."""
    for half in pair:
        found = badkeys.detectandcheck(half.decode(), checks=CHECKS)
        assert found["type"] == "rsa"
        assert found["results"] == {}


@pytest.mark.parametrize("count", [25, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("spec", ["EC_P256", "EC_P256K"])
def test_elliptic_curve_pairs_are_accepted(spec: str, count: int) -> None:
    """Many pairs: valid to cryptography and OpenSSL, on their curve, and distinct."""
    pairs = generated(spec, count)
    assert len({half for pair in pairs for half in pair}) == 2 * count
    for_all(pairs, cryptography_accepts)
    for_all(pairs, openssl_accepts)
    names = {"EC_P256": "secp256r1", "EC_P256K": "secp256k1"}
    for _, public in pairs:
        loaded = load_pem_public_key(public)
        assert isinstance(loaded, ec.EllipticCurvePublicKey)
        assert loaded.curve.name == names[spec]


@pytest.mark.parametrize("spec", list(KeyPairSpec)[5:])
def test_other_pairs_are_accepted(spec: KeyPairSpec) -> None:
    """Valid to cryptography, and to OpenSSL as far as it knows them, and distinct.

    ML-KEM-512, which cryptography does not have, is read as FIPS 203 says.
    """
    pairs = generated(spec, 10)
    assert len({half for pair in pairs for half in pair}) == 20
    for private, public in pairs:
        assert belong_together(private, public)
        if spec is KeyPairSpec.ML_KEM_512:
            continue
        key, loaded = load_pem_private_key(private, None), load_pem_public_key(public)
        assert key.public_key() == loaded
        written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        assert written == private
        written = loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert written == public
        if spec.kind.openssl < (3, 0):
            openssl_accepts((private, public))
        try_on_each_other(key, loaded)


def try_on_each_other(key: Any, public: Any) -> None:
    """Cryptography signs and verifies, agrees, or encapsulates and decapsulates."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = ec.ECDSA(hashes.SHA384())
        public.verify(key.sign(b"message", algorithm), b"message", algorithm)
    elif isinstance(key, x25519.X25519PrivateKey):
        peer = x25519.X25519PrivateKey.generate()
        assert key.exchange(peer.public_key()) == peer.exchange(public)
    elif hasattr(key, "decapsulate"):
        shared, ciphertext = public.encapsulate()
        assert key.decapsulate(ciphertext) == shared
    else:
        public.verify(key.sign(b"message"), b"message")


@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa_pairs_are_accepted(bits: int, count: int) -> None:
    """Each is valid to cryptography, OpenSSL and badkeys; all primes are distinct."""
    pairs = generated(f"RSA_{bits}", count)
    for_all(pairs, cryptography_accepts)
    for_all(pairs, openssl_accepts)
    for_all(pairs, is_clean)
    primes = set()
    for private, public in pairs:
        loaded = load_pem_public_key(public)
        assert isinstance(loaded, rsa.RSAPublicKey)
        assert (loaded.key_size, loaded.public_numbers().e) == (bits, 65537)
        key = load_pem_private_key(private, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey)
        primes |= {key.private_numbers().p, key.private_numbers().q}
    assert len(primes) == 2 * count


def test_badkeys_does_find_a_bad_key() -> None:
    """A modulus of two neighbouring primes is found out: the check above can fail."""
    # The two largest primes below 2^1024 that are 7 modulo 8.
    modulus = ((1 << 1024) - 105) * ((1 << 1024) - 3177)
    found = badkeys.checkrsa(modulus, e=65537, checks=CHECKS)
    assert "fermat" in found
