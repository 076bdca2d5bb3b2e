"""Every operation of the Instance API, through the application in this process."""

import uuid

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from signing import Client

from conftest import Application

PAIRS = ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"]


@pytest.mark.parametrize("key_format", ["PEM", "DER"])
@pytest.mark.parametrize("spec", ["EC_P256", "EC_P256K", "RSA_2048"])
@pytest.mark.parametrize("advance", [False, True])
def test_pairs_are_decrypted_to_the_private_key_of_their_public_key(
    client: Client, key_id: str, spec: str, key_format: str, *, advance: bool
) -> None:
    """With and without plaintext, the blob opens to PKCS#8 in the format asked for."""
    prefix = "Advance" if advance else ""
    load = load_pem_private_key if key_format == "PEM" else load_der_private_key
    for name in PAIRS:
        pair = client.call(
            prefix + name, KeyId="alias/test", KeyPairSpec=spec, KeyFormat=key_format,
            Aad=b"aad",
        )  # fmt: skip
        assert (pair.KeyId, pair.KeyPairSpec) == (key_id, spec)
        assert pair.Algorithm == "AES_GCM"
        assert len(pair.Iv) == 12
        assert uuid.UUID(pair.RequestId).version == 4
        opened = client.call(
            prefix + "Decrypt", KeyId=key_id, Iv=pair.Iv, Aad=b"aad",
            CiphertextBlob=pair.PrivateKeyCiphertextBlob,
        )  # fmt: skip
        private_key = load(opened.Plaintext, None)
        encoding = getattr(Encoding, key_format)
        public = private_key.public_key().public_bytes(
            encoding, PublicFormat.SubjectPublicKeyInfo
        )
        assert public == pair.PublicKey
        if name == "GenerateDataKeyPair":
            assert pair.PrivateKeyPlaintext == opened.Plaintext
        else:
            assert "PrivateKeyPlaintext" not in pair.DESCRIPTOR.fields_by_name


def test_answers_are_audited_and_counted(application: Application, key_id: str) -> None:
    """An answered operation is audited with who, what, which key and version."""
    client = application.client()
    pair = client.call(
        "AdvanceGenerateDataKeyPair",
        KeyId=key_id,
        KeyPairSpec="EC_P256",
        KeyFormat="DER",
    )
    (entry,) = application.audit.entries
    assert entry.operation == "AdvanceGenerateDataKeyPair"
    assert entry.principal_id == client.signer.key_id
    assert (entry.key_id, entry.key_version_id) == (key_id, pair.KeyVersionId)
    assert (entry.spec, entry.code, entry.http_status) == ("EC_P256", "OK", 200)
    assert entry.request_id == pair.RequestId
    assert entry.remote_address == "127.0.0.1"
    assert application.metrics.observed == [
        ("AdvanceGenerateDataKeyPair", "EC_P256", "OK")
    ]
