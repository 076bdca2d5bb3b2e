"""PostgreSQL's connections: every wait for the server has an end.

A connection whose other side has vanished is silent for ever: neither the kernel nor
libpq ends a wait for an answer, and a proxy in between keeps even TCP's own checks
happy. So each connection here watches the clock while it waits. One that gets no
answer is closed, and with it every other one of the pool that is as old.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg
import sqlalchemy as sa

from pairsmith.registry.urls import DatabaseUrl

CONNECT_SECONDS = 3
"""To connect and log in, for each address that the host has."""

PING_SECONDS = 3.0
"""For whatever is asked outside a transaction, such as whether anybody is there."""

POOL_SECONDS = 5
"""For a connection of the pool to come free."""

LOCK_SECONDS = 10
"""For a lock that another client holds."""

STATEMENT_SECONDS = 15
"""For one statement, by the server's clock."""

IDLE_SECONDS = 60
"""After which the server ends a transaction that asks for nothing."""

POOL_SIZE = 5
POOL_OVERFLOW = 10

_SETTINGS = {
    "lock_timeout": f"{LOCK_SECONDS}s",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
}
_KERNEL = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class NoAnswer(psycopg.OperationalError):
    """The server was silent for too long, so the connection was closed."""


class BoundedConnection(psycopg.Connection[Any]):
    """Waits until ``deadline`` in a transaction, and ``PING_SECONDS`` outside."""

    deadline: float | None = None

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- as the driver has it
        """Wait for an answer, as the driver does, but not for ever."""
        until = self.deadline
        if until is None:
            until = monotonic() + PING_SECONDS
        return super().wait(self._bounded(gen, until), *args, **kwargs)

    def _bounded(
        self, gen: Generator[Any, Any, Any], until: float
    ) -> Generator[Any, Any, Any]:
        """Pass on what the driver's generator says; it is resumed ten times a second.

        Whatever has arrived is looked at before the clock is.
        """
        try:
            state = next(gen)
            while True:
                ready = yield state
                state = gen.send(ready)
                if not ready and monotonic() > until:
                    self.pgconn.finish()
                    raise NoAnswer("the server does not answer")
        except StopIteration as end:
            return end.value


class PostgresqlServer:
    """The server of one database."""

    def __init__(self, url: DatabaseUrl) -> None:
        if url.server is None:
            raise ValueError("no PostgreSQL URL")
        self._url = url.server
        self.name = url.name

    def create_engine(self, **options: Any) -> sa.Engine:  # noqa: ANN401 -- SQLAlchemy's
        """Make an engine with a pool of its own."""
        sizes = {"pool_size": POOL_SIZE, "max_overflow": POOL_OVERFLOW}
        engine = sa.create_engine(
            self._url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=POOL_SECONDS,
            **(sizes | options),
        )
        sa.event.listen(engine, "do_connect", _connect)
        sa.event.listen(engine, "connect", _prepare)
        return engine

    @contextmanager
    def transaction(self, engine: sa.Engine, seconds: float) -> Iterator[sa.Connection]:
        """Give a connection for a transaction of at most so many seconds."""
        with engine.connect() as connection:
            bounded = connection.connection.driver_connection
            if not isinstance(bounded, BoundedConnection):
                raise TypeError("not a connection of this module")
            bounded.deadline = monotonic() + seconds
            try:
                yield connection
            finally:
                bounded.deadline = None


def _connect(
    _dialect: object,
    _record: object,
    arguments: Sequence[str],
    options: dict[str, Any],
) -> BoundedConnection:
    return BoundedConnection.connect(*arguments, **(_KERNEL | options))


def _prepare(connection: BoundedConnection, _record: object) -> None:
    # Not as startup parameters, which poolers refuse.
    calls = ", ".join(
        f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}")
    connection.commit()
