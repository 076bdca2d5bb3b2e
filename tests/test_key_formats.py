"""Keys as JWK and OpenSSH, read by libraries and programs that are not ours."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import (
    ec,
    ed448,
    ed25519,
    mldsa,
    mlkem,
    rsa,
)
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from pairsmith import (
    DataKeyPair,
    Decrypted,
    Instance,
    KeyPairSpec,
    WrappedKeyPair,
    errors,
    key_formats,
)

ALGORITHMS = {
    "RSA_2048": "PS256",
    "RSA_3072": "RS384",
    "RSA_4096": "RS512",
    "EC_P256": "ES256",
    "EC_P256K": "ES256K",
    "EC_P384": "ES384",
    "EC_P521": "ES512",
    "ED25519": "Ed25519",
}
"""How each spec signs in JOSE, of those that joserfc can sign with."""
WITH_OPENSSH = [spec for spec in KeyPairSpec if spec.kind.openssh]
WITH_JWK = [spec for spec in KeyPairSpec if spec.kind.jwk]
WITHOUT_JWK = [KeyPairSpec.ML_KEM_512, KeyPairSpec.ML_KEM_768, KeyPairSpec.ML_KEM_1024]
OWN = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"},
       "AKP": {"alg", "pub"}}  # fmt: skip
PRIVATE = {"RSA": {"d", "p", "q", "dp", "dq", "qi"}, "EC": {"d"}, "OKP": {"d"},
           "AKP": {"priv"}}  # fmt: skip

# RFC 7638, section 3.1: a public key and its thumbprint.
RFC_7638 = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aP"
    "FFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5"
    "w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1"
    "n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF4"
    "4-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

# RFC 7517, appendix A.2: a private key of P-256.
RFC_7517 = {
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
}


@pytest.fixture(params=WITH_JWK)
def pair(
    request: pytest.FixtureRequest, instance: Instance, key_id: str
) -> DataKeyPair:
    """One pair of each spec in turn that can be a JWK."""
    return instance.generate_data_key_pair(key_id, request.param, "DER")


@pytest.fixture(params=[spec for spec in WITH_JWK if not spec.startswith("ML_")])
def read_pair(
    request: pytest.FixtureRequest, instance: Instance, key_id: str
) -> DataKeyPair:
    """One pair of each spec in turn whose JWK joserfc reads."""
    return instance.generate_data_key_pair(key_id, request.param, "DER")


def read(jwk: dict[str, str]) -> ECKey | RSAKey | OKPKey:
    """The key as joserfc reads it, which checks that its numbers belong together."""
    again = json.loads(json.dumps(jwk))
    kind = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}[jwk["kty"]]
    return kind.import_key(again)


def ssh_keygen(*words: object) -> bytes:
    """What the command prints; it must succeed."""
    run = subprocess.run(
        ["ssh-keygen", *map(str, words)], capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def as_der(key: Any) -> bytes:
    """SubjectPublicKeyInfo in DER, of a public key."""
    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def test_jwks_are_read_and_sign(read_pair: DataKeyPair) -> None:
    """Joserfc signs by the private JWK and verifies by the public one."""
    pair = read_pair
    if pair.key_pair_spec is KeyPairSpec.X25519:
        return  # which signs nothing; that it is read is for the next test
    algorithm = ALGORITHMS[pair.key_pair_spec]
    signed = jws.serialize_compact(
        {"alg": algorithm}, b"message", read(pair.private_jwk()), algorithms=[algorithm]
    )
    found = jws.deserialize_compact(
        signed, read(pair.public_jwk()), algorithms=[algorithm]
    )
    assert found.payload == b"message"


def test_a_jwk_is_the_key_that_it_is_made_of(read_pair: DataKeyPair) -> None:
    """Read by joserfc and encoded again, both halves are the pair's, bytewise."""
    pair = read_pair
    public, private = read(pair.public_jwk()), read(pair.private_jwk())
    assert public.as_der(private=False) == pair.encoded_public_key
    assert private.as_der(private=True) == pair.private_key_plaintext
    assert public.as_dict() == pair.public_jwk()
    assert private.as_dict(private=True) == pair.private_jwk()


def test_a_jwk_of_ml_dsa_is_that_of_rfc_9964(instance: Instance, key_id: str) -> None:
    """Its ``priv`` is the seed, its ``pub`` the public key, its ``kid`` the digest.

    Of ``alg``, ``kty`` and ``pub`` in that order (section 6), computed here.
    """
    kinds: dict[str, Any] = {
        "ML-DSA-44": mldsa.MLDSA44PrivateKey,
        "ML-DSA-65": mldsa.MLDSA65PrivateKey,
        "ML-DSA-87": mldsa.MLDSA87PrivateKey,
    }
    for name, kind in kinds.items():
        pair = instance.generate_data_key_pair(key_id, name.replace("-", "_"), "PEM")
        jwk = pair.private_jwk()
        assert (jwk["kty"], jwk["alg"]) == ("AKP", name)
        seed = base64.urlsafe_b64decode(jwk["priv"] + "=")
        public = kind.from_seed_bytes(seed).public_key()
        assert public == pair.public_key()
        text = base64.urlsafe_b64encode(public.public_bytes_raw()).rstrip(b"=").decode()
        assert jwk["pub"] == text
        digested = f'{{"alg":"{name}","kty":"AKP","pub":"{text}"}}'.encode()
        digest = hashlib.sha256(digested).digest()
        assert jwk["kid"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize("spec", WITHOUT_JWK)
def test_ml_kem_has_no_jwk(instance: Instance, key_id: str, spec: KeyPairSpec) -> None:
    """No standard says how: it is refused, whichever half, and so is OpenSSH."""
    pair = instance.generate_data_key_pair(key_id, spec, "PEM")
    for form in ("public_jwk", "private_jwk", "public_openssh", "private_openssh"):
        with pytest.raises(errors.UnsupportedOperation, match=r"PEM or DER\.$"):
            getattr(pair, form)()


def test_the_kid_is_the_thumbprint(read_pair: DataKeyPair) -> None:
    """Both halves have the thumbprint that joserfc computes as their ``kid``."""
    pair = read_pair
    kid = pair.public_jwk()["kid"]
    assert kid == read(pair.public_jwk()).thumbprint()
    assert kid == pair.private_jwk()["kid"]


def test_the_public_jwk_has_nothing_private(pair: DataKeyPair) -> None:
    """It has the public members and ``kid``; the private JWK adds its own."""
    public, private = pair.public_jwk(), pair.private_jwk()
    assert public.keys() == {"kty", "kid"} | OWN[public["kty"]]
    assert private.keys() == public.keys() | PRIVATE[public["kty"]]
    assert {name: private[name] for name in public} == public


def test_a_private_jwk_prints_no_secret(pair: DataKeyPair) -> None:
    """Neither ``repr`` nor ``str`` nor formatting shows a private member."""
    jwk = pair.private_jwk()
    shown = f"{jwk} {jwk!r} {[jwk]} {jwk!s}"
    assert jwk["kid"] in shown
    for name in PRIVATE[jwk["kty"]]:
        assert jwk[name] not in shown


def test_thumbprint_of_the_rfc() -> None:
    """RFC 7638's own example, whose ``alg`` and ``kid`` do not count."""
    assert key_formats.thumbprint(RFC_7638) == THUMBPRINT
    key = RSAKey.import_key(dict(RFC_7638)).public_key
    members = {name: RFC_7638[name] for name in ("kty", "n", "e")}
    assert key_formats.public_jwk(key) == {**members, "kid": THUMBPRINT}
    assert key_formats.thumbprint({**RFC_7638, "e": "AQAC"}) != THUMBPRINT


def test_private_key_of_the_rfc() -> None:
    """RFC 7517's private key of P-256 is written as the RFC has it."""
    key = ECKey.import_key(dict(RFC_7517)).private_key
    assert key is not None
    written = key_formats.private_jwk(key)
    assert {name: written[name] for name in RFC_7517} == RFC_7517


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP256K1()])
def test_coordinates_keep_their_zeros(curve: ec.EllipticCurve) -> None:
    """Scalars and coordinates have 32 octets also when they begin with zeros."""
    keys = (ec.derive_private_key(scalar, curve) for scalar in range(1, 5000))
    short = next(
        key for key in keys if key.public_key().public_numbers().x.bit_length() <= 248
    )
    jwk = key_formats.private_jwk(short)
    octets = {
        name: base64.urlsafe_b64decode(jwk[name] + "=") for name in ("x", "y", "d")
    }
    assert {len(value) for value in octets.values()} == {32}
    assert octets["x"][0] == octets["d"][0] == 0
    assert read(jwk).as_dict(private=True) == jwk
    assert read(jwk).public_key == short.public_key()


@pytest.mark.parametrize(
    "key",
    [
        ed448.Ed448PrivateKey.generate(),
        ec.generate_private_key(ec.SECP224R1()),
        mlkem.MLKEM768PrivateKey.generate(),
    ],
)
def test_other_kinds_have_no_jwk(key: ec.EllipticCurvePrivateKey) -> None:
    """A key of no kind that is a JWK here is refused, whichever half."""
    with pytest.raises(errors.UnsupportedOperation, match="JWK"):
        key_formats.public_jwk(key.public_key())
    with pytest.raises(errors.UnsupportedOperation, match="JWK"):
        key_formats.private_jwk(key)


@pytest.mark.parametrize("spec", WITH_OPENSSH)
def test_openssh_reads_both_halves(
    instance: Instance, key_id: str, tmp_path: Path, spec: str
) -> None:
    """``ssh-keygen`` derives our public line from our private file; sizes are right."""
    pair = instance.generate_data_key_pair(key_id, spec, "PEM")
    private, public = tmp_path / "id", tmp_path / "id.pub"
    private.touch(0o600)
    private.write_bytes(pair.private_openssh())
    assert private.read_bytes().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert ssh_keygen("-y", "-f", private).rstrip() == pair.public_openssh()
    public.write_bytes(pair.public_openssh() + b"\n")
    bits, fingerprint, *_ = ssh_keygen("-l", "-f", public).split()
    assert int(bits) == getattr(pair.public_key(), "key_size", 256)
    assert fingerprint.startswith(b"SHA256:")
    if spec != "ED25519":  # which ssh-keygen exports in no other form
        exported = ssh_keygen("-e", "-m", "PKCS8", "-f", public)
        assert exported == pair.encoded_public_key
    name = KeyPairSpec(spec).kind.openssh
    assert name is not None
    assert pair.public_openssh().startswith(name.encode() + b" ")


def test_what_openssh_signs_by_our_key_it_verifies(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """A signature by the private file is good for the public line, and for no other."""
    pair = instance.generate_data_key_pair(key_id, "EC_P256", "PEM")
    other = instance.generate_data_key_pair(key_id, "EC_P256", "PEM")
    private, message = tmp_path / "id", tmp_path / "message"
    private.touch(0o600)
    private.write_bytes(pair.private_openssh())
    message.write_bytes(b"message")
    ssh_keygen("-q", "-Y", "sign", "-n", "test", "-f", private, message)
    for half, expected in ((pair, 0), (other, 255)):
        signers = tmp_path / "signers"
        signers.write_bytes(b"somebody " + half.public_openssh() + b"\n")
        outcome = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-n", "test", "-I", "somebody",
             "-f", signers, "-s", tmp_path / "message.sig"],
            input=b"message", capture_output=True, check=False,
        )  # fmt: skip
        assert outcome.returncode == expected, outcome.stderr


@pytest.mark.parametrize("spec", WITH_OPENSSH)
def test_openssh_halves_load_again(instance: Instance, key_id: str, spec: str) -> None:
    """Cryptography reads the same key from OpenSSH's formats."""
    pair = instance.generate_data_key_pair(key_id, spec, "DER")
    private = serialization.load_ssh_private_key(pair.private_openssh(), None)
    public = serialization.load_ssh_public_key(pair.public_openssh())
    kinds = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    assert isinstance(private, kinds)
    assert as_der(private.public_key()) == as_der(public) == pair.encoded_public_key


@pytest.mark.parametrize("spec", sorted(set(WITH_JWK) - set(WITH_OPENSSH)))
def test_other_kinds_are_no_keys_of_openssh(
    instance: Instance, key_id: str, spec: KeyPairSpec
) -> None:
    """Both halves are refused with what to take instead."""
    pair = instance.generate_data_key_pair(key_id, spec, "PEM")
    for give in (
        pair.public_openssh,
        pair.private_openssh,
        pair.record().public_openssh,
    ):
        with pytest.raises(errors.UnsupportedOperation, match="take JWK"):
            give()


def test_records_and_decrypted_keys_give_the_same(pair: DataKeyPair) -> None:
    """The record has the public half of the pair, what is decrypted the private one."""
    record = WrappedKeyPair.from_json(pair.record().to_json())
    opened = Decrypted(
        request_id="", key_id=pair.key_id, plaintext=pair.private_key_plaintext
    )
    assert as_der(record.public_key()) == pair.encoded_public_key
    assert record.public_jwk() == pair.public_jwk()
    assert opened.private_jwk() == pair.private_jwk()
    if pair.key_pair_spec in WITH_OPENSSH:
        assert record.public_openssh() == pair.public_openssh()
        read_back = serialization.load_ssh_private_key(opened.private_openssh(), None)
        assert as_der(read_back.public_key()) == pair.encoded_public_key


def test_without_plaintext_there_is_no_private_jwk(
    instance: Instance, key_id: str
) -> None:
    """Where the private key is not, its other forms are not either."""
    pair = instance.generate_data_key_pair_without_plaintext(key_id, "EC_P256", "PEM")
    for holder in (pair, pair.record()):
        assert holder.public_jwk()["kid"]
        for name in ("private_key", "private_jwk", "private_openssh"):
            assert not hasattr(holder, name)


def test_decrypted_data_is_no_key(instance: Instance, key_id: str) -> None:
    """Asked for a JWK of plain data, or of half a key, it says ValueError."""
    for data in (b"attack at dawn", b"-----BEGIN PRIVATE KEY-----\n"):
        sealed = instance.encrypt(key_id, data)
        opened = instance.decrypt(sealed.ciphertext_blob, key_id=key_id, iv=sealed.iv)
        with pytest.raises(ValueError, match=r"\w"):
            opened.private_jwk()
        with pytest.raises(ValueError, match=r"\w"):
            opened.private_openssh()
