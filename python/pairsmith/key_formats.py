"""Keys as JWK and as OpenSSH: what PKCS#8 and SubjectPublicKeyInfo are turned into.

A JWK is what RFC 7517 and RFC 7518, section 6, say; secp256k1 is RFC 8812, Ed25519 and
X25519 are RFC 8037, ML-DSA is RFC 9964. Its ``kid`` is the thumbprint of RFC 7638, so
it names the key wherever it is computed. What a key is for (``use``, ``alg``,
``key_ops``) is not said, for only the caller knows, but for the ``alg`` that RFC 9964
requires. How an ML-KEM key is a JWK no RFC says yet, so none is given.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import (
    ec,
    ed25519,
    mldsa,
    mlkem,
    rsa,
    x25519,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pairsmith.errors import UnsupportedOperation
from pairsmith.kinds import KINDS, Jwk, KeyPairSpec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        PrivateKeyTypes,
        PublicKeyTypes,
    )

JWK_CURVES = {
    "secp256r1": "P-256",
    "secp256k1": "secp256k1",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
}
"""Our curves by the names of SEC 2, and their names in a JWK."""

RAW_KEYS: dict[type, KeyPairSpec] = {
    ed25519.Ed25519PublicKey: KeyPairSpec.ED25519,
    x25519.X25519PublicKey: KeyPairSpec.X25519,
    mlkem.MLKEM768PublicKey: KeyPairSpec.ML_KEM_768,
    mlkem.MLKEM1024PublicKey: KeyPairSpec.ML_KEM_1024,
    mldsa.MLDSA44PublicKey: KeyPairSpec.ML_DSA_44,
    mldsa.MLDSA65PublicKey: KeyPairSpec.ML_DSA_65,
    mldsa.MLDSA87PublicKey: KeyPairSpec.ML_DSA_87,
}
"""Public keys that are bytes and nothing else, by their classes in ``cryptography``."""

ML_KEM_512_PUBLIC = bytes.fromhex("30820332300b06096086480165030404010382032100")
ML_KEM_512_PRIVATE = bytes.fromhex("3054020100300b060960864801650304040104428040")
"""What stands before an ML-KEM-512 key of 800 bytes, and before its seed of 64, in the
documents of RFC 9935: ``cryptography`` does not read them."""
ML_KEM_512_LENGTHS = {ML_KEM_512_PUBLIC: 800, ML_KEM_512_PRIVATE: 64}

THUMBPRINT_MEMBERS = {
    Jwk.RSA: ("e", "kty", "n"),
    Jwk.EC: ("crv", "kty", "x", "y"),
    Jwk.OKP: ("crv", "kty", "x"),
    Jwk.AKP: ("alg", "kty", "pub"),
}
"""What a thumbprint is of: RFC 7638, section 3.2; RFC 8037, section 2; RFC 9964,
section 6."""

LINE = 64
"""Characters in a line of PEM (RFC 7468)."""


class PrivateJwk(dict[str, str]):
    """A private JWK: a dictionary like any other, but for what it prints."""

    def __repr__(self) -> str:
        """Tell which key it is, and nothing secret."""
        return f"<private JWK {self['kid']}>"


def public_jwk(key: PublicKeyTypes) -> dict[str, str]:
    """A public key as a JWK, with its thumbprint as ``kid``.

    Raises:
        UnsupportedOperation: It is of ML-KEM, or of no kind that is generated here.
    """
    if isinstance(key, rsa.RSAPublicKey):
        public = key.public_numbers()
        jwk = {"kty": "RSA", "n": _base64url(public.n), "e": _base64url(public.e)}
    elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in JWK_CURVES:
        point, size = key.public_numbers(), _coordinate_bytes(key)
        jwk = {
            "kty": "EC",
            "crv": JWK_CURVES[key.curve.name],
            "x": _base64url(point.x, size),
            "y": _base64url(point.y, size),
        }
    else:
        jwk = _raw_jwk(key)
    return {**jwk, "kid": thumbprint(jwk)}


def _raw_jwk(key: PublicKeyTypes) -> dict[str, str]:
    spec = spec_of(key)
    kind = KINDS[spec].jwk if spec else None
    if kind is None:
        raise UnsupportedOperation(
            "No standard says how a key of this kind is a JWK, as of ML-KEM, or it is "
            "of none that is generated here; take PEM or DER."
        )
    kty, name = kind
    public = _base64url_of(key.public_bytes_raw())  # type: ignore[union-attr]
    if kty is Jwk.OKP:
        return {"kty": "OKP", "crv": name, "x": public}
    return {"kty": "AKP", "alg": name, "pub": public}


def private_jwk(key: PrivateKeyTypes) -> PrivateJwk:
    """A private key as a JWK; the public members and ``kid`` are the public JWK's.

    Raises:
        UnsupportedOperation: It is of ML-KEM, or of no kind that is generated here.
    """
    public = public_jwk(key.public_key())
    if isinstance(key, rsa.RSAPrivateKey):
        secret = key.private_numbers()
        members = {
            "d": secret.d, "p": secret.p, "q": secret.q,
            "dp": secret.dmp1, "dq": secret.dmq1, "qi": secret.iqmp,
        }  # fmt: skip
        private = {name: _base64url(value) for name, value in members.items()}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        size = _coordinate_bytes(key)
        private = {"d": _base64url(key.private_numbers().private_value, size)}
    else:
        # Of ML-DSA it is the seed, as RFC 9964 wants it.
        raw = _base64url_of(key.private_bytes_raw())  # type: ignore[union-attr]
        private = {"priv" if public["kty"] == "AKP" else "d": raw}
    return PrivateJwk(public | private)


def spec_of(key: PublicKeyTypes) -> KeyPairSpec | None:
    """The kind of a public key; ``None`` if none of ours is like it."""
    if isinstance(key, rsa.RSAPublicKey):
        names = {2048: "RSA_2048", 3072: "RSA_3072", 4096: "RSA_4096"}
        return KeyPairSpec(names[key.key_size]) if key.key_size in names else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        wanted = (Jwk.EC, JWK_CURVES.get(key.curve.name))
        return next((spec for spec, kind in KINDS.items() if kind.jwk == wanted), None)
    return next(
        (spec for kind, spec in RAW_KEYS.items() if isinstance(key, kind)), None
    )


def inside_ml_kem_512(encoded: bytes, before: bytes) -> bytes | None:
    """The key in a document of ML-KEM-512; ``None`` if it is another document.

    Args:
        encoded: PKCS#8 or SubjectPublicKeyInfo, in PEM or DER.
        before: ``ML_KEM_512_PRIVATE`` or ``ML_KEM_512_PUBLIC``.
    """
    der = _der(encoded)
    if not der.startswith(before):
        return None
    key = der.removeprefix(before)
    return key if len(key) == ML_KEM_512_LENGTHS[before] else None


def encoded_again(encoded: bytes, before: bytes, *, pem: bool) -> bytes | None:
    """A document of ML-KEM-512 in PEM or DER; ``None`` if it is another document."""
    if inside_ml_kem_512(encoded, before) is None:
        return None
    der = _der(encoded)
    if not pem:
        return der
    label = b"PRIVATE KEY" if before == ML_KEM_512_PRIVATE else b"PUBLIC KEY"
    text = base64.b64encode(der)
    lines = [text[start : start + LINE] for start in range(0, len(text), LINE)]
    begin, end = b"-----BEGIN " + label, b"-----END " + label
    return b"-----\n".join([begin, b"\n".join(lines) + b"\n" + end, b""])


def _der(encoded: bytes) -> bytes:
    """What is inside PEM, or what is in DER already."""
    if not encoded.startswith(b"-----BEGIN"):
        return encoded
    try:
        return base64.b64decode(b"".join(encoded.splitlines()[1:-1]), validate=True)
    except ValueError:
        return b""


def thumbprint(jwk: dict[str, str]) -> str:
    """The SHA-256 thumbprint of RFC 7638, in base64url: 43 characters."""
    members = {name: jwk[name] for name in THUMBPRINT_MEMBERS[Jwk(jwk["kty"])]}
    text = json.dumps(members, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def public_openssh(key: PublicKeyTypes) -> bytes:
    """A public key as a line of ``authorized_keys``, without comment and line end.

    Raises:
        UnsupportedOperation: OpenSSH knows no such keys, as of secp256k1.
    """
    _refuse_without_openssh(key)
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def private_openssh(key: PrivateKeyTypes) -> bytes:
    """A private key in OpenSSH's own format, not encrypted, ending its line.

    Raises:
        UnsupportedOperation: OpenSSH knows no such keys, as of secp256k1.
    """
    _refuse_without_openssh(key.public_key())
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _refuse_without_openssh(key: PublicKeyTypes) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        return
    spec = spec_of(key)
    if spec is None or KINDS[spec].openssh is None:
        raise UnsupportedOperation(no_openssh(spec))


def no_openssh(spec: KeyPairSpec | None) -> str:
    """Why there is no key of OpenSSH, and what to take instead."""
    known = ", ".join(spec for spec, kind in KINDS.items() if kind.openssh)
    name = KINDS[spec].parameters.partition(" (")[0] if spec else "this kind"
    return f"OpenSSH has no keys of {name}, only of {known}; take JWK, PEM or DER."


def _coordinate_bytes(
    key: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey,
) -> int:
    return (key.curve.key_size + 7) // 8


def _base64url(number: int, size: int | None = None) -> str:
    """Big-endian and without padding.

    Coordinates and scalars fill their size, zeros in front (RFC 7518, section 6.2);
    numbers of RSA have no zeros in front (section 2).
    """
    size = size or (number.bit_length() + 7) // 8
    return _base64url_of(number.to_bytes(size, "big"))


def _base64url_of(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
