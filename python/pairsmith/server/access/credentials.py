"""New credentials: ids, passwords, secrets, and the file the official clients read."""

import base64
import json
import re
import secrets
import string
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from pairsmith.errors import InvalidParameter

CLIENT_KEY_ID = re.compile(
    r"KAAP\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
ACCESS_KEY_ID = re.compile(r"LTAI[A-Za-z0-9]{20}")
ACCESS_KEY_SECRET = re.compile(r"[A-Za-z0-9]{16,64}")

_ALPHANUMERIC = string.ascii_letters + string.digits
_SYMBOLS = "~!@#$%^&*?_-"
_KINDS = (string.ascii_letters, string.digits, _SYMBOLS)
_PASSWORD_LENGTHS = range(8, 65)
_NAME = re.compile(r"[A-Za-z0-9_.@/-]{1,64}")

KDF_ROUNDS = 2048
"""As every client's library reads; the password has the strength, not the rounds."""


@dataclass(frozen=True, slots=True)
class ClientCredential:
    """A client's key pair: what the server keeps, and the client's file."""

    public_key_der: bytes
    file_content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FixedClient:
    """What a client key is otherwise given at random; for seeding a dev server.

    Attributes:
        id: ``KAAP.`` and a UUID.
        private_key: Its key pair; ``None`` makes one.
    """

    id: str
    private_key: rsa.RSAPrivateKey | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FixedAccessKey:
    """What an access key is otherwise given at random; for seeding a dev server."""

    id: str
    secret: str = field(repr=False)


def new_client_key_id() -> str:
    """Give ``KAAP.`` and a UUID."""
    return f"KAAP.{uuid.uuid4()}"


def new_access_key_id() -> str:
    """Give ``LTAI`` and 20 characters."""
    return "LTAI" + _characters(_ALPHANUMERIC, 20)


def new_access_key_secret() -> str:
    """Give 30 characters: 178 bits of chance."""
    return _characters(_ALPHANUMERIC, 30)


def new_password() -> str:
    """Give 32 characters: letters and digits, so that every shell takes them."""
    while True:
        password = _characters(_ALPHANUMERIC, 32)
        if _kinds(password) > 1:
            return password


def parse_password(value: object) -> str:
    """Parse the password of a client key: two kinds of characters at least.

    Raises:
        InvalidParameter: Of its length or characters; it is not repeated.
    """
    if (
        isinstance(value, str)
        and len(value) in _PASSWORD_LENGTHS
        and set(value) <= set("".join(_KINDS))
        and _kinds(value) > 1
    ):
        return value
    raise InvalidParameter(
        "password",
        f"give 8 to 64 characters of two kinds: letters, digits, {_SYMBOLS}",
    )


def parse_name(value: object) -> str:
    """Parse what people call a client.

    Raises:
        InvalidParameter: It is empty, too long, or has other characters.
    """
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise InvalidParameter("name", "give 1 to 64 of the characters A-Z a-z 0-9 _.@/-")


def parse_client_key_id(value: object) -> str:
    """Parse the id that a client key shall have.

    Raises:
        InvalidParameter: It is not ``KAAP.`` and a UUID.
    """
    if isinstance(value, str) and CLIENT_KEY_ID.fullmatch(value):
        return value
    raise InvalidParameter("id", "give KAAP. and a UUID in lower case.")


def parse_access_key_id(value: object) -> str:
    """Parse the id that an access key shall have.

    Raises:
        InvalidParameter: It is not ``LTAI`` and 20 letters or digits.
    """
    if isinstance(value, str) and ACCESS_KEY_ID.fullmatch(value):
        return value
    raise InvalidParameter("id", "give LTAI and 20 letters or digits.")


def parse_access_key_secret(value: object) -> str:
    """Parse the secret that an access key shall have; it is not repeated.

    Raises:
        InvalidParameter: Of its length or characters.
    """
    if isinstance(value, str) and ACCESS_KEY_SECRET.fullmatch(value):
        return value
    raise InvalidParameter("secret", "give 16 to 64 letters or digits.")


def create_client_credential(
    client_key_id: str,
    password: str,
    not_before: datetime,
    not_after: datetime,
    private_key: rsa.RSAPrivateKey | None = None,
) -> ClientCredential:
    """Write the file that official clients read, of a new RSA_2048 key pair or a given.

    The private key is in the file and nowhere else.
    """
    if private_key is None:
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = _certificate(private_key, client_key_id, not_before, not_after)
    archive = _pkcs12(private_key, certificate, client_key_id, password)
    content = {
        "KeyId": client_key_id,
        "PrivateKeyData": base64.b64encode(archive).decode("ascii"),
    }
    public_key_der = private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return ClientCredential(public_key_der, json.dumps(content))


def _pkcs12(
    private_key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    client_key_id: str,
    password: str,
) -> bytes:
    """Write the oldest flavour there is, for the oldest client must read it.

    Go's and Java 8's readers know no other. Certificate before key, as cryptography
    writes them: the Go client takes them by their order.
    """
    encryption = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(KDF_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 -- the format of old readers
        .build(password.encode())
    )
    return pkcs12.serialize_key_and_certificates(
        client_key_id.encode(), private_key, certificate, None, encryption
    )


def _certificate(
    private_key: rsa.RSAPrivateKey,
    client_key_id: str,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate:
    """Certify the key by itself: the format wants a certificate, nobody checks it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, client_key_id)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .sign(private_key, hashes.SHA256())
    )


def _characters(alphabet: str, count: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(count))


def _kinds(password: str) -> int:
    return sum(not set(password).isdisjoint(kind) for kind in _KINDS)
