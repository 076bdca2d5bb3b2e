"""The requests that are sent: each signed once, and served as often as it is sent.

A signed request is good for fifteen minutes and served again within them, by decision:
docs/decisions/replay.md. So the generator needs no private key and takes little of the
processors that it shares with the server.
"""

import base64
import hashlib
import json
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection

from benches.server_load.checkouts import MeasuredServer
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from pairsmith.request_signatures import VerifyingKey
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.signature import string_to_sign
from pairsmith.testing import RunningServer

HEALTH = "GET /healthz"
REFUSED = "signature refused"
PAIR = "EC_P256 pair"
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

    def answer_of(self, server: RunningServer) -> bytes:
        """Send it once on a new connection, and see that the status is as it should be.

        Returns:
            The content of the answer.
        """
        with closing(server.connect()) as connection:
            status, content = self.answer_on(connection)
        assert status == self.status, (self.kind, status, content)
        return content

    def answer_on(self, connection: HTTPConnection) -> tuple[int, bytes]:
        """Send it once on a connection that is kept; the status and the content."""
        connection.request(self.method, self.path, self.body, self.headers)
        response = connection.getresponse()
        return response.status, response.read()


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
        text = string_to_sign("POST", self.headers("Decrypt", b"")).encode()
        signature = self._key.sign(text, PKCS1v15(), SHA256())
        public = VerifyingKey(
            self._key.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
        )

        def once() -> float:
            begun = time.perf_counter()
            for _ in range(CHECKS // 10):
                assert public.verifies(signature, text)
            return (time.perf_counter() - begun) / (CHECKS // 10)

        return min(once() for _ in range(10))


class Requests:
    """The requests to one server: a key and a blob are made once, for all of them.

    Each of them is signed when it is asked for, and is good for fifteen minutes.
    """

    def __init__(self, server: MeasuredServer) -> None:
        self._signing = Signing(server)
        self._key_id = server.create_key()
        answer = self.data_key().answer_of(server)
        self._sealed = messages.GenerateDataKeyResponse.FromString(answer)

    def each(self) -> list[Prepared]:
        """One of each kind, floors first."""
        return [
            self.health(),
            self.refused(),
            self.data_key(),
            self.decrypt(),
            self.pair("EC_P256"),
        ]

    def health(self) -> Prepared:
        """A page that does nothing."""
        return Prepared(HEALTH, "GET", "/healthz", {}, b"")

    def refused(self) -> Prepared:
        """A request that was signed for another operation.

        The check of a forged signature takes as long, and neither is audited.
        """
        body = self._opened()
        headers = self._signing.headers("Encrypt", body) | {"x-kms-apiname": "Decrypt"}
        return Prepared(REFUSED, "POST", "/", headers, body, 401)

    def data_key(self) -> Prepared:
        """A data key of 32 bytes."""
        name = "GenerateDataKey"
        asked = messages.GenerateDataKeyRequest(KeyId=self._key_id, NumberOfBytes=32)
        return self._post(name, name, asked.SerializeToString())

    def decrypt(self) -> Prepared:
        """Decryption of a data key."""
        return self._post("Decrypt", "Decrypt", self._opened())

    def pair(self, spec: str) -> Prepared:
        """A pair of this spec, without its plaintext."""
        asked = messages.GenerateDataKeyPairWithoutPlaintextRequest(
            KeyId=self._key_id, KeyPairSpec=spec, KeyFormat="DER"
        )
        name = "GenerateDataKeyPairWithoutPlaintext"
        return self._post(f"{spec} pair", name, asked.SerializeToString())

    def _opened(self) -> bytes:
        sealed = self._sealed
        return messages.DecryptRequest(
            KeyId=self._key_id, CiphertextBlob=sealed.CiphertextBlob, Iv=sealed.Iv
        ).SerializeToString()

    def _post(self, kind: str, name: str, body: bytes) -> Prepared:
        return Prepared(kind, "POST", "/", self._signing.headers(name, body), body)
