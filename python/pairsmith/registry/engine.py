"""The connection to SQLite or PostgreSQL: transactions, durability, forks.

``reading`` gives a transaction for looking; ``writing`` gives one that is alone, for it
takes the write lock before anything else by updating the one row of ``registry``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pairsmith.errors import DatabaseError
from pairsmith.registry.failures import change_failure, explained
from pairsmith.registry.forks import Turnstile, watch_forks
from pairsmith.registry.schema import registry
from pairsmith.registry.sqlite_file import FILE_MARK, SqliteFile
from pairsmith.registry.urls import DatabaseUrl
from pairsmith.registry.urls import parse_database_url as _parsed_url

if TYPE_CHECKING:
    from pairsmith.registry.postgresql import PostgresqlServer

TRANSACTION_SECONDS = 20.0
"""How long a transaction on PostgreSQL may take, from its first statement."""

WRITE_TURN_SECONDS = 10.0
"""How long a thread waits for this process's other writers."""

_inherited: list[object] = []
"""Connections of a parent process: never used here, and never closed here either."""

_VERIFIED = "pairsmith_verified"


class Database:
    """An engine with the two kinds of transaction; safe for threads and forks.

    Attributes:
        verify: Called once for each connection, in its first transaction: it raises if
            what the connection leads to is not the registry that was opened.
    """

    def __init__(self, url: str) -> None:
        parsed = _parsed_url(url)
        self.name = parsed.name
        self.sqlite_path = parsed.real_path
        self.guard_path = _guard_path(parsed, parsed.real_path)
        self.verify: Callable[[sa.Connection], None] | None = None
        self.server: PostgresqlServer | None = None
        self._file: SqliteFile | None = None
        if parsed.server is None:
            self._file = SqliteFile(parsed)
            self._engine = self._file.create_engine()
        else:
            self.server = _server(parsed)
            self._engine = self.server.create_engine()
        self._closed = False
        self._turnstile = Turnstile()
        # This process's writers queue here instead of polling for SQLite's lock.
        self._write_lock = RLock()
        watch_forks(self)

    @contextmanager
    def reading(
        self, *, seconds: float = TRANSACTION_SECONDS
    ) -> Iterator[sa.Connection]:
        """Open a transaction that only reads, all of it from one moment.

        Args:
            seconds: How long it may take on PostgreSQL.
        """
        with self._connected(seconds) as connection:
            if self.server is not None:
                # As SQLite does by itself: a key and its aliases, read one after the
                # other, would otherwise not belong together.
                connection.execution_options(isolation_level="REPEATABLE READ")
            self._verify(connection)
            yield connection

    @contextmanager
    def writing(
        self, *, unseen: bool = False, seconds: float = TRANSACTION_SECONDS
    ) -> Iterator[sa.Connection]:
        """Open a transaction that is the only writer, anywhere, until it ends.

        Args:
            unseen: Other processes need not learn of it: what they cached stays true.
            seconds: How long it may take on PostgreSQL.
        """
        with self.locked(seconds=seconds) as connection:
            counter = registry.c.change_counter
            counting = sa.update(registry).values(
                change_counter=counter + (0 if unseen else 1)
            )
            if connection.execute(counting.where(_is_sound(connection))).rowcount != 1:
                raise damaged_registry()
            yield connection

    @contextmanager
    def locked(
        self, *, seconds: float = TRANSACTION_SECONDS
    ) -> Iterator[sa.Connection]:
        """Open a writing transaction before the ``registry`` table need exist.

        Raises:
            OutcomeUnknown: It failed in such a way that it may have happened.
        """
        with self._write_turn(), self._connected(seconds) as plain:
            connection = plain.execution_options(pairsmith_writes=True)
            is_committing = False
            try:
                with connection.begin():
                    self._verify(connection)
                    yield connection
                    if self._file is not None:
                        self._file.before_commit(connection)
                    is_committing = True
            except sa.exc.SQLAlchemyError as error:
                if is_committing:
                    plain.invalidate()
                raise change_failure(
                    self.name, error, is_committing=is_committing
                ) from error
            if self._file is not None:
                self._file.after_commit(connection)

    @contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """Open a connection for a lock that is held over many transactions.

        Forks do not wait for it: what is inside must be no more than taking the lock.
        """
        with explained(self.name):
            connection = self._engine.connect()
            if self.server is not None:
                connection.exec_driver_sql(
                    "SET LOCAL idle_in_transaction_session_timeout = 0"
                )
        try:
            yield connection
        finally:
            # Whatever fails here, the server has released the lock or is about to.
            with suppress(sa.exc.SQLAlchemyError):
                connection.close()

    def close(self) -> None:
        """Give back every connection, when those at work are done with theirs.

        Those inherited from a parent stay untouched.
        """
        self._closed = True
        self._turnstile.wait_until_idle()
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
        if self._file is not None:
            self._file.after_fork_in_child()
        keep_inherited(self._engine)

    @contextmanager
    def _connected(self, seconds: float) -> Iterator[sa.Connection]:
        with self._turnstile.at_work(), explained(self.name):
            if self._closed:
                raise DatabaseError(
                    "The registry was closed: open it again.", retryable=False
                )
            if self._file is not None:
                with self._file.connect(self._engine) as connection:
                    yield connection
            elif self.server is not None:
                with self.server.transaction(self._engine, seconds) as connection:
                    yield connection

    @contextmanager
    def _write_turn(self) -> Iterator[None]:
        if not self._write_lock.acquire(timeout=WRITE_TURN_SECONDS):
            raise DatabaseError(
                f"{self.name}: Other changes of this process have been under way for "
                f"{WRITE_TURN_SECONDS:g} s; nothing was changed. Try again."
            )
        try:
            yield
        finally:
            self._write_lock.release()

    def _verify(self, connection: sa.Connection) -> None:
        if self.verify is not None and _VERIFIED not in connection.info:
            self.verify(connection)
            connection.info[_VERIFIED] = True


def keep_inherited(engine: sa.Engine) -> None:
    """Give an engine new connections in a forked child, and let the parent's be."""
    _inherited.append(engine.pool)
    engine.dispose(close=False)


def change_counter(connection: sa.Connection) -> int:
    """Count the write transactions so far.

    Raises:
        DatabaseError: The one row of ``registry`` is damaged.
    """
    return _sound_counter(list(connection.execute(_COUNTERS).scalars()))


def change_mark(connection: sa.Connection) -> tuple[object, ...]:
    """Give what differs if anything may have changed since it was last the same.

    The counter alone does not: a database restored from a backup may have counted as
    far again. So on SQLite the file's identity and change time belong to it, and on
    PostgreSQL the last transaction that counted, and when the server started.
    """
    if connection.dialect.name == "sqlite":
        return change_counter(connection), connection.info[FILE_MARK]
    rows = connection.execute(_MARKS).all()
    _sound_counter([each[0] for each in rows])
    return tuple(rows[0])


def next_sequence(connection: sa.Connection, *columns: sa.Column[int]) -> int:
    """Give the place in the order of things for a row that is being written.

    It is the change counter, unless a row has that place already, for it was damaged
    or the counter was set back: then the counter goes on to the next that is free.
    """
    counter = free = change_counter(connection)
    taken = sa.union(
        *(sa.select(column).where(column >= counter) for column in columns)
    )
    for (place,) in connection.execute(taken.order_by(taken.selected_columns[0])):
        if place != free:
            break
        free += 1
    if free != counter:
        set_change_counter(connection, free)
    return free


def set_change_counter(connection: sa.Connection, counter: int) -> None:
    """Let this transaction count further than by one."""
    connection.execute(sa.update(registry).values(change_counter=counter))


def damaged_registry() -> DatabaseError:
    """Say that the row that everything hangs on is not as Pairsmith writes it."""
    return DatabaseError(
        "The one row of the table registry is missing or damaged, so nothing "
        "can be used: restore a backup.",
        retryable=False,
    )


def _sound_counter(counters: list[object]) -> int:
    match counters:
        case [int() as counter] if 0 <= counter < _COUNTER_END:
            return counter
    raise damaged_registry()


def _is_sound(connection: sa.Connection) -> sa.ColumnElement[bool]:
    counter = registry.c.change_counter
    is_sound = (counter >= 0) & (counter < _COUNTER_END)
    if connection.dialect.name == "sqlite":
        is_sound &= sa.func.typeof(counter) == "integer"
    return is_sound


_COUNTER_END = 1 << 62

# Built once: they are asked at every look.
_COUNTERS = sa.select(registry.c.change_counter).limit(2)
_MARKS = sa.select(
    registry.c.change_counter,
    sa.literal_column("CAST(registry.xmin AS text)"),
    sa.func.pg_postmaster_start_time(),
).limit(2)


def _guard_path(url: DatabaseUrl, sqlite_path: Path | None) -> Path | None:
    """Name the guard's lock file, beside an SQLite database.

    On PostgreSQL the guard is in the database, which is one however it is spelled.
    """
    if url.server is not None or sqlite_path is None:
        return None
    return sqlite_path.with_name(f"{sqlite_path.name}.guard")


def _server(url: DatabaseUrl) -> "PostgresqlServer":
    try:
        from pairsmith.registry.postgresql import PostgresqlServer
    except ImportError as error:
        raise DatabaseError(
            "PostgreSQL needs its driver: pip install 'pairsmith[postgresql]'.",
            retryable=False,
        ) from error
    return PostgresqlServer(url)
