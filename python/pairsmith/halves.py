"""What the two halves of a pair can be turned into, wherever they are held.

``cryptography`` and the modules upon it are imported when something is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        PrivateKeyTypes,
        PublicKeyTypes,
    )

    from pairsmith.key_formats import PrivateJwk


class PublicHalf(ABC):
    """Something with a public key in it."""

    __slots__ = ()

    @abstractmethod
    def public_key(self) -> PublicKeyTypes:
        """The public key as an object of ``cryptography``."""

    def public_jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517), its RFC 7638 thumbprint as ``kid``."""
        from pairsmith import key_formats

        return key_formats.public_jwk(self.public_key())

    def public_openssh(self) -> bytes:
        """The public key as OpenSSH has it: one line, without comment and line end.

        Raises:
            UnsupportedOperation: OpenSSH does not know the curve secp256k1.
        """
        from pairsmith import key_formats

        return key_formats.public_openssh(self.public_key())


class PrivateHalf(ABC):
    """Something with a private key in plain in it."""

    __slots__ = ()

    @abstractmethod
    def private_key(self) -> PrivateKeyTypes:
        """The private key as an object of ``cryptography``."""

    def private_jwk(self) -> PrivateJwk:
        """The private key as a JWK, under the same ``kid`` as the public one.

        A dictionary, whose ``repr`` shows no secret.

        Raises:
            ValueError: It is no private key.
            UnsupportedOperation: It is one, but of a kind that is not generated here.
        """
        from pairsmith import key_formats

        return key_formats.private_jwk(self.private_key())

    def private_openssh(self) -> bytes:
        """The private key as OpenSSH writes it, without a passphrase.

        Raises:
            ValueError: It is no private key.
            UnsupportedOperation: OpenSSH does not know the curve secp256k1.
        """
        from pairsmith import key_formats

        return key_formats.private_openssh(self.private_key())


def load_public_key(encoded: bytes) -> PublicKeyTypes:
    """Read SubjectPublicKeyInfo, in PEM or DER."""
    from cryptography.hazmat.primitives import serialization

    if encoded.startswith(b"-----BEGIN"):
        return serialization.load_pem_public_key(encoded)
    return serialization.load_der_public_key(encoded)


def load_private_key(encoded: bytes, *, fresh: bool) -> PrivateKeyTypes:
    """Read PKCS#8, in PEM or DER.

    Args:
        encoded: The private key.
        fresh: Whether it was generated this moment, so that validating an RSA key,
            which takes 40 to 280 ms, would only repeat our own checks.

    Raises:
        ValueError: It is no private key.
    """
    from cryptography.hazmat.primitives import serialization

    load = (
        serialization.load_pem_private_key
        if encoded.startswith(b"-----BEGIN")
        else serialization.load_der_private_key
    )
    return load(encoded, password=None, unsafe_skip_rsa_key_validation=fresh)
