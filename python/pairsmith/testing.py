"""A running server for a test suite, with what its clients need, in one line.

Installed with Pairsmith, pytest knows two fixtures; they cost nothing until they are
used::

    def test_signing(pairsmith_server):
        config = Config(protocol="https", **pairsmith_server.sdk_config())

``pairsmith_server`` is one server for the whole session; ``pairsmith_servers`` starts
more of them, each with settings of its own. A server depends on nothing outside its
folder: of the shell's variables it gets those that start a Python program, no others.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from pairsmith.private_files import open_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pairsmith.instance import Instance

START_SECONDS = 180
STOP_SECONDS = 180
POLL_SECONDS = 0.02

PORT_ATTEMPTS = 5
"""How often another port is tried where somebody was quicker to take it."""

KEPT_VARIABLES = frozenset(
    {"PATH", "HOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV", "PYTHONHOME"}
    | {"PYTHONUSERBASE", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
)
"""What of the shell's environment a server gets: what finds Python and its packages.

Not what configures Pairsmith, a library or the interpreter, nor names places to write
to, nor proxies. ``PYTHONPATH`` comes in addition, with its relative entries resolved.
"""


class RunningServer:
    """``pairsmith serve`` in a process of its own, in a folder of its own.

    Started by ``RunningServer.start``.

    Args:
        folder: Holds everything that belongs to it; nothing else may be there.
        port: On the loopback.
        settings: As ``[table]`` and ``name`` of the settings file with an underscore
            between: ``pairs_limit=2``.
        arguments: Of ``pairsmith serve``, such as ``--dev``.
        environment: Variables that it gets in addition.
        python: The interpreter that runs it. One of another environment runs the
            Pairsmith installed there: it does not get this shell's ``PYTHONPATH``.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        settings: Mapping[str, object],
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        python: Path | str = sys.executable,
    ) -> None:
        self.folder = folder.absolute()
        self.port = port
        self._settings = settings
        self._arguments = arguments
        self._environment = dict(environment or {})
        self._python = str(python)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls,
        folder: Path | str | None = None,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        python: Path | str = sys.executable,
        **settings: object,
    ) -> Self:
        """Start a server and wait until it is ready.

        Args:
            folder: Where its files are; a new one that vanishes with it by default.
            arguments: As for the class.
            environment: As for the class.
            python: As for the class.
            settings: As for the class.

        Raises:
            RuntimeError: It ended at once, or was not ready in time; with its log.
        """
        place = Path(folder or tempfile.mkdtemp(prefix="pairsmith-server-"))
        server = cls(place, _free_port(), settings, arguments, environment, python)
        try:
            server._start_on_a_free_port()
        except BaseException:
            if folder is None:
                shutil.rmtree(place, ignore_errors=True)
            raise
        return server

    @property
    def endpoint(self) -> str:
        """Host and port, as the SDKs are told it."""
        return f"127.0.0.1:{self.port}"

    @property
    def is_encrypted(self) -> bool:
        """Whether it is spoken to over TLS."""
        return not self._settings.get("tls_insecure_http")

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.is_encrypted else 'http'}://{self.endpoint}"

    @property
    def database(self) -> str:
        """The database, as ``--database`` takes it."""
        return f"sqlite:///{self.folder / 'pairsmith.db'}"

    @property
    def ca_file(self) -> Path:
        """The CA that its clients trust."""
        return self.folder / "tls" / "PrivateKmsCA_pairsmith.pem"

    @property
    def client_key_file(self) -> Path:
        """The client key that was made at its first start."""
        return next(iter((self.folder / "clients").glob("clientKey_*.json")))

    @property
    def client_key_password(self) -> str:
        """What opens the client key."""
        path = self.client_key_file
        return path.with_name(f"{path.stem}_Password.txt").read_text().strip()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its first process, which starts the workers."""
        return self._running().pid

    def sdk_config(self) -> dict[str, str]:
        """What the ``Config`` of the official Python SDK is made with."""
        config = {
            "protocol": "https" if self.is_encrypted else "http",
            "endpoint": self.endpoint,
            "client_key_file": str(self.client_key_file),
            "password": self.client_key_password,
        }
        return config | (
            {"ca_file_path": str(self.ca_file)} if self.is_encrypted else {}
        )

    def open_instance(self) -> Instance:
        """Open its instance in this process, to make keys or to look."""
        from pairsmith.instance import Instance

        if "--dev" not in self._arguments:
            return Instance.open(self.database)
        from pairsmith.registry import DevRootKey

        root_key = self.folder / "pairsmith.db.root-key"
        return Instance.open(self.database, DevRootKey(root_key))

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for a page such as ``/readyz``; give its status and its content."""
        connection = self.connect()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        """Make a connection that trusts its CA."""
        if not self.is_encrypted:
            return http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=START_SECONDS
            )
        context = ssl.create_default_context(cafile=str(self.ca_file))
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=START_SECONDS, context=context
        )

    def restart(self) -> None:
        """Start it, as the first time or after it was stopped or killed."""
        flags = os.O_WRONLY | os.O_APPEND  # a dev server shows its credentials there
        with os.fdopen(open_kept(self.folder / "log", flags), "ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- our own command
                [self._python, "-m", "pairsmith.cli", "serve", *self._arguments],
                cwd=self.folder,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # so that all of it can be killed at one moment
            )
        self._wait_until_ready()

    def stop(self) -> int:
        """Let it finish what it accepted; give its exit code."""
        process = self._running()
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End its first process and its workers at once, as a power cut would."""
        process = self._running()
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def discard(self) -> None:
        """Stop it if it runs, and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)

    def _start_on_a_free_port(self) -> None:
        """Start it; a port that somebody else has taken meanwhile is left to them."""
        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                self.restart()
            except RuntimeError:
                if _is_free(self.port) or attempt == PORT_ATTEMPTS:
                    raise
                self.port = _free_port()
            else:
                return

    def _variables(self) -> dict[str, str]:
        """The whole environment of its processes."""
        variables = {
            name: value for name, value in os.environ.items() if name in KEPT_VARIABLES
        }
        if self._python == sys.executable:
            paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
            variables["PYTHONPATH"] = os.pathsep.join(
                str(Path(path).absolute()) for path in paths if path
            )
        variables |= {
            "PAIRSMITH_DATABASE": self.database,
            "PAIRSMITH_FILES_FOLDER": str(self.folder),
            "PAIRSMITH_LISTEN_HOST": "127.0.0.1",
            "PAIRSMITH_LISTEN_PORT": str(self.port),
            "TMPDIR": str(self.folder),  # so that one that is killed leaves nothing
        }
        for name, value in self._settings.items():
            text = json.dumps(value) if isinstance(value, bool) else str(value)
            variables[f"PAIRSMITH_{name.upper()}"] = text
        return variables | self._environment

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server was never started")
        return self._process

    def _wait_until_ready(self) -> None:
        process = self._running()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"the server did not start:\n{self.log}")
            try:
                if self.get("/readyz")[0] == http.client.OK:
                    return
            except OSError:  # nobody listens yet
                pass
            time.sleep(POLL_SECONDS)
        self.kill()
        raise RuntimeError(f"the server was not ready in time:\n{self.log}")


@pytest.fixture(scope="session")
def pairsmith_servers() -> Iterator[Callable[..., RunningServer]]:
    """Starts servers, each with settings of its own; stopped after the session."""
    with ExitStack() as stack:

        def start(
            folder: Path | str | None = None,
            *,
            arguments: Sequence[str] = (),
            environment: Mapping[str, str] | None = None,
            python: Path | str = sys.executable,
            **settings: object,
        ) -> RunningServer:
            server = RunningServer.start(
                folder,
                arguments=arguments,
                environment=environment,
                python=python,
                **settings,
            )
            stack.callback(server.discard)
            return server

        yield start


@pytest.fixture(scope="session")
def pairsmith_server(pairsmith_servers: Callable[..., RunningServer]) -> RunningServer:
    """One server over TLS for the whole session, with a client key."""
    return pairsmith_servers()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
