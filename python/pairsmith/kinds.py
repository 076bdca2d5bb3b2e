"""The table of kinds: what this package knows of each, and its names on every wire.

The core has a table of its own, of what its arithmetic needs; a test holds both against
each other. A new kind takes a member here, a row, a row there, and its arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["KINDS", "Jwk", "KeyPairSpec", "Kind", "Pairwise", "Tested"]


class KeyPairSpec(StrEnum):
    """The kind of a data key pair."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    EC_P256 = "EC_P256"
    EC_P256K = "EC_P256K"
    EC_P384 = "EC_P384"
    EC_P521 = "EC_P521"
    ED25519 = "ED25519"
    X25519 = "X25519"
    ML_KEM_512 = "ML_KEM_512"
    ML_KEM_768 = "ML_KEM_768"
    ML_KEM_1024 = "ML_KEM_1024"
    ML_DSA_44 = "ML_DSA_44"
    ML_DSA_65 = "ML_DSA_65"
    ML_DSA_87 = "ML_DSA_87"

    @property
    def kind(self) -> Kind:
        """Its row of the table."""
        return KINDS[self]


class Pairwise(StrEnum):
    """How the two halves of a pair are tried on each other."""

    SIGN_VERIFY = "sign-verify"
    ENCAPSULATE_DECAPSULATE = "encapsulate-decapsulate"
    AGREEMENT = "agreement"


class Tested(StrEnum):
    """What a pair passes before it leaves."""

    ALWAYS = "always"
    """Its pairwise test."""
    IF_ASKED = "if asked"
    """Its pairwise test, if an instance is opened with it."""
    MADE_AGAIN = "made again"
    """It is made again from its finished document, and both must be the same; and the
    pairwise test, if an instance is opened with it."""


class Jwk(StrEnum):
    """The type of a JWK."""

    RSA = "RSA"
    EC = "EC"
    OKP = "OKP"
    AKP = "AKP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind.

    Attributes:
        spec: Its name on our own wires and, where it is documented there or not, in the
            Instance API.
        parameters: Size, curve or parameter set, and the standard that has it.
        strength_bits: Security against classical attacks (SP 800-57 Part 1 Rev. 5); of
            lattices that of AES with the strength of their category.
        private_key: What is inside PKCS#8.
        pairwise: What its pairwise test does.
        tested: What a pair passes before it leaves.
        documented: Whether the Instance API documents it; the others are an extension.
        aws: Its name at AWS KMS, as a data key pair; ``None`` where that has none.
        jwk: The type of its JWK, and its ``crv`` or ``alg``; ``None`` where no standard
            settles how it is one.
        openssh: The type of its keys in OpenSSH; ``None`` where that knows none.
        openssl: The first version of OpenSSL that reads it.
        is_long: Whether a pair is searched for, which takes tens or hundreds of
            milliseconds; else it takes microseconds.
        shard: Pairs in a shard of a bulk job by default: seconds of work, minutes for
            RSA, and some hundred megabytes at most.
    """

    spec: KeyPairSpec
    parameters: str
    strength_bits: int
    private_key: str
    pairwise: Pairwise
    tested: Tested
    documented: bool = False
    aws: str | None = None
    jwk: tuple[Jwk, str] | None = None
    openssh: str | None = None
    openssl: tuple[int, int] = (1, 1)
    is_long: bool = False
    shard: int = 100_000


def _rsa(spec: KeyPairSpec, bits: int, strength_bits: int) -> Kind:
    return Kind(
        spec=spec,
        parameters=f"RSA with a modulus of {bits} bits (FIPS 186-5)",
        strength_bits=strength_bits,
        private_key="RSAPrivateKey (RFC 8017)",
        pairwise=Pairwise.SIGN_VERIFY,
        tested=Tested.ALWAYS,
        documented=True,
        aws=str(spec),
        jwk=(Jwk.RSA, ""),
        openssh="ssh-rsa",
        is_long=True,
        shard=1_000,
    )


def _ec(
    spec: KeyPairSpec, parameters: str, strength_bits: int, aws: str, crv: str,
    openssh: str | None, *, documented: bool = False,
) -> Kind:  # fmt: skip
    return Kind(
        spec=spec,
        parameters=parameters,
        strength_bits=strength_bits,
        private_key="ECPrivateKey (RFC 5915)",
        pairwise=Pairwise.SIGN_VERIFY,
        tested=Tested.IF_ASKED,
        documented=documented,
        aws=aws,
        jwk=(Jwk.EC, crv),
        openssh=openssh,
    )


def _ml_kem(spec: KeyPairSpec, size: int, strength_bits: int) -> Kind:
    return Kind(
        spec=spec,
        parameters=f"ML-KEM-{size} (FIPS 203)",
        strength_bits=strength_bits,
        private_key="the seed (RFC 9935)",
        pairwise=Pairwise.ENCAPSULATE_DECAPSULATE,
        tested=Tested.MADE_AGAIN,
        aws=str(spec),
        openssl=(3, 5),
    )


def _ml_dsa(spec: KeyPairSpec, name: str, strength_bits: int) -> Kind:
    return Kind(
        spec=spec,
        parameters=f"{name} (FIPS 204)",
        strength_bits=strength_bits,
        private_key="the seed (RFC 9881)",
        pairwise=Pairwise.SIGN_VERIFY,
        tested=Tested.MADE_AGAIN,
        jwk=(Jwk.AKP, name),
        openssl=(3, 5),
    )


_S = KeyPairSpec

KINDS: dict[KeyPairSpec, Kind] = {
    kind.spec: kind
    for kind in (
        _rsa(_S.RSA_2048, 2048, 112),
        _rsa(_S.RSA_3072, 3072, 128),
        _rsa(_S.RSA_4096, 4096, 152),
        _ec(_S.EC_P256, "NIST P-256 (SP 800-186)", 128, "ECC_NIST_P256", "P-256",
            "ecdsa-sha2-nistp256", documented=True),
        _ec(_S.EC_P256K, "secp256k1 (SEC 2)", 128, "ECC_SECG_P256K1", "secp256k1",
            None, documented=True),
        _ec(_S.EC_P384, "NIST P-384 (SP 800-186)", 192, "ECC_NIST_P384", "P-384",
            "ecdsa-sha2-nistp384"),
        _ec(_S.EC_P521, "NIST P-521 (SP 800-186)", 256, "ECC_NIST_P521", "P-521",
            "ecdsa-sha2-nistp521"),
        Kind(
            spec=_S.ED25519,
            parameters="Ed25519 (RFC 8032)",
            strength_bits=128,
            private_key="CurvePrivateKey (RFC 8410)",
            pairwise=Pairwise.SIGN_VERIFY,
            tested=Tested.IF_ASKED,
            aws="ECC_NIST_EDWARDS25519",
            jwk=(Jwk.OKP, "Ed25519"),
            openssh="ssh-ed25519",
        ),
        Kind(
            spec=_S.X25519,
            parameters="X25519 (RFC 7748)",
            strength_bits=128,
            private_key="CurvePrivateKey (RFC 8410)",
            pairwise=Pairwise.AGREEMENT,
            tested=Tested.IF_ASKED,
            jwk=(Jwk.OKP, "X25519"),
        ),
        _ml_kem(_S.ML_KEM_512, 512, 128),
        _ml_kem(_S.ML_KEM_768, 768, 192),
        _ml_kem(_S.ML_KEM_1024, 1024, 256),
        _ml_dsa(_S.ML_DSA_44, "ML-DSA-44", 128),
        _ml_dsa(_S.ML_DSA_65, "ML-DSA-65", 192),
        _ml_dsa(_S.ML_DSA_87, "ML-DSA-87", 256),
    )
}  # fmt: skip
"""Every kind, in the order of the enumeration."""
