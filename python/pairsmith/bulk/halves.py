"""Public halves as numbers, and whether records open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairsmith import key_formats
from pairsmith.errors import PairsmithError, ServiceUnavailable
from pairsmith.halves import load_public_key
from pairsmith.results import KeyPairSpec

if TYPE_CHECKING:
    from pairsmith.bulk.records import Row
    from pairsmith.instance import Instance
    from pairsmith.results import WrappedKeyPair

PUBLIC_EXPONENT = 65_537


def modulus_bytes(spec: KeyPairSpec) -> int:
    """How long the modulus of an RSA spec is; 0 for the others."""
    return int(spec.removeprefix("RSA_")) // 8 if spec.startswith("RSA_") else 0


def public_number(record: WrappedKeyPair) -> bytes:
    """The modulus, the uncompressed point, or the raw key: what no other pair may have.

    Raises:
        ValueError: The public key is none of the record's spec.
    """
    spec, encoded = record.key_pair_spec, record.encoded_public_key
    if encoded.startswith(b"-----BEGIN") is not (record.key_format == "PEM"):
        raise ValueError(f"it is not in {record.key_format}")
    if spec is KeyPairSpec.ML_KEM_512:
        before = key_formats.ML_KEM_512_PUBLIC
        number = key_formats.inside_ml_kem_512(encoded, before)
    else:
        number = _number_of(encoded, spec)
    if number is None:
        raise ValueError(f"it is no {spec} key")
    return number


def _number_of(encoded: bytes, spec: KeyPairSpec) -> bytes | None:
    try:
        key = load_public_key(encoded)
    except PairsmithError as error:
        raise ValueError(str(error)) from None
    if key_formats.spec_of(key) is not spec:
        return None
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        if numbers.e != PUBLIC_EXPONENT:
            return None
        return numbers.n.to_bytes(modulus_bytes(spec), "big")
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def misfit(instance: Instance, row: Row) -> str | None:
    """Open a record; say what does not fit, or ``None`` if all does.

    Raises:
        ServiceUnavailable: The instance fails, which tells nothing of the record.
    """
    record = row.record
    try:
        opened = instance.decrypt(record)
    except ServiceUnavailable:
        raise
    except PairsmithError as error:
        return f"it does not open: {error}"
    if row.plaintext not in (None, opened.plaintext):
        return "its private key in plain is not the one that is wrapped"
    return None
