"""The connection to SQLite or PostgreSQL: transactions, durability, files, forks.

``reading`` gives a transaction for looking; ``writing`` gives one that is alone, for it
takes the write lock before anything else by updating the one row of ``registry``.
"""

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from pairsmith.errors import DatabaseError, InvalidParameter
from pairsmith.registry.failures import explained
from pairsmith.registry.forks import Turnstile, watch_forks
from pairsmith.registry.schema import registry

LOCK_TIMEOUT_SECONDS = 10
"""How long a transaction waits for another process before it gives up."""

SAFE_WAL_VERSIONS = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""SQLite below these, in their lines, can corrupt a database in WAL mode."""

_inherited: list[object] = []
"""Connections of a parent process: never used here, and never closed here either."""


class Database:
    """An engine with the two kinds of transaction; safe for threads and forks."""

    def __init__(self, url: str) -> None:
        parsed = _parsed_url(url)
        self.sqlite_path = _sqlite_path(parsed)
        self.name = str(self.sqlite_path or parsed.render_as_string(hide_password=True))
        if self.sqlite_path is not None:
            _create_private_file(self.sqlite_path)
        self.guard_path = _guard_path(parsed, self.sqlite_path)
        self._engine = _create_engine(parsed)
        self._turnstile = Turnstile()
        # This process's writers queue here instead of polling for SQLite's lock.
        self._write_lock = RLock()
        watch_forks(self)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads."""
        with (
            self._turnstile.at_work(),
            explained(self.name),
            self._engine.connect() as connection,
        ):
            yield connection

    @contextmanager
    def writing(self, *, unseen: bool = False) -> Iterator[sa.Connection]:
        """Open a transaction that is the only writer, anywhere, until it ends.

        Args:
            unseen: Other processes need not learn of it: what they cached stays true.
        """
        with self.locked() as connection:
            counter = registry.c.change_counter
            connection.execute(
                sa.update(registry).values(
                    change_counter=counter + (0 if unseen else 1)
                )
            )
            yield connection

    @contextmanager
    def locked(self) -> Iterator[sa.Connection]:
        """Open a writing transaction before the ``registry`` table need exist."""
        with (
            self._turnstile.at_work(),
            self._write_lock,
            explained(self.name),
            self._engine.connect() as plain,
        ):
            connection = plain.execution_options(pairsmith_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """Open a connection for a lock that is held over many transactions.

        Forks do not wait for it: what is inside must be no more than taking the lock.
        """
        with explained(self.name):
            connection = self._engine.connect()
        try:
            yield connection
        finally:
            # Whatever fails here, the server has released the lock or is about to.
            with suppress(sa.exc.SQLAlchemyError):
                connection.close()

    def close(self) -> None:
        """Give back every connection; those inherited from a parent stay untouched."""
        with self._turnstile.at_work():
            self._engine.dispose()

    def before_fork(self) -> None:
        """Wait until no other thread of this process is in a transaction."""
        self._turnstile.close()

    def after_fork_in_parent(self) -> None:
        """Let the others go on."""
        self._turnstile.reopen()

    def after_fork_in_child(self) -> None:
        """Start with connections of its own.

        The parent's are kept alive: closing an SQLite handle here could roll back what
        the parent is doing, and closing a socket would end the parent's session.
        """
        self._turnstile = Turnstile()
        self._write_lock = RLock()
        _inherited.append(self._engine.pool)
        self._engine.dispose(close=False)


def change_counter(connection: sa.Connection) -> int:
    """Count the write transactions so far; it differs if anything may have changed."""
    counter = connection.execute(sa.select(registry.c.change_counter)).scalar_one()
    return int(counter)


def journal_settings(version: tuple[int, int, int]) -> tuple[str, str]:
    """Choose journal mode and synchronous level that lose nothing on this SQLite."""
    newest = SAFE_WAL_VERSIONS[-1]
    same_line = [safe for safe in SAFE_WAL_VERSIONS if safe[:2] == version[:2]]
    if version >= newest or (same_line and version >= same_line[0]):
        return "WAL", "FULL"
    return "TRUNCATE", "EXTRA"


def _parsed_url(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (sa.exc.ArgumentError, TypeError, ValueError, AttributeError):
        # The text itself is not repeated: it may hold a password.
        backend = ""
    if backend == "sqlite":
        in_file = parsed.database and parsed.database != ":memory:"
        if not parsed.database or not in_file or "uri" in parsed.query:
            raise InvalidParameter("url", "keys need a file: give sqlite:///PATH.")
        # Absolute, so that a later chdir() does not move the database.
        path = Path(parsed.database).absolute()
        return parsed.set(drivername="sqlite+pysqlite", database=str(path))
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise InvalidParameter(
        "url", "give sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."
    )


def _sqlite_path(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    return Path(url.database)


def _guard_path(url: URL, sqlite_path: Path | None) -> Path:
    """Name the lock file: beside an SQLite database, else where this user's run."""
    if sqlite_path is not None:
        return sqlite_path.with_name(f"{sqlite_path.name}.guard")
    place = f"{url.host}:{url.port}/{url.database}"
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(runtime) / f"pairsmith-{os.getuid()}-{digest}.guard"


def _create_private_file(path: Path) -> None:
    """Create the database for its owner only; SQLite's journals take over its mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise DatabaseError(
            f"{path}: The database cannot be created ({error.strerror}): its directory "
            "must exist and this user must be allowed to write there.",
            retryable=False,
        ) from error


def _create_engine(url: URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        arguments = {"timeout": LOCK_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = sa.create_engine(url, connect_args=arguments, hide_parameters=True)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        engine = sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise DatabaseError(
            "PostgreSQL needs its driver: pip install 'pairsmith[postgresql]'.",
            retryable=False,
        ) from error
    sa.event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin on its own
    journal, synchronous = journal_settings(sqlite3.sqlite_version_info)
    actual = connection.execute(f"PRAGMA journal_mode = {journal}").fetchone()[0]
    if actual.upper() != journal:
        raise sqlite3.OperationalError(f"journal mode stays {actual}")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA trusted_schema = OFF")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("pairsmith_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401 -- psycopg is optional
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
    connection.commit()
