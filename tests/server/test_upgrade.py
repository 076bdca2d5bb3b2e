"""A server that is started over a database of 70dde76 goes on where that one ended."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from openapi_caller import Caller
from signing import Client, Signer

from old_database import FIXTURE, binary, told
from pairsmith import bulk
from pairsmith.server.access.store import AccessStore
from pairsmith.server.audit.verify import head_of, verify
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.testing import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server over a copy, with the audit log of before beside it."""
    folder = tmp_path_factory.mktemp("upgrade")
    for suffix in ("", ".root-key", ".audit.log"):
        copy = folder / f"pairsmith.db{suffix}"
        shutil.copyfile(FIXTURE / f"kms.db{suffix}", copy)
        copy.chmod(0o600)
    started = RunningServer.start(folder, tls_insecure_http=True)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def http(server: RunningServer) -> Iterator[httpx.Client]:
    """A connection to it."""
    with closing(httpx.Client(base_url=server.url)) as opened:
        yield opened


def _identity(name: str, kind: str) -> dict[str, Any]:
    (found,) = (
        each
        for each in told("identities")
        if (each["name"], each["kind"]) == (name, kind)
    )
    return dict(found)


def _client(http: httpx.Client, name: str) -> Client:
    told_of = _identity(name, "client")
    data, password = told_of["private_key_data"], told_of["password"]
    return Client(http, Signer.from_file(told_of["id"], data, password))


def test_clients_of_before_open_what_they_stored(http: httpx.Client) -> None:
    """With the key pair they have had, by the rights they have had."""
    everything, devices = _client(http, "everything"), _client(http, "devices")
    plain = told("registry")["keys"]["plain"]["key_id"]
    blobs = [blob for blob in told("blobs") if blob.get("key_id") == plain]
    assert len(blobs) == 8
    for blob in blobs:
        opened = everything.call(
            "AdvanceDecrypt" if blob["advance"] else "Decrypt",
            KeyId=plain,
            CiphertextBlob=binary(blob["ciphertext_blob"]),
            Iv=binary(blob["iv"]),
            Aad=binary(blob["aad"]),
        )
        if blob["kind"] == "message":
            assert opened.Plaintext == b"a message of the fixture"
    request = messages.EncryptRequest(KeyId=plain, Plaintext=b"x")
    assert devices.send("Encrypt", request).status_code == 403


def test_access_keys_of_before_manage(http: httpx.Client) -> None:
    """With their secrets; and what was revoked stays so."""
    plain = told("registry")["keys"]["plain"]["key_id"]
    for name, is_served in (
        ("everything", True),
        ("manager", True),
        ("revoked", False),
    ):
        identity = _identity(name, "access key")
        caller = Caller(http, identity["id"], identity["secret"])
        response = caller.send("DescribeKey", {"KeyId": plain})
        assert (response.status_code == 200) == is_served, response.text
    request = messages.EncryptRequest(KeyId=plain, Plaintext=b"x")
    assert _client(http, "revoked").send("Encrypt", request).status_code != 200


def test_the_audit_log_goes_on_behind_the_lines_of_before(
    server: RunningServer, http: httpx.Client
) -> None:
    """One chain under one key, in which the last line of before still is."""
    _client(http, "everything").call("GenerateRandom", Length=16)
    with server.open_instance() as instance:
        key = AccessStore(instance.registry).audit_key()
    old = head_of(FIXTURE / "kms.db.audit.log", key)
    seen = verify(server.folder / "pairsmith.db.audit.log", key, anchor=old)
    assert seen.signatures_checked
    assert seen.anchor_found
    assert seen.first_sequence == 1
    assert seen.lines > old.sequence


def test_a_bulk_job_of_before_verifies(server: RunningServer, tmp_path: Path) -> None:
    """Every record opens, and its halves belong together."""
    shutil.copytree(FIXTURE / "bulk", tmp_path / "bulk")
    with server.open_instance() as instance:
        report = bulk.verify(tmp_path / "bulk", instance)
    assert report.findings == []
    assert report.opened == 6
