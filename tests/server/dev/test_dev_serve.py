"""``pairsmith serve --dev`` as a process."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from seeds import ACCESS_KEY, CLIENT, SEED
from signing import Signer

from pairsmith import Instance
from pairsmith.cli.application import application
from pairsmith.server.dev.control import PATH
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.testing import RunningServer

RIGHTS = 'allow = ["decrypt:alias/orders", "GenerateRandom"]'
SEED_TEXT = "a seed of this test suite"
PAIR = {"KeyId": "alias/orders", "KeyPairSpec": "EC_P256", "KeyFormat": "DER"}


def ask(server: RunningServer, name: str, **fields: object) -> tuple[int, bytes, str]:
    """Status, content and mark of the answer to one signed request."""
    data = json.loads(server.client_key_file.read_text())["PrivateKeyData"]
    signer = Signer.from_file(CLIENT, data, server.client_key_password)
    body = getattr(messages, f"{name}Request")(**fields).SerializeToString()
    with closing(server.connect()) as connection:
        connection.request("POST", "/", body, signer.headers(name, body))
        response = connection.getresponse()
        mark = response.getheader("x-pairsmith-dev") or ""
        return response.status, response.read(), mark


@pytest.fixture(scope="module")
def dev(
    tmp_path_factory: pytest.TempPathFactory,
    pairsmith_servers: Callable[..., RunningServer],
) -> RunningServer:
    """A dev server with a seed file, over TLS."""
    path = tmp_path_factory.mktemp("seed") / "seed.toml"
    path.write_text(SEED.replace(RIGHTS, 'allow = ["*"]'))
    return pairsmith_servers(arguments=("--dev", "--seed-file", str(path)))


def test_one_command_serves_what_was_seeded(dev: RunningServer) -> None:
    """The faults of the file are met, then a pair is made; every answer is marked."""
    answers = [ask(dev, "GenerateDataKeyPair", **PAIR) for _ in range(3)]
    assert [status for status, _, _ in answers] == [429, 429, 200]
    assert {mark for _, _, mark in answers} == {"1"}


def test_the_start_shows_every_credential(dev: RunningServer) -> None:
    """Endpoint, CA, client key, password, access key, and what kind of server it is."""
    for shown in (
        "DEV MODE",
        str(dev.ca_file),
        str(dev.client_key_file),
        "throw-away-1",
        ACCESS_KEY,
        "throwaway0throwaway0",
        dev.url + PATH,
        "dev mode: for tests, never for secrets",
    ):
        assert shown in dev.log


def test_it_goes_on_after_a_restart(dev: RunningServer) -> None:
    """With the client key and the keys it had."""
    file = dev.client_key_file.read_text()
    dev.stop()
    dev.restart()
    with dev.open_instance() as instance:
        assert instance.registry.list_keys().total_count == 1
    assert dev.client_key_file.read_text() == file


@pytest.mark.parametrize(
    "option", [["--seed-file", "a.toml"], ["--deterministic", "a" * 16]]
)
def test_options_of_dev_mode_need_it(option: list[str]) -> None:
    """Given alone they are refused, rather than without effect."""
    ran = CliRunner().invoke(application, ["serve", *option])
    assert ran.exit_code == 2
    assert "--dev" in ran.output


def test_a_production_folder_is_refused(tmp_path: Path) -> None:
    """The command ends at once, and says what would be right."""
    Instance.open(f"sqlite:///{tmp_path / 'pairsmith.db'}").close()
    ran = CliRunner().invoke(application, ["serve", "--dev", "--folder", str(tmp_path)])
    assert ran.exit_code == 3
    assert "not made by --dev" in ran.output


def test_deterministic_pairs_are_the_same_after_a_restart(
    tmp_path: Path, pairsmith_servers: Callable[..., RunningServer]
) -> None:
    """The first pair of a start is always the same, and everything says so."""
    path = tmp_path / "seed.toml"
    path.write_text(SEED.partition("[[fault]]")[0].replace(RIGHTS, 'allow = ["*"]'))
    server = pairsmith_servers(
        arguments=("--dev", "--seed-file", str(path), "--deterministic", SEED_TEXT),
        tls_insecure_http=True,
    )
    first = pair_of(server)
    assert pair_of(server) != first
    server.stop()
    server.restart()
    assert pair_of(server) == first
    assert "DETERMINISTIC" in server.log
    assert "every private key can be computed" in server.log
    assert SEED_TEXT not in server.log
    with closing(server.connect()) as connection:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        assert response.getheader("x-pairsmith-deterministic") == "1"


def pair_of(server: RunningServer) -> bytes:
    """The private key of a pair made now."""
    status, content, _ = ask(server, "GenerateDataKeyPair", **PAIR)
    assert status == 200
    answer = messages.GenerateDataKeyPairResponse.FromString(content)
    return bytes(answer.PrivateKeyPlaintext)
