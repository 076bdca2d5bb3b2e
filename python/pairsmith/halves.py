"""What the two halves of a pair can be turned into, wherever they are held.

``cryptography`` and the modules upon it are imported when something is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from pairsmith.errors import UnsupportedOperation

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        PrivateKeyTypes,
        PublicKeyTypes,
    )

    from pairsmith.key_formats import PrivateJwk


NOT_READ = (
    "The package cryptography has no keys of this kind, as of ML-KEM-512: there is no "
    "object of it, and no other form. Take the encoded bytes, in PEM or DER."
)


class PublicHalf(ABC):
    """Something with a public key in it."""

    __slots__ = ()

    @abstractmethod
    def public_key(self) -> PublicKeyTypes:
        """The public key as an object of ``cryptography``."""

    def public_jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517), its RFC 7638 thumbprint as ``kid``.

        Raises:
            UnsupportedOperation: It is of ML-KEM: no standard says how that is a JWK.
        """
        from pairsmith import key_formats

        return key_formats.public_jwk(self.public_key())

    def public_openssh(self) -> bytes:
        """The public key as OpenSSH has it: one line, without comment and line end.

        Raises:
            UnsupportedOperation: OpenSSH has no keys of this kind.
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
            UnsupportedOperation: It is one, but of ML-KEM, for which no standard says
                how it is a JWK, or of a kind that is not generated here.
        """
        from pairsmith import key_formats

        return key_formats.private_jwk(self.private_key())

    def private_openssh(self) -> bytes:
        """The private key as OpenSSH writes it, without a passphrase.

        Raises:
            ValueError: It is no private key.
            UnsupportedOperation: OpenSSH has no keys of this kind.
        """
        from pairsmith import key_formats

        return key_formats.private_openssh(self.private_key())


def load_public_key(encoded: bytes) -> PublicKeyTypes:
    """Read SubjectPublicKeyInfo, in PEM or DER.

    Raises:
        UnsupportedOperation: It is of ML-KEM-512, which ``cryptography`` does not have.
        ValueError: It is no public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    load = (
        serialization.load_pem_public_key
        if encoded.startswith(b"-----BEGIN")
        else serialization.load_der_public_key
    )
    try:
        return load(encoded)
    except UnsupportedAlgorithm:
        raise UnsupportedOperation(NOT_READ) from None


def load_private_key(encoded: bytes, *, fresh: bool) -> PrivateKeyTypes:
    """Read PKCS#8, in PEM or DER.

    Args:
        encoded: The private key.
        fresh: Whether it was generated this moment, so that validating an RSA key,
            which takes 40 to 280 ms, would only repeat our own checks.

    Raises:
        UnsupportedOperation: It is of ML-KEM-512, which ``cryptography`` does not have.
        ValueError: It is no private key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    load = (
        serialization.load_pem_private_key
        if encoded.startswith(b"-----BEGIN")
        else serialization.load_der_private_key
    )
    try:
        return load(encoded, password=None, unsafe_skip_rsa_key_validation=fresh)
    except UnsupportedAlgorithm:
        raise UnsupportedOperation(NOT_READ) from None
