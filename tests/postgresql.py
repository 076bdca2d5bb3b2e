"""PostgreSQL for the tests: one server for all processes of a run, in its own folder.

The first process that needs it starts it, with a supervisor. Each one that uses it
holds a lock, which the kernel releases however the process ends; when the supervisor
gets that lock for itself, nobody is left: it stops the server and removes its files.
"""

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

NAMED = "PAIRSMITH_TEST_DATABASE"
"""Environment variable: URL of a server to use instead; its user makes databases."""

MISSING = f"needs a database: no PostgreSQL is installed, and {NAMED} names none"

FAST = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
"""A server that forgets everything at the end need not survive a power cut."""


@dataclass(frozen=True)
class Postgresql:
    """A running server, and how its databases are made."""

    url: sa.URL
    admin: psycopg.Connection[Any]

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Give the URL of a new database, dropped afterwards whoever still uses it."""
        name = f"test_{secrets.token_hex(6)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url.set(database=name).render_as_string(hide_password=False)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        self.admin.execute(statement.encode())


@contextmanager
def running(run_folder: Path) -> Iterator[Postgresql | None]:
    """Give the server of this test run, or None where there is no PostgreSQL.

    Args:
        run_folder: Belongs to the run; all of its processes name the same.
    """
    if named := os.environ.get(NAMED):
        with _connected(sa.make_url(named)) as server:
            yield server
    elif _programs() is None:
        yield None
    else:
        with _started(run_folder) as url, _connected(sa.make_url(url)) as server:
            yield server


@contextmanager
def _connected(url: sa.URL) -> Iterator[Postgresql]:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as admin:
        yield Postgresql(url.set(drivername="postgresql+psycopg"), admin)


def _programs() -> Path | None:
    """Find the folder of PostgreSQL's programs; Debian has it outside of the PATH."""
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def _started(run_folder: Path) -> Iterator[str]:
    """Use the run's server, starting it if need be; the last user ends it."""
    address, supervisor = run_folder / "postgresql-url", None
    with (run_folder / "postgresql-users").open("w") as users:
        with (run_folder / "postgresql-start").open("w") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            # Waits while a supervisor ends a server that had no users left.
            fcntl.flock(users, fcntl.LOCK_SH)
            if not address.exists():
                supervisor = _supervised(run_folder)
        yield address.read_text()
    if supervisor is not None:
        supervisor.communicate()


def _supervised(run_folder: Path) -> subprocess.Popen[str]:
    supervisor = subprocess.Popen(
        [sys.executable, __file__, run_folder],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches it through the lock, not as a signal
    )
    assert supervisor.stdout is not None
    if not supervisor.stdout.readline():
        raise RuntimeError("PostgreSQL did not start; its log is above")
    return supervisor


def _supervise(run_folder: Path) -> None:
    address = run_folder / "postgresql-url"
    with (run_folder / "postgresql-users").open("w") as users, _served() as url:
        address.write_text(url)
        print("ready", flush=True)  # noqa: T201 -- whom it started waits for this line
        fcntl.flock(users, fcntl.LOCK_EX)
        address.unlink()


@contextmanager
def _served() -> Iterator[str]:
    """Serve an empty PostgreSQL until the context ends."""
    folder = Path(tempfile.mkdtemp(prefix="pairsmith-postgresql-"))
    port = _free_port()
    try:
        if os.geteuid() == 0:  # whom initdb refuses
            shutil.chown(folder, "postgres", "postgres")
        _do(
            "initdb", folder, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"
        )
        options = f"{FAST} -p {port} -c max_connections=200 -k {folder}"
        _do("pg_ctl", folder, "start", "-w", "-o", options, "-l", f"{folder}/log")
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    finally:
        with suppress(subprocess.CalledProcessError):  # it never started
            _do("pg_ctl", folder, "stop", "-w", "-m", "immediate")
        shutil.rmtree(folder)


def _do(program: str, folder: Path, *arguments: str) -> None:
    programs = _programs()
    assert programs is not None
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        identity = {"user": "postgres", "group": "postgres", "extra_groups": []}
    subprocess.run(
        [programs / program, "-D", folder / "data", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
        check=True,
        **identity,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    _supervise(Path(sys.argv[1]))
