"""The requests that are sent: each signed once, and served as often as it is sent.

A signed request is good for fifteen minutes and served again within them, by decision:
docs/decisions/replay.md. So the generator needs no private key and takes little of the
processors that it shares with the server.
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.signature import is_signed_by, string_to_sign
from pairsmith.testing import RunningServer

HEALTH = "GET /healthz"
REFUSED = "signature refused"
CHECKS = 2_000


@dataclass(frozen=True)
class Prepared:
    """A request to be sent again and again.

    Attributes:
        kind: What it is called in the report.
        method: Of HTTP.
        path: Likewise.
        headers: The signature among them.
        body: Of an operation.
        status: What every answer should have.
    """

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 200


class Signing:
    """Signs with the first client key of a server."""

    def __init__(self, server: RunningServer) -> None:
        file = json.loads(server.client_key_file.read_text())
        content = base64.b64decode(file["PrivateKeyData"])
        opened = load_pkcs12(content, server.client_key_password.encode()).key
        assert isinstance(opened, RSAPrivateKey)
        self._id, self._key = file["KeyId"], opened

    def headers(self, name: str, body: bytes) -> dict[str, str]:
        """The headers of an operation, signed now."""
        headers = {
            "date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "x-kms-apiversion": "dkms-gcs-0.2",
            "x-kms-apiname": name,
            "x-kms-signaturemethod": "RSA_PKCS1_SHA_256",
            "x-kms-acccesskeyid": self._id,
            "content-type": "application/x-protobuf",
            "content-sha256": hashlib.sha256(body).hexdigest(),
        }
        text = string_to_sign("POST", headers).encode()
        signature = self._key.sign(text, PKCS1v15(), SHA256())
        return headers | {
            "authorization": f"Bearer {base64.b64encode(signature).decode()}"
        }

    def check_seconds(self) -> float:
        """How long the check of one signature takes in this process, at best of ten."""
        text = string_to_sign("POST", self.headers("Decrypt", b""))
        signature = self._key.sign(text.encode(), PKCS1v15(), SHA256())
        public = self._key.public_key()

        def once() -> float:
            begun = time.perf_counter()
            for _ in range(CHECKS // 10):
                assert is_signed_by(public, signature, text)
            return (time.perf_counter() - begun) / (CHECKS // 10)

        return min(once() for _ in range(10))


def preparation(server: RunningServer) -> Callable[[], list[Prepared]]:
    """Make a key; what is given signs all requests on it anew, floors first."""
    with server.open_instance() as instance:
        key_id = instance.create_key("load").key_id
        sealed = instance.generate_data_key(key_id, 32)
    pair = messages.GenerateDataKeyPairWithoutPlaintextRequest(
        KeyId=key_id, KeyPairSpec="EC_P256", KeyFormat="DER"
    )
    opened = messages.DecryptRequest(
        KeyId=key_id, CiphertextBlob=sealed.ciphertext_blob, Iv=sealed.iv
    )
    data_key = messages.GenerateDataKeyRequest(KeyId=key_id, NumberOfBytes=32)
    signing = Signing(server)

    def post(kind: str, name: str, body: bytes) -> Prepared:
        return Prepared(kind, "POST", "/", signing.headers(name, body), body)

    def prepare() -> list[Prepared]:
        decrypt = opened.SerializeToString()
        # Signed for another operation: the same check finds out; it is not audited.
        wrong = signing.headers("Encrypt", decrypt) | {"x-kms-apiname": "Decrypt"}
        name = "GenerateDataKeyPairWithoutPlaintext"
        return [
            Prepared(HEALTH, "GET", "/healthz", {}, b""),
            Prepared(REFUSED, "POST", "/", wrong, decrypt, 401),
            post("GenerateDataKey", "GenerateDataKey", data_key.SerializeToString()),
            post("Decrypt", "Decrypt", decrypt),
            post("EC_P256 pair", name, pair.SerializeToString()),
        ]

    return prepare
