"""PostgreSQL that falls silent: every wait ends, says what is known, and heals."""

from collections.abc import Generator, Iterator
from time import monotonic
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from silent_proxy import SilentProxy

from pairsmith.errors import DatabaseError, OutcomeUnknown
from pairsmith.registry import Registry, cache, postgresql
from pairsmith.registry.postgresql import BoundedConnection, NoAnswer
from places import Place


def _asking(answers: int) -> Generator[int, int, str]:
    """As the driver's: waits until it has been told that often that data is there."""
    while answers:
        answers -= (yield 1) != 0
    return "answered"


def test_wait_ends_when_its_time_is_over() -> None:
    """Without an answer until then, the connection is closed and nobody waits."""
    closed = []
    connection = SimpleNamespace(
        pgconn=SimpleNamespace(finish=lambda: closed.append(True))
    )
    waiting = BoundedConnection._bounded(connection, _asking(1), monotonic() - 1)
    assert next(waiting) == 1
    with pytest.raises(NoAnswer):
        waiting.send(0)
    assert closed == [True]


def test_answer_is_taken_however_late() -> None:
    """What has arrived is looked at before the clock is."""
    waiting = BoundedConnection._bounded(SimpleNamespace(), _asking(2), monotonic() - 1)
    assert next(waiting) == 1
    assert waiting.send(1) == 1
    with pytest.raises(StopIteration) as end:
        waiting.send(1)
    assert end.value.value == "answered"


@pytest.fixture
def place(postgresql_place: Place) -> Place:
    """A place on a server."""
    return postgresql_place


@pytest.fixture
def proxy(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentProxy]:
    """A proxy in front of the place's server; the place's URL leads through it."""
    monkeypatch.setattr(cache, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(postgresql, "PING_SECONDS", 0.5)
    url = sa.make_url(place.url)
    proxy = SilentProxy(url.host or "127.0.0.1", url.port or 5432)
    through = url.set(host="127.0.0.1", port=proxy.port)
    place.url = through.render_as_string(hide_password=False)
    yield proxy
    place.opened.close()
    proxy.close()


def _in_use(place: Place) -> tuple[Registry, str]:
    registry = place.open()
    key = registry.create_key().key_id
    assert registry.resolve(key, primary=True)
    return registry, key


def test_half_open_connections_are_replaced(place: Place, proxy: SilentProxy) -> None:
    """Connections that fell silent are found out and replaced; the caller is served."""
    registry, key = _in_use(place)
    for _ in range(3):
        proxy.silence()
        assert registry.resolve(key, primary=True).key_id == key
        registry.check()


def test_server_that_is_silent(
    place: Place, proxy: SilentProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nobody answers nothing is served from the cache; afterwards all goes on."""
    monkeypatch.setitem(postgresql._KERNEL, "connect_timeout", 2)
    registry, key = _in_use(place)
    proxy.is_mute = True
    proxy.silence()
    for use in (lambda: registry.resolve(key, primary=True), registry.check):
        with pytest.raises(DatabaseError) as caught:
            use()
        assert caught.value.retryable
    proxy.is_mute = False
    assert registry.resolve(key, primary=True).key_id == key
    registry.check()


def test_silence_in_a_transaction(place: Place, proxy: SilentProxy) -> None:
    """A transaction that only looks ends; nothing is known to have been changed."""
    registry, _key = _in_use(place)
    database = registry.access.database

    def look() -> None:
        with database.reading(seconds=0.5) as connection:
            proxy.silence()
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(DatabaseError, match="does not answer") as caught:
        look()
    assert caught.value.retryable
    assert not isinstance(caught.value, OutcomeUnknown)


def test_silence_at_the_commit(
    place: Place, proxy: SilentProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose answer never came says that it may have happened."""
    registry, key = _in_use(place)
    database = registry.access.database
    dialect = database._engine.dialect
    commit = dialect.do_commit

    def fall_silent(connection: object) -> None:
        proxy.silence()
        commit(connection)

    def change() -> None:
        with database.locked(seconds=0.5) as connection:
            connection.execute(sa.text("UPDATE keys SET description = 'changed'"))
            monkeypatch.setattr(dialect, "do_commit", fall_silent)

    with pytest.raises(OutcomeUnknown, match="may have happened"):
        change()
    monkeypatch.setattr(dialect, "do_commit", commit)
    assert registry.describe_key(key).key_id == key


def test_statement_time_outs_are_told_apart(place: Place, proxy: SilentProxy) -> None:
    """A lock that somebody holds, and a statement that takes too long."""
    del proxy
    registry, _key = _in_use(place)
    database = registry.access.database

    def wait_for_a_lock() -> None:
        with database.writing(), database.reading() as second:
            second.exec_driver_sql("SET LOCAL lock_timeout = 10")
            second.exec_driver_sql("SELECT * FROM registry FOR UPDATE")

    def take_long() -> None:
        with database.reading() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 10")
            connection.exec_driver_sql("SELECT pg_sleep(60)")

    with pytest.raises(DatabaseError, match="locked by another client"):
        wait_for_a_lock()
    with pytest.raises(DatabaseError, match="statement_timeout"):
        take_long()
