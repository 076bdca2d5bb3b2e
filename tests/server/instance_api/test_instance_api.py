"""Every operation of the Instance API, through the application in this process."""

import uuid
from collections.abc import Callable

import pytest
from applications import Application
from signing import Client, error_of

from pairsmith import Instance, KeyPairSpec
from pairsmith.guard import Guard
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.settings import Settings, with_setting
from reading import belong_together

PAIRS = ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"]


@pytest.mark.parametrize("key_format", ["PEM", "DER"])
@pytest.mark.parametrize("spec", [*list(KeyPairSpec)[3:], KeyPairSpec.RSA_2048])
@pytest.mark.parametrize("advance", [False, True])
def test_pairs_are_decrypted_to_the_private_key_of_their_public_key(
    client: Client, key_id: str, spec: str, key_format: str, *, advance: bool
) -> None:
    """With and without plaintext, the blob opens to PKCS#8 in the format asked for.

    Of the kinds that the API documents, and of those that are an extension of it.
    """
    prefix = "Advance" if advance else ""
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
        assert opened.Plaintext.startswith(b"-----BEGIN") is (key_format == "PEM")
        assert belong_together(opened.Plaintext, pair.PublicKey)
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


def test_a_slot_is_kept_for_curves_where_there_are_several(
    serve: Callable[[Settings], Application], instance: Instance, key_id: str
) -> None:
    """Of two slots RSA gets one: a flood of RSA pairs leaves curves theirs."""
    client = serve(with_setting(Settings(), "pairs", "limit", 2)).client()
    fields = {"KeyId": key_id, "KeyFormat": "DER"}
    path = instance.registry.guard_path
    rsa = Guard(
        path.with_name(f"{path.name}-rsa")
    )  # as another process that is making an RSA pair
    slot = rsa.acquire()
    request = messages.GenerateDataKeyPairRequest(KeyPairSpec="RSA_2048", **fields)
    assert error_of(client.send("GenerateDataKeyPair", request)).StatusCode == 429
    assert client.call("GenerateDataKeyPair", KeyPairSpec="EC_P256", **fields).Iv
    rsa.release(slot)
    assert client.call("GenerateDataKeyPair", KeyPairSpec="RSA_2048", **fields).Iv
