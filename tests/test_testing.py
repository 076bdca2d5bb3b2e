"""The fixtures that Pairsmith gives to other test suites."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pairsmith import testing
from pairsmith.testing import RunningServer


def hostile(folder: Path) -> dict[str, str]:
    """What a developer's shell may have set, for other programs or another server."""
    (folder / "pairsmith.toml").write_text(
        f'[files]\naudit = "{folder}/named-audit.log"\n[listen]\nworkers = 3\n'
    )
    return {
        "PAIRSMITH_DATABASE": "sqlite:////nowhere/production.db",
        "PAIRSMITH_DATABASE_URL": f"sqlite:///{folder}/named.db",
        "PAIRSMITH_ROOT_KEY_PROVIDER": f"file:{folder}/named.root-key",
        "PAIRSMITH_CONFIG": f"{folder}/pairsmith.toml",
        "PAIRSMITH_FILES_FOLDER": f"{folder}/named",
        "PAIRSMITH_FILES_AUDIT": f"{folder}/named-audit.log",
        "PAIRSMITH_LISTEN_HOST": "::1",
        "PAIRSMITH_LISTEN_PORT": "1",
        "PAIRSMITH_ENGINE": "portable",
        "PROMETHEUS_MULTIPROC_DIR": f"{folder}/named-metrics",
        "http_proxy": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "socks5://127.0.0.1:1",
        "SSL_CERT_FILE": "/nowhere/ca.pem",
        "SSL_CERT_DIR": "/nowhere",
        "OPENSSL_CONF": "/nowhere/openssl.cnf",
        "PYTHONWARNINGS": "error",
        "PYTHONINSPECT": "1",
        "PYTHONSAFEPATH": "1",
        "FORCE_COLOR": "1",
        "COLUMNS": "20",
        "NOTIFY_SOCKET": f"{folder}/named-socket",
        "TMPDIR": "/nowhere",
    }


def test_a_server_depends_on_nothing_outside_its_folder(
    tmp_path: Path,
    pairsmith_servers: Callable[..., RunningServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the shell has set: it serves, and writes nowhere else."""
    for name, value in hostile(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)  # where there is a settings file
    before = sorted(tmp_path.iterdir())
    server = pairsmith_servers()
    with server.open_instance() as instance:
        assert instance.create_key("a key").key_id
    assert server.get("/readyz")[0] == 200
    assert server.endpoint.startswith("127.0.0.1:")
    assert "\x1b[" not in server.log
    assert sorted(tmp_path.iterdir()) == before
    audit = list(server.folder.glob("*audit.log"))
    assert audit, list(server.folder.iterdir())


def test_of_the_shell_s_variables_a_server_gets_what_starts_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And those that its test gives; places are named in full."""
    for name in os.environ:
        monkeypatch.delenv(name)
    kept = {"PATH": "/bin", "HOME": "/root", "VIRTUAL_ENV": "/venv"}
    for name, value in {**hostile(tmp_path), **kept, "PYTHONPATH": "python:/x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    server = RunningServer(
        Path("relative"),
        7,
        {"pairs_limit": 2, "tls_insecure_http": True},
        (),
        {"A": "b"},
    )
    folder = tmp_path / "relative"
    assert server._variables() == {
        **kept,
        "PYTHONPATH": f"{tmp_path}/python:/x",
        "PAIRSMITH_DATABASE": f"sqlite:///{folder}/pairsmith.db",
        "PAIRSMITH_FILES_FOLDER": str(folder),
        "PAIRSMITH_LISTEN_HOST": "127.0.0.1",
        "PAIRSMITH_LISTEN_PORT": "7",
        "PAIRSMITH_PAIRS_LIMIT": "2",
        "PAIRSMITH_TLS_INSECURE_HTTP": "true",
        "TMPDIR": str(folder),
        "A": "b",
    }
    other = RunningServer(Path("relative"), 7, {}, python="/other/bin/python")
    assert "PYTHONPATH" not in other._variables()


def test_a_port_that_somebody_was_quicker_to_take_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another is tried; that is how test suites run side by side."""
    tried: list[int] = []

    def restart(server: RunningServer) -> None:
        tried.append(server.port)
        if not testing._is_free(server.port):
            raise RuntimeError("the server did not start")

    monkeypatch.setattr(RunningServer, "restart", restart)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], testing._free_port()]
        monkeypatch.setattr(testing, "_free_port", lambda: ports[len(tried)])
        server = RunningServer.start(tmp_path)
    assert tried == ports
    assert server.port == ports[1]


def test_a_server_that_does_not_start_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one that it has made itself; and it is tried once, for its port is free."""
    tried = []

    def restart(_: Any) -> None:
        tried.append(1)
        raise RuntimeError("the server did not start")

    monkeypatch.setattr(RunningServer, "restart", restart)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(RuntimeError):
        RunningServer.start()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError):
        RunningServer.start(tmp_path)
    assert tmp_path.exists()
    assert len(tried) == 2
