"""Who may encrypt and can write the database, but has no root key, gets no further.

Nothing that a data operation returns is an identity or a secret of the server, and no
data operation opens one; whatever rows of the database name one another.
"""

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from applications import NOW, Application
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from openapi_caller import Caller
from signing import Client, Signer

from pairsmith import Instance
from pairsmith.errors import PairsmithError
from pairsmith.registry.identifiers import SERVICE
from pairsmith.registry.service_seal import seal
from pairsmith.server.instance_api import messages_pb2 as messages

ACCESS_KEY_ID = "LTAI" + "Z" * 20
CLIENT_ID = "KAAP.00000000-0000-4000-8000-000000000000"
SECRET = "A" * 30

Row = dict[str, Any]


@dataclass
class Attacker:
    """A client that may use one key for everything, and writes the database file."""

    application: Application
    client: Client
    database: Path
    key_id: str
    version: str
    service_version: str
    private_key: rsa.RSAPrivateKey

    def rows(self, statement: str, *values: object) -> list[Row]:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(statement, values)]
        # Nothing that was believed before is believed any longer.
        self.application.instance.registry.access.cache.empty()
        return found

    def put(self, table: str, row: Row) -> None:
        marks = ",".join("?" * len(row))
        self.rows(
            f"INSERT OR REPLACE INTO {table} ({','.join(row)}) VALUES ({marks})",  # noqa: S608 -- that is the attack
            *row.values(),
        )

    def sealed(self, plaintext: bytes, aad: str) -> Iterator[tuple[bytes, bytes]]:
        """Everything that data operations return for a text: iv and blob."""
        given = {"KeyId": self.key_id, "Plaintext": plaintext, "Aad": aad.encode()}
        plain = self.client.call("Encrypt", **given)
        yield plain.Iv, plain.CiphertextBlob
        advance = self.client.call("AdvanceEncrypt", **given)
        yield advance.Iv, advance.CiphertextBlob
        yield advance.Iv, advance.CiphertextBlob[51:]

    def document(self, identity_id: str, kind: str) -> bytes:
        """An identity with every right, as the server itself would write it."""
        ((revision,),) = (
            row.values() for row in self.rows("SELECT change_counter FROM registry")
        )
        public_key = self.private_key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        common = {
            "id": identity_id,
            "kind": kind,
            "sequence": 10**6,
            "created_at_ms": 0,
            "name": "forged",
            "not_before_ms": 0,
            "not_after_ms": 10**13,
            "revoked_at_ms": None,
            "policy": ["*"],
            "revision": revision,
            "public_key": base64.b64encode(public_key).decode(),
            "secret": SECRET,
        }
        del common["secret" if kind == "client" else "public_key"]
        return json.dumps(common).encode()

    def forge(self, kind: str, sealed_by: str, iv: bytes, sealed: bytes) -> None:
        """Put in an identity like the honest ones."""
        (honest,) = self.rows(
            "SELECT * FROM identities WHERE kind = ? LIMIT 1", "client"
        )
        forged = {
            "identity_id": CLIENT_ID if kind == "client" else ACCESS_KEY_ID,
            "kind": kind,
            "sequence": 10**6,
            "sealed_by": sealed_by,
            "iv": iv,
            "sealed": sealed,
        }
        self.put("identities", honest | forged)

    def is_served(self, kind: str) -> bool:
        """Whether a request that the forged identity has signed is answered."""
        http = self.application.http
        if kind == "client":
            signer = Signer(CLIENT_ID, self.private_key, now=lambda: NOW)
            request = messages.EncryptRequest(KeyId=self.key_id, Plaintext=b"x")
            return Client(http, signer).send("Encrypt", request).status_code == 200
        caller = Caller(http, ACCESS_KEY_ID, SECRET, now=lambda: NOW)
        return caller.send("ListKeys", {}).status_code == 200


@pytest.fixture
def attacker(
    application: Application, instance: Instance, key_id: str, tmp_path: Path
) -> Attacker:
    """Somebody with one key; the server has another, clients, and an audit log."""
    application.access.audit_key()
    application.caller()
    instance.create_key()
    client = application.client(
        f"Encrypt,AdvanceEncrypt,Decrypt,AdvanceDecrypt,ReEncrypt:{key_id}"
    )
    database = tmp_path / "kms.db"
    with closing(sqlite3.connect(database)) as connection:
        ((service_version,),) = connection.execute(
            "SELECT key_version_id FROM key_versions WHERE key_id = ?", (SERVICE,)
        )
    return Attacker(
        application,
        client,
        database,
        key_id,
        instance.describe_key(key_id).initial_key_version,
        service_version,
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )


@pytest.mark.parametrize("kind", ["client", "access_key"])
def test_what_the_server_seals_is_served(attacker: Attacker, kind: str) -> None:
    """The control of the tests below: the same document, sealed by the service key."""
    identity_id = CLIENT_ID if kind == "client" else ACCESS_KEY_ID
    access = attacker.application.instance.registry.access
    document = json.loads(attacker.document(identity_id, kind))
    assert not attacker.is_served(kind)
    with access.changing("Test") as change:
        honest = seal(change, f"identity/{identity_id}", document)
    attacker.forge(kind, honest.sealed_by, honest.iv, honest.sealed)
    assert attacker.is_served(kind)
    assert _served_after_restart(attacker, kind)


@pytest.mark.parametrize("kind", ["client", "access_key"])
def test_nothing_that_is_encrypted_is_an_identity(
    attacker: Attacker, kind: str
) -> None:
    """In neither layout, for no place, under whichever version the row names."""
    identity_id = CLIENT_ID if kind == "client" else ACCESS_KEY_ID
    document = attacker.document(identity_id, kind)
    for aad in (f"identity/{identity_id}", identity_id, ""):
        for iv, blob in attacker.sealed(document, aad):
            for sealed_by in (attacker.version, attacker.service_version):
                attacker.forge(kind, sealed_by, iv, blob)
                assert not attacker.is_served(kind)
    assert attacker.client.call("Encrypt", KeyId=attacker.key_id, Plaintext=b"x")


def test_nothing_that_is_encrypted_is_the_audit_log_s_key(attacker: Attacker) -> None:
    """The log's key stays what it is, or is refused; it is never another."""
    (honest,) = attacker.rows("SELECT * FROM service_secrets")
    document = json.dumps(
        {"name": "audit-log", "secret": base64.b64encode(b"k" * 32).decode()}
    ).encode()
    store = attacker.application.access
    texts = (document, b"k" * 32)
    for text, aad in product(texts, ("secret/audit-log", "audit-log")):
        for iv, blob in attacker.sealed(text, aad):
            for sealed_by in (attacker.version, attacker.service_version):
                forged = {"sealed_by": sealed_by, "iv": iv, "sealed": blob}
                attacker.put("service_secrets", honest | forged)
                for ask in (store.audit_key, store.kept_audit_key):
                    with pytest.raises(PairsmithError, match="does not open"):
                        ask()


def test_no_data_operation_opens_what_the_server_sealed(attacker: Attacker) -> None:
    """Identities and secrets copied into requests, in every layout, under every key."""
    everything = attacker.application.client()
    caller = attacker.application.caller()
    versions = attacker.rows("SELECT key_id, key_version_id FROM key_versions")
    sealed = [
        (f"identity/{row['identity_id']}", row)
        for row in attacker.rows("SELECT * FROM identities")
    ] + [
        (f"secret/{row['secret_name']}", row)
        for row in attacker.rows("SELECT * FROM service_secrets")
    ]
    assert len(sealed) > 2
    for (place, row), head in product(sealed, _heads()):
        blob = head + row["sealed"][1:] if head else row["sealed"]
        for version in versions:
            name = version["key_version_id"].encode()
            for advance in (blob, b"$\0\2" + name + row["iv"] + blob):
                for operation in ("Decrypt", "AdvanceDecrypt"):
                    request = getattr(messages, f"{operation}Request")(
                        KeyId=version["key_id"],
                        CiphertextBlob=advance,
                        Iv=row["iv"],
                        Aad=place.encode(),
                    )
                    assert everything.send(operation, request).status_code != 200
        moved = {
            "CiphertextBlob": base64.b64encode(
                b"$\0\2" + attacker.version.encode() + row["iv"] + blob
            ).decode(),
            "DestinationKeyId": attacker.key_id,
        }
        assert caller.send("ReEncrypt", moved).status_code != 200


POINTERS = {
    "an identity sealed by a key's version": "UPDATE identities SET sealed_by = :data",
    "a secret sealed by a key's version": (
        "UPDATE service_secrets SET sealed_by = :data"
    ),
    "a key's version wrapped as the service's": (
        "UPDATE key_versions SET wrapped ="
        " (SELECT wrapped FROM key_versions WHERE key_version_id = :service)"
        " WHERE key_version_id = :data"
    ),
    "the service's version wrapped as a key's": (
        "UPDATE key_versions SET wrapped ="
        " (SELECT wrapped FROM key_versions WHERE key_version_id = :data)"
        " WHERE key_version_id = :service"
    ),
    "the service's version owned by a key": (
        "UPDATE key_versions SET key_id = :key WHERE key_version_id = :service"
    ),
    "a key's version owned by the service": (
        "UPDATE key_versions SET key_id = 'pairsmith-server'"
        " WHERE key_version_id = :data"
    ),
    "a newer version of the service": (
        "INSERT INTO key_versions SELECT 'pairsmith-server-0000000000000000000',"
        " 'pairsmith-server', 1000000, created_at_ms, root_key_id, wrapped, NULL"
        " FROM key_versions WHERE key_version_id = :data"
    ),
    "a key's initial version is the service's": (
        "UPDATE keys SET initial_version_id = :service, primary_version_id = :service"
        " WHERE key_id = :key"
    ),
    "each other's ids": (
        "UPDATE key_versions SET key_version_id = '_' WHERE key_version_id = :data;"
        "UPDATE key_versions SET key_version_id = :data"
        " WHERE key_version_id = :service;"
        "UPDATE key_versions SET key_version_id = :service WHERE key_version_id = '_'"
    ),
}


@pytest.mark.parametrize("pointer", POINTERS.values(), ids=POINTERS)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_rows_that_name_one_another(
    attacker: Attacker, pointer: str, *, is_restarted: bool
) -> None:
    """Whichever rows are changed, nothing forged is served and nothing sealed opens."""
    audit_key = attacker.application.access.audit_key()
    forgeries = [
        (
            kind,
            *next(attacker.sealed(attacker.document(name, kind), f"identity/{name}")),
        )
        for kind, name in (("client", CLIENT_ID), ("access_key", ACCESS_KEY_ID))
    ]
    (honest,) = attacker.rows("SELECT * FROM identities WHERE kind = 'access_key'")
    _point(attacker, pointer)
    for (kind, iv, blob), sealed_by in product(
        forgeries, (attacker.version, attacker.service_version)
    ):
        attacker.forge(kind, sealed_by, iv, blob)
        if is_restarted:
            assert not _served_after_restart(attacker, kind)
        else:
            assert not attacker.is_served(kind)
    for operation, version in product(
        ("Decrypt", "AdvanceDecrypt"), (attacker.version, attacker.service_version)
    ):
        header = b"$\0\2" + version.encode() + honest["iv"]
        for blob in (honest["sealed"], header + honest["sealed"]):
            request = getattr(messages, f"{operation}Request")(
                KeyId=attacker.key_id,
                CiphertextBlob=blob,
                Iv=honest["iv"],
                Aad=f"identity/{honest['identity_id']}".encode(),
            )
            assert attacker.client.send(operation, request).status_code != 200
    with suppress(PairsmithError):
        assert attacker.application.access.audit_key() == audit_key


def _heads() -> Iterator[bytes]:
    """What may stand before salt and commitment: as it is, format 1, every format 2."""
    yield b""
    yield b"\1"
    for purpose in range(6):
        yield bytes([2, purpose, 0, 0])
    yield bytes([2, 2, 1, 1])


def _point(attacker: Attacker, statement: str) -> None:
    names = {
        "data": attacker.version,
        "service": attacker.service_version,
        "key": attacker.key_id,
    }
    with closing(sqlite3.connect(attacker.database)) as connection, connection:
        for each in statement.split(";"):
            connection.execute(each, names)
    attacker.application.instance.registry.access.cache.empty()


def _served_after_restart(attacker: Attacker, kind: str) -> bool:
    """Whether a server that is started now would know the forged identity."""
    from pairsmith.server.access.store import AccessStore

    try:
        with Instance.open(f"sqlite:///{attacker.database}") as instance:
            store = AccessStore(instance.registry)
            if kind == "client":
                return store.client(CLIENT_ID) is not None
            return store.access_key(ACCESS_KEY_ID) is not None
    except PairsmithError:
        return False
