"""Keys of every kind, read by what shares no code with Pairsmith."""

import base64
import re

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from ml_kem import encapsulation_key

PUBLIC_512 = bytes.fromhex("30820332300b06096086480165030404010382032100")
PRIVATE_512 = bytes.fromhex("3054020100300b060960864801650304040104428040")


def der_of(document: bytes) -> bytes:
    """What is inside PEM, which must be of the strict form of RFC 7468, or DER."""
    if not document.startswith(b"-----"):
        return document
    pattern = rb"-----BEGIN ([A-Z ]+)-----\n((?:[\w+/=]{1,64}\n)+)-----END \1-----\n"
    found = re.fullmatch(pattern, document)
    assert found, document[:40]
    return base64.b64decode(found[2].replace(b"\n", b""), validate=True)


def public_of(private: bytes) -> bytes:
    """SubjectPublicKeyInfo in DER of a private key, computed from that alone.

    By ``cryptography``, which checks the key; of ML-KEM-512, which it does not have, as
    FIPS 203 says.
    """
    der = der_of(private)
    if der.startswith(PRIVATE_512):
        return PUBLIC_512 + encapsulation_key(512, der.removeprefix(PRIVATE_512))
    public = load_der_private_key(der, None).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def belong_together(private: bytes, public: bytes) -> bool:
    """Whether a private key has that public half, which must be readable itself."""
    der = der_of(public)
    if not der.startswith(PUBLIC_512):
        load_der_public_key(der)
    return public_of(private) == der
