"""Public halves as numbers, and whether records open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from pairsmith.errors import PairsmithError, ServiceUnavailable
from pairsmith.results import KeyFormat, KeyPairSpec

if TYPE_CHECKING:
    from pairsmith.bulk.records import Row
    from pairsmith.instance import Instance
    from pairsmith.results import WrappedKeyPair

CURVES = {KeyPairSpec.EC_P256: "secp256r1", KeyPairSpec.EC_P256K: "secp256k1"}
PUBLIC_EXPONENT = 65_537


def modulus_bytes(spec: KeyPairSpec) -> int:
    """How long the modulus of an RSA spec is; 0 for the others."""
    return int(spec.removeprefix("RSA_")) // 8 if spec.startswith("RSA_") else 0


def public_number(record: WrappedKeyPair) -> bytes:
    """The modulus, or the uncompressed point: what no other pair may have.

    Raises:
        ValueError: The public key is none of the record's spec.
    """
    load = (
        load_pem_public_key
        if record.key_format is KeyFormat.PEM
        else load_der_public_key
    )
    try:
        key = load(record.encoded_public_key)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    spec = record.key_pair_spec
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == modulus_bytes(spec) * 8:
        numbers = key.public_numbers()
        if numbers.e == PUBLIC_EXPONENT:
            return numbers.n.to_bytes(modulus_bytes(spec), "big")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == CURVES.get(
        spec
    ):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    raise ValueError(f"it is no {spec} key")


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
