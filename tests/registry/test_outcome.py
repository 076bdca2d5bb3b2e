"""What a change that failed says: nothing was changed, or that it may have happened."""

import sqlite3

import pytest
import sqlalchemy as sa

from pairsmith.errors import DatabaseError, OutcomeUnknown
from pairsmith.registry import Registry, engine
from pairsmith.registry.failures import change_failure
from places import Place


def _sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("an error")
    error.sqlite_errorname = name
    return error


def _at_commit(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, error: Exception, *, done: bool
) -> None:
    """Let commits fail, after or before they were done."""
    dialect = registry.access.database._engine.dialect
    commit = dialect.do_commit

    def fail(connection: object) -> None:
        if done:
            commit(connection)
        raise error

    monkeypatch.setattr(dialect, "do_commit", fail)


def test_commit_that_failed_and_was_done(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last flush that fails says that the change may have happened; here it has."""
    registry = sqlite_place.open()
    key = registry.create_key().key_id
    error = _sqlite_error("SQLITE_IOERR_DIR_FSYNC")
    _at_commit(registry, monkeypatch, error, done=True)
    with pytest.raises(OutcomeUnknown, match="may have happened") as caught:
        registry.disable_key(key)
    assert "othing was changed" not in str(caught.value)
    assert not caught.value.retryable
    assert caught.value.code == "ServiceUnavailableTemporary"
    monkeypatch.undo()
    assert registry.describe_key(key).key_state == "Disabled"


def test_commit_that_was_refused(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that waited for a lock in vain has changed nothing, and says so."""
    registry = sqlite_place.open()
    key = registry.create_key().key_id
    _at_commit(registry, monkeypatch, _sqlite_error("SQLITE_BUSY"), done=False)
    with pytest.raises(DatabaseError, match="Nothing was changed") as caught:
        registry.disable_key(key)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert caught.value.retryable
    monkeypatch.undo()
    assert registry.describe_key(key).key_state == "Enabled"


class ServerError(Exception):
    """What a PostgreSQL driver raises."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("the server's words")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "is_unknown"),
    [
        (None, True),
        ("08006", True),
        ("40003", True),
        ("57P01", True),
        ("40001", False),
        ("23503", False),
        ("53100", False),
        ("25006", False),
    ],
)
def test_commit_on_a_server(
    sqlstate: str | None,
    is_unknown: bool,  # noqa: FBT001 -- a column
) -> None:
    """Only an answer of the server tells that a commit has not happened."""
    failure = sa.exc.OperationalError("COMMIT", {}, ServerError(sqlstate))
    error = change_failure("here", failure, is_committing=True)
    assert isinstance(error, OutcomeUnknown) is is_unknown
    assert ("Nothing was changed" in str(error)) is not is_unknown
    before = change_failure("here", failure, is_committing=False)
    assert str(before).endswith("Nothing was changed.")


def test_writers_of_one_process_wait_for_so_long(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that cannot write because others do is told so."""
    registry = place.open()
    key = registry.create_key().key_id

    class Held:
        def acquire(self, timeout: float) -> bool:
            assert timeout == engine.WRITE_TURN_SECONDS
            return False

    monkeypatch.setattr(registry.access.database, "_write_lock", Held())
    with pytest.raises(DatabaseError, match="Other changes") as caught:
        registry.disable_key(key)
    assert caught.value.retryable
