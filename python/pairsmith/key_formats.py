"""Keys as JWK and as OpenSSH: what PKCS#8 and SubjectPublicKeyInfo are turned into.

A JWK is what RFC 7517 and RFC 7518, section 6, say; secp256k1 is RFC 8812. Its ``kid``
is the thumbprint of RFC 7638, so it names the key wherever it is computed. What a key
is for (``use``, ``alg``, ``key_ops``) is not said, for only the caller knows.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pairsmith.errors import UnsupportedOperation

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        PrivateKeyTypes,
        PublicKeyTypes,
    )

JWK_CURVES = {"secp256r1": "P-256", "secp256k1": "secp256k1"}
"""Our curves by the names of SEC 2, and their names in a JWK."""

THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}
"""What a thumbprint is of, in the order of RFC 7638, section 3.2."""


class PrivateJwk(dict[str, str]):
    """A private JWK: a dictionary like any other, but for what it prints."""

    def __repr__(self) -> str:
        """Tell which key it is, and nothing secret."""
        return f"<private JWK {self['kid']}>"


def public_jwk(key: PublicKeyTypes) -> dict[str, str]:
    """A public key as a JWK, with its thumbprint as ``kid``.

    Raises:
        UnsupportedOperation: It is neither RSA nor of one of our curves.
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
        raise UnsupportedOperation(
            "Only RSA, P-256 and secp256k1 keys are given as JWK; take PEM or DER."
        )
    return {**jwk, "kid": thumbprint(jwk)}


def private_jwk(key: PrivateKeyTypes) -> PrivateJwk:
    """A private key as a JWK; the public members and ``kid`` are the public JWK's.

    Raises:
        UnsupportedOperation: It is neither RSA nor of one of our curves.
    """
    public = public_jwk(key.public_key())
    if isinstance(key, rsa.RSAPrivateKey):
        secret = key.private_numbers()
        members = {
            "d": secret.d, "p": secret.p, "q": secret.q,
            "dp": secret.dmp1, "dq": secret.dmq1, "qi": secret.iqmp,
        }  # fmt: skip
        private = {name: _base64url(value) for name, value in members.items()}
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 -- public_jwk saw
        size = _coordinate_bytes(key)
        private = {"d": _base64url(key.private_numbers().private_value, size)}
    return PrivateJwk(public | private)


def thumbprint(jwk: dict[str, str]) -> str:
    """The SHA-256 thumbprint of RFC 7638, in base64url: 43 characters."""
    members = {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}
    text = json.dumps(members, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def public_openssh(key: PublicKeyTypes) -> bytes:
    """A public key as a line of ``authorized_keys``, without comment and line end.

    Raises:
        UnsupportedOperation: OpenSSH has no form for it, as for secp256k1.
    """
    _refuse_without_openssh(key)
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def private_openssh(key: PrivateKeyTypes) -> bytes:
    """A private key in OpenSSH's own format, not encrypted, ending its line.

    Raises:
        UnsupportedOperation: OpenSSH has no form for it, as for secp256k1.
    """
    _refuse_without_openssh(key.public_key())
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _refuse_without_openssh(key: PublicKeyTypes) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        return
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return
    raise UnsupportedOperation(
        "OpenSSH has no keys of this kind, only RSA and P-256 among ours; take JWK, "
        "PEM or DER."
    )


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
    octets = number.to_bytes(size, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
