"""``pairsmith serve`` as a process: its start, its end, and clients that misbehave."""

import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from click.testing import CliRunner
from signing import Signer

from pairsmith.cli.application import application
from pairsmith.errors import Throttled
from pairsmith.guard import Guard
from pairsmith.server import tls
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.settings_file import load_settings, to_toml
from pairsmith.testing import RunningServer
from waiting import PATIENCE_SECONDS, eventually

MADE = ("CA for clients (made)", "Client key (made)", "Its password (made)")
SLOW_BODY = (
    b"POST / HTTP/1.1\r\nhost: a\r\nx-kms-apiname: a\r\ncontent-length: 9\r\n\r\nb"
)
ATTEMPTS = 50


@pytest.fixture(scope="module")
def strict(pairsmith_servers: Callable[..., RunningServer]) -> RunningServer:
    """A server with little patience, in two processes, whose pairs take their time."""
    return pairsmith_servers(
        environment={"PAIRSMITH_ENGINE": "portable"},
        limits_header_seconds=1,
        limits_body_seconds=1,
        limits_shutdown_seconds=170,  # a pair may take long on a busy machine
        listen_workers=2,
    )


def send(server: RunningServer, name: str, **fields: object) -> tuple[int, bytes]:
    """Status and content of one signed request, on a connection of its own."""
    body = getattr(messages, f"{name}Request")(**fields).SerializeToString()
    with closing(server.connect()) as connection:
        connection.request(
            "POST", "/", body, Signer.of_server(server).headers(name, body)
        )
        response = connection.getresponse()
        return response.status, response.read()


def status_of(server: RunningServer, pair: dict[str, str]) -> int:
    """The status that a request for this pair is answered with."""
    return send(server, "GenerateDataKeyPair", **pair)[0]


def being_made(server: RunningServer, key: str, guard: Guard) -> threading.Thread:
    """A client whose pair is being made at this moment."""

    def ask() -> None:
        with suppress(OSError, HTTPException):  # it may lose its server
            asking.status = status_of(server, pair)  # type: ignore[attr-defined]

    pair = {"KeyId": key, "KeyPairSpec": "RSA_4096", "KeyFormat": "DER"}
    for _ in range(ATTEMPTS):
        asking = threading.Thread(target=ask)
        asking.start()
        while asking.is_alive():
            try:
                guard.release(guard.acquire())
            except Throttled:
                return asking
            asking.join(0.002)  # a look takes the slot itself: not all the time
    raise AssertionError("every pair was made, or refused, before anybody looked")


def test_the_first_start_says_what_it_made(strict: RunningServer) -> None:
    """CA, client key and password are named; no password is ever a default."""
    assert [strict.log.count(name) for name in MADE] == [1, 1, 1]
    assert strict.client_key_password not in strict.log
    assert len(strict.client_key_password) >= 16
    for path in (strict.folder / "clients").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_health_needs_no_signature_and_nothing_else_is_served(
    strict: RunningServer,
) -> None:
    """The three pages are there; every other path is not."""
    assert strict.get("/healthz") == (200, b"ok\n")
    status, content = strict.get("/readyz")
    ready = {"database": "ok", "audit": "ok", "nonces": "ok"}
    assert (status, json.loads(content)) == (200, ready)
    status, content = strict.get("/metrics")
    assert status == 200
    assert b"pairsmith_" in content
    for path in ("/none", "/docs", "/openapi.json", "/static/x"):
        assert strict.get(path)[0] == 404


def test_a_client_whose_headers_come_slowly_is_cut_off(strict: RunningServer) -> None:
    """Headers may not come for longer than the settings say, whatever still comes."""
    with connected(strict) as connection:
        connection.settimeout(0.1)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nx-slow: ")
        eventually(lambda: has_hung_up(connection))


def test_a_client_whose_body_does_not_come_is_answered(strict: RunningServer) -> None:
    """A body may not take longer than the settings say."""
    with connected(strict) as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(SLOW_BODY)
        received = b""
        while chunk := connection.recv(4096):  # until the server hangs up
            received += chunk
    assert received.startswith(b"HTTP/1.1 408")


def connected(server: RunningServer) -> ssl.SSLSocket:
    """A new connection to the server."""
    context = ssl.create_default_context(cafile=str(server.ca_file))
    plain = socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def has_hung_up(connection: ssl.SSLSocket) -> bool:
    """Send one more byte, and look whether the server has closed; it says nothing."""
    try:
        connection.sendall(b"x")
        received = connection.recv(4096)
    except TimeoutError:
        return False
    except OSError:
        return True
    assert received == b""
    return True


def test_plain_http_is_no_way_in(strict: RunningServer) -> None:
    """A server of TLS answers nothing without it, and not in an older version."""
    with socket.create_connection(
        ("127.0.0.1", strict.port), timeout=PATIENCE_SECONDS
    ) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert not connection.recv(4096).startswith(b"HTTP")
    context = ssl.create_default_context(cafile=str(strict.ca_file))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    plain = socket.create_connection(
        ("127.0.0.1", strict.port), timeout=PATIENCE_SECONDS
    )
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        assert connection.version() == "TLSv1.2"


def test_workers_share_the_guard_and_see_what_others_change(
    strict: RunningServer,
) -> None:
    """A slot held elsewhere refuses every worker; a disabled key is so for all."""
    with strict.open_instance() as instance:
        key = instance.create_key("shared").key_id
        instance.create_alias("alias/shared", key)
        pair = {"KeyId": "alias/shared", "KeyPairSpec": "EC_P256", "KeyFormat": "DER"}
        slot = instance._guard.acquire()
        for _ in range(6):
            assert status_of(strict, pair) == 429
        instance._guard.release(slot)
        for _ in range(6):
            assert status_of(strict, pair) == 200
        instance.disable_key(key)
        six = lambda: {status_of(strict, pair) for _ in range(6)}  # noqa: E731 -- short
        eventually(six, lambda statuses: statuses == {409})


def test_what_was_accepted_is_finished_and_the_next_start_makes_nothing(
    strict: RunningServer,
) -> None:
    """A signal to stop lets a pair be made, answered and logged; clients stay."""
    before = sorted((strict.folder / "clients").iterdir())
    with strict.open_instance() as instance:
        key = instance.create_key("stopping").key_id
        asking = being_made(strict, key, instance._guard)
        answers = [send(strict, "Encrypt", KeyId=key, Plaintext=b"a") for _ in range(9)]
        assert strict.stop() == 0
        asking.join()
    assert asking.status == 200  # type: ignore[attr-defined]
    for _, content in answers:  # each of them has its line in the log
        request_id = messages.EncryptResponse.FromString(content).RequestId
        assert strict.log.count(f'"request_id": "{request_id}"') == 1
    strict.restart()
    assert sorted((strict.folder / "clients").iterdir()) == before
    assert [strict.log.count(name) for name in MADE] == [1, 1, 1]


def test_killed_servers_start_again_with_a_free_guard_and_a_whole_audit_log(
    strict: RunningServer,
) -> None:
    """After kill -9 nothing acknowledged is missing and the log still verifies."""
    with strict.open_instance() as instance:
        key = instance.create_key("killed").key_id
        pair = {"KeyId": key, "KeyPairSpec": "EC_P256", "KeyFormat": "DER"}
        status, content = send(strict, "GenerateDataKeyPair", **pair)
        asking = being_made(strict, key, instance._guard)
        strict.kill()
        asking.join()
    strict.restart()
    assert (status, status_of(strict, pair)) == (200, 200)
    answer = messages.GenerateDataKeyPairResponse.FromString(content)
    log = strict.folder / "pairsmith.db.audit.log"
    assert answer.RequestId in log.read_text()
    verified = CliRunner().invoke(
        application, ["--database", strict.database, "audit", "verify"]
    )
    assert verified.exit_code == 0, verified.output


def test_a_worker_that_dies_is_replaced_however_often(strict: RunningServer) -> None:
    """Each of them, one after the other and again; the server goes on."""
    for _ in range(2):
        for worker in workers_of(strict):
            os.kill(worker, signal.SIGKILL)
            await_end_of(worker)
    eventually(lambda: len(workers_of(strict)) == 2 and is_healthy(strict))


def test_a_reload_takes_over_new_settings_and_finishes_what_was_accepted(
    strict: RunningServer,
) -> None:
    """A pair that is being made is answered; nobody who connects is refused."""
    (strict.folder / "pairsmith.toml").write_text("[limits]\nbody_bytes = 1024\n")
    old, seen = workers_of(strict), strict.log.count('"reloaded"')
    with strict.open_instance() as instance:
        key = instance.create_key("reloading").key_id
        asking = being_made(strict, key, instance._guard)
    os.kill(strict.pid, signal.SIGHUP)

    def is_reloaded() -> bool:
        socket.create_connection(("127.0.0.1", strict.port)).close()
        return strict.log.count('"reloaded"') > seen

    eventually(is_reloaded)
    for worker in old:
        await_end_of(worker)
    asking.join()
    assert asking.status == 200  # type: ignore[attr-defined]
    with closing(strict.connect()) as connection:
        connection.request("POST", "/", bytes(2000), {"x-kms-apiname": "a"})
        assert connection.getresponse().status == 413
    (strict.folder / "pairsmith.toml").unlink()


def half_renewed(folder: Path) -> None:
    """A certificate whose key has not been replaced yet."""
    other = tls.made_files(folder / "other", [])
    (folder / "pairsmith.toml").write_text(
        f"[tls]\ncertificate = '{folder}/tls/server.pem'\nkey = '{other.key}'\n"
    )


def bad_settings(folder: Path) -> None:
    """A setting that does not exist."""
    (folder / "pairsmith.toml").write_text("[listen]\nprot = 8443\n")


def no_root_key(folder: Path) -> None:
    """The root key is not where it was."""
    key = folder / "pairsmith.db.root-key"
    key.rename(folder / "moved")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (half_renewed, "is not the key of"),
        (bad_settings, "listen.prot"),
        (no_root_key, "reload given up"),
    ],
)
def test_a_reload_with_anything_wrong_leaves_the_old_workers(
    strict: RunningServer, wrong: Callable[[Path], None], said: str
) -> None:
    """The log says what is wrong."""
    old = workers_of(strict)
    wrong(strict.folder)
    try:
        os.kill(strict.pid, signal.SIGHUP)
        eventually(lambda: said in strict.log)
        eventually(lambda: workers_of(strict) == old)
        assert strict.get("/healthz")[0] == 200
    finally:
        (strict.folder / "pairsmith.toml").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            (strict.folder / "moved").rename(strict.folder / "pairsmith.db.root-key")


def test_workers_end_with_the_first_process(strict: RunningServer) -> None:
    """And the port is free for the next start, which alone serves then."""
    orphans, figures = workers_of(strict), figures_of(strict)
    os.kill(strict.pid, signal.SIGKILL)
    for worker in orphans:
        await_end_of(worker)
    with pytest.raises(ConnectionError):
        strict.get("/healthz")
    strict.kill()
    strict.restart()
    assert strict.get("/healthz")[0] == 200
    assert figures - figures_of(strict), "nobody else removes those of the dead"


def is_healthy(server: RunningServer) -> bool:
    """Whether it answers; while no worker does, connections are refused."""
    with suppress(OSError):
        return server.get("/healthz")[0] == 200
    return False


def figures_of(server: RunningServer) -> set[Path]:
    """The folders where workers add up."""
    return set(server.folder.glob("pairsmith-metrics-*"))


def workers_of(server: RunningServer) -> list[int]:
    """The processes that serve, in the order of their start."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    workers = []
    for child in children.read_text().split():
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                workers.append(int(child))
    return sorted(workers)


def await_end_of(process: int) -> None:
    """Wait until a process is gone, or only waited for by nobody."""

    def is_gone() -> bool:
        try:
            return ") Z " in Path(f"/proc/{process}/stat").read_text()
        except OSError:
            return True

    eventually(is_gone)


def test_print_config_writes_what_would_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File and options are in it, it is a settings file itself, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    Path("pairsmith.toml").write_text("[pairs]\nlimit = 3\n")
    printed = CliRunner().invoke(
        application,
        ["serve", "--print-config", "--port=9999", "--pairwise-test"],
    )
    path = tmp_path / "printed.toml"
    path.write_text(printed.stdout)
    settings = load_settings(path, {})
    assert (settings.pairs.limit, settings.listen.port) == (3, 9999)
    assert settings.pairs.pairwise_test
    assert to_toml(settings) == printed.stdout
    assert sorted(tmp_path.iterdir()) == [tmp_path / "pairsmith.toml", path]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--insecure-http", "--host", "0.0.0.0"], "loopback"),
        (["--config", "absent.toml"], "absent.toml"),
        (["--port", "0"], "listen.port"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], named: str
) -> None:
    """It ends with exit code 1 before anything is made."""
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(application, ["serve", *arguments])
    assert refused.exit_code == 1
    assert named in refused.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "127.0.0.1"])
def test_an_address_that_cannot_be_listened_on_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Unknown, of another host, or taken: exit code 3, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = CliRunner().invoke(
            application, ["serve", "--host", host, "--port", port]
        )
    assert refused.exit_code == 3
    assert refused.stdout == ""
    assert host in refused.stderr.splitlines()[0]
    assert not list(tmp_path.iterdir())
