"""Killed with SIGKILL under load: what was acknowledged is there, and nothing hangs."""

import json
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx2 as httpx
import pytest
from acknowledging import Acknowledged, Load
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)
from signing import Client, Signer

from pairsmith import Instance
from pairsmith.errors import PairsmithError
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.audit.verify import verify
from pairsmith.testing import RunningServer
from waiting import PATIENCE_SECONDS

ANSWERS = range(20, 100)
"""How many are waited for before a kill."""
DELAY_SECONDS = 0.02
"""At most so long after an answer, so that the kill does not always follow one."""


@pytest.fixture(scope="module")
def server(pairsmith_servers: Callable[..., RunningServer]) -> RunningServer:
    """Two processes, one slot for pairs, and a file as its database."""
    return pairsmith_servers(listen_workers=2, tls_insecure_http=True)


@pytest.fixture(scope="module")
def load(server: RunningServer) -> Load:
    """Clients of it with rights to everything."""
    with server.open_instance() as instance:
        key_id = instance.create_key("under load").key_id
        with closing(AccessStore(instance.registry)) as access:
            allowed = parse_policy(["*"])
            key, secret = access.create_access_key("load", allowed)
            name = access.clients()[0].name
    return Load(server, Signer.of_server(server), (key.id, secret), key_id, name)


@pytest.mark.parametrize("rounds", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_missing_after_kills(
    server: RunningServer, load: Load, rounds: int
) -> None:
    """Killed at a random moment and started again, several times over."""
    seed = secrets.randbits(64)
    print("seed", seed)  # noqa: T201 -- pytest shows it when the test fails
    chance = random.Random(seed)  # noqa: S311 -- it only picks moments

    def kill() -> None:
        time.sleep(chance.uniform(0, DELAY_SECONDS))
        server.kill()

    for _ in range(rounds):
        load.until(chance.choice(ANSWERS), kill)
        server.restart()
        assert pair_status(server, load) == 200, "the guard is not free"
        with server.open_instance() as instance:
            assert list(missing(load.seen, instance)) == []
            with closing(AccessStore(instance.registry)) as access:
                assert list(wrong_clients(load.seen, access)) == []
                assert_audited(server, load.seen, access.audit_key())
    assert load.seen.is_varied


def test_what_is_missing_would_be_noticed(instance: Instance, key_id: str) -> None:
    """Another registry has none of it, and each kind of it is named."""
    data_key = instance.generate_data_key(key_id, 32)
    elsewhere = key_id[:-1] + ("a" if key_id[-1] != "a" else "b")
    blob = bytearray(data_key.ciphertext_blob)
    blob[0] ^= 1
    changed = type("Answer", (), {
        "KeyId": key_id, "CiphertextBlob": bytes(blob), "Iv": data_key.iv,
        "Plaintext": data_key.plaintext, "RequestId": "changed",
    })  # fmt: skip
    seen = Acknowledged(
        versions={elsewhere: ["none"], key_id: ["none"]},
        aliases={"alias/test": {None}, "alias/none": {key_id}},
        clients={"KAAP.none": {"valid"}},
        data_keys=[changed],
    )
    assert len(list(missing(seen, instance))) == 5
    with closing(AccessStore(instance.registry)) as access:
        assert list(wrong_clients(seen, access)) == ["KAAP.none"]


def pair_status(server: RunningServer, load: Load) -> int:
    """The status of one request for a pair."""
    with httpx.Client(
        base_url=server.url, timeout=PATIENCE_SECONDS, verify=False
    ) as http:
        return load.pair_status(Client(http, Signer.of_server(server)))


def missing(seen: Acknowledged, instance: Instance) -> Iterator[str]:
    """Keys, versions, aliases and blobs that are not as they were answered."""
    registry = instance.registry
    for key_id, versions in seen.versions.items():
        try:
            page = registry.list_key_versions(key_id, 1, 100)
        except PairsmithError as error:
            yield f"{key_id}: {error}"
            continue
        listed = [version.key_version_id for version in page.items]
        primary = registry.describe_key(key_id).primary_key_version
        if listed[: len(versions)] != versions or primary != listed[-1]:
            yield f"{key_id}: {versions} were made, {listed} are there"
    for name, allowed in seen.aliases.items():
        bound = key_of(instance, name)
        if bound not in allowed:
            yield f"{name}: bound to {bound}, not to any of {allowed}"
    for answer in seen.data_keys:
        if opened(instance, answer, answer.CiphertextBlob) != answer.Plaintext:
            yield f"data key of request {answer.RequestId}"
    for answer in seen.pairs:
        private = opened(instance, answer, answer.PrivateKeyCiphertextBlob)
        if private is None or public_half(private) != answer.PublicKey:
            yield f"pair of request {answer.RequestId}"


def key_of(instance: Instance, alias: str) -> str | None:
    """The key that an alias is bound to."""
    try:
        return instance.registry.describe_key(alias).key_id
    except PairsmithError:
        return None


def opened(instance: Instance, answer: object, blob: bytes) -> bytes | None:
    """What is in a blob of either kind, if it opens."""
    key_id, iv = answer.KeyId, answer.Iv  # type: ignore[attr-defined]
    try:
        return instance.advance_decrypt(blob, key_id=key_id, iv=iv).plaintext
    except PairsmithError:
        return None


def public_half(private_der: bytes) -> bytes:
    """The public key of a private one, DER."""
    # Its check was done when it was made, and takes longer than making it.
    private = load_der_private_key(
        private_der, None, unsafe_skip_rsa_key_validation=True
    )
    public = private.public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def wrong_clients(seen: Acknowledged, access: AccessStore) -> Iterator[str]:
    """Client keys that are not as they were answered."""
    for client_key_id, allowed in seen.clients.items():
        found = access.client(client_key_id)
        gone = found is None or found.revoked_at is not None
        if ("revoked" if gone else "valid") not in allowed:
            yield client_key_id


def assert_audited(server: RunningServer, seen: Acknowledged, key: bytes) -> None:
    """The chain is whole, and has a line for each request that was answered."""
    log = server.folder / "pairsmith.db.audit.log"
    result = verify(log, key)
    assert result.signatures_checked
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    served = {line.get("request_id") for line in lines if line.get("code") == "OK"}
    assert seen.requests <= served
