"""A client of the Instance API that can also send what no SDK would."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2 as httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from pairsmith.server.access.model import NewClient
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.signature import string_to_sign
from pairsmith.server.services import utc_now
from pairsmith.testing import RunningServer


def http_date(moment: datetime) -> str:
    """RFC 1123, in English whatever the locale."""
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


@dataclass
class Signer:
    """A client key."""

    key_id: str
    private_key: RSAPrivateKey = field(repr=False)
    now: Callable[[], datetime] = utc_now

    @classmethod
    def of(cls, client: NewClient) -> "Signer":
        """The signer that the file of a new client key makes."""
        data = json.loads(client.credential_json)["PrivateKeyData"]
        return cls.from_file(client.key.id, data, client.password)

    @classmethod
    def from_file(cls, key_id: str, data: str, password: str) -> "Signer":
        """The signer that what the API answered, or a file has, makes."""
        opened = load_pkcs12(base64.b64decode(data), password.encode()).key
        assert isinstance(opened, RSAPrivateKey)
        return cls(key_id, opened)

    @classmethod
    def of_server(cls, server: RunningServer) -> "Signer":
        """The signer that the client key of a server's first start makes."""
        file = json.loads(server.client_key_file.read_text())
        key_id, data = file["KeyId"], file["PrivateKeyData"]
        return cls.from_file(key_id, data, server.client_key_password)

    def headers(
        self, name: str, body: bytes, scheme: str = "Bearer", **other: str | None
    ) -> dict[str, str]:
        """Signed headers as the SDK sends them.

        Args:
            name: The operation.
            body: The message, encoded.
            scheme: Before the signature.
            other: Headers to replace, underscores for hyphens; ``None`` leaves one out.
        """
        headers: dict[str, str | None] = {
            "accept": "application/x-protobuf",
            "date": http_date(self.now()),
            "x-kms-apiversion": "dkms-gcs-0.2",
            "x-kms-apiname": name,
            "x-kms-signaturemethod": "RSA_PKCS1_SHA_256",
            "x-kms-acccesskeyid": self.key_id,
            "content-type": "application/x-protobuf",
            "content-sha256": hashlib.sha256(body).hexdigest().upper(),
        }
        headers |= {key.replace("_", "-"): value for key, value in other.items()}
        kept = {key: value for key, value in headers.items() if value is not None}
        signature = self.private_key.sign(
            string_to_sign("POST", kept).encode(), PKCS1v15(), SHA256()
        )
        return {
            "authorization": f"{scheme} {base64.b64encode(signature).decode()}",
            **kept,
        }


@dataclass
class Client:
    """Sends signed messages to an application or a server."""

    http: httpx.Client
    signer: Signer

    def send(self, name: str, message: Any = None, **options: Any) -> httpx.Response:
        """Send an operation's message, or bytes that may be none."""
        if message is None:
            message = b""
        body = message if isinstance(message, bytes) else message.SerializeToString()
        headers = self.signer.headers(name, body, **options)
        return self.http.post("/", content=body, headers=headers)

    def call(self, name: str, **fields: Any) -> Any:
        """Send a well-formed request that is answered with its message."""
        request = getattr(messages, f"{name}Request")(**fields)
        response = self.send(name, request)
        assert response.status_code == 200, error_of(response)
        assert response.headers["content-type"] == "application/x-protobuf"
        return getattr(messages, f"{name}Response").FromString(response.content)


def error_of(response: httpx.Response) -> messages.Error:
    """The error that a response tells; its status is that of the response."""
    error = messages.Error.FromString(response.content)
    assert error.StatusCode == response.status_code
    return error
