"""What a database error means to the caller, and what to do about it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from pairsmith.errors import DatabaseError, OutcomeUnknown

WAITING_HELPS = True
SOMEBODY_MUST_ACT = False

SQLITE_FAILURES: tuple[tuple[str, str, bool], ...] = (
    (
        "SQLITE_BUSY",
        (
            "The database is locked by another process; try again, and look for one "
            "that holds it for long (a backup, an open shell)."
        ),
        WAITING_HELPS,
    ),
    (
        "SQLITE_LOCKED",
        "The database is locked by another connection; try again.",
        WAITING_HELPS,
    ),
    (
        "SQLITE_READONLY_DBMOVED",
        "The database file was replaced or deleted; try again.",
        WAITING_HELPS,
    ),
    (
        "SQLITE_READONLY",
        (
            "The database cannot be written: let this user write the database file and "
            "the directory it is in (SQLite puts its journal beside it)."
        ),
        SOMEBODY_MUST_ACT,
    ),
    (
        "SQLITE_FULL",
        "The disk is full: make room.",
        WAITING_HELPS,
    ),
    (
        "SQLITE_IOERR",
        (
            "The disk does not read or write: look for a full disk, a quota or a "
            "failing device."
        ),
        WAITING_HELPS,
    ),
    (
        "SQLITE_NOTADB",
        "The file is not an SQLite database: check the path, or restore a backup.",
        SOMEBODY_MUST_ACT,
    ),
    (
        "SQLITE_CORRUPT",
        "The database is damaged: restore a backup.",
        SOMEBODY_MUST_ACT,
    ),
    (
        "SQLITE_CANTOPEN",
        (
            "The database cannot be opened: its directory must exist and this user "
            "must be allowed to read and write there."
        ),
        SOMEBODY_MUST_ACT,
    ),
    (
        "SQLITE_PERM",
        "The operating system does not permit it: look at the file's permissions.",
        SOMEBODY_MUST_ACT,
    ),
    ("SQLITE_NOMEM", "There is not enough memory; try again.", WAITING_HELPS),
    (
        "SQLITE_PROTOCOL",
        "The database is locked by too many others at once; try again.",
        WAITING_HELPS,
    ),
    (
        "SQLITE_CONSTRAINT",
        "The rows of the database do not allow it.",
        SOMEBODY_MUST_ACT,
    ),
)
"""SQLite's extended result codes begin with these names; first fit wins."""

POSTGRESQL_FAILURES: tuple[tuple[str, str, bool], ...] = (
    ("08", "The connection to the database broke; try again.", WAITING_HELPS),
    (
        "25006",
        "The database server takes no writes (a standby?): connect to the primary.",
        SOMEBODY_MUST_ACT,
    ),
    (
        "28",
        "The database server refused the user or the password in the URL.",
        SOMEBODY_MUST_ACT,
    ),
    (
        "23",
        "The rows of the database do not allow it.",
        SOMEBODY_MUST_ACT,
    ),
    (
        "25P03",
        "The database server ended a transaction that had become idle; try again.",
        WAITING_HELPS,
    ),
    ("3D000", "The database named in the URL does not exist.", SOMEBODY_MUST_ACT),
    ("3F000", "The schema named in the URL does not exist.", SOMEBODY_MUST_ACT),
    ("40", "The transaction met another one; try again.", WAITING_HELPS),
    (
        "42501",
        "The database user lacks a right: it must own its tables.",
        SOMEBODY_MUST_ACT,
    ),
    (
        "53100",
        "The database server's disk is full: make room.",
        WAITING_HELPS,
    ),
    (
        "53300",
        (
            "The database server has no connection left; try again, or raise "
            "max_connections."
        ),
        WAITING_HELPS,
    ),
    ("53", "The database server has run out of a resource; try again.", WAITING_HELPS),
    (
        "55P03",
        (
            "The database is locked by another client; try again, and look for a long "
            "transaction in pg_stat_activity."
        ),
        WAITING_HELPS,
    ),
    (
        "57014",
        (
            "The database server did not finish a statement in time (statement_timeout)"
            ", or somebody cancelled it; try again."
        ),
        WAITING_HELPS,
    ),
    ("57", "The database server is going down or starting; try again.", WAITING_HELPS),
    (
        "58",
        "The database server's disk does not read or write: look at its log.",
        WAITING_HELPS,
    ),
    ("XX00", "The database is damaged: restore a backup.", SOMEBODY_MUST_ACT),
)
"""Beginnings of SQLSTATE codes; first fit wins."""

OTHER_TABLES = (
    "The database does not have the tables of this Pairsmith: it was replaced by "
    "another, an older or an empty one. Restore a backup, or start again."
)
OTHER_TABLES_STATES = ("42P01", "42703")
OTHER_TABLES_WORDS = ("no such table", "no such column", "has no column named")

NO_ANSWER = (
    "The database server does not answer; the connection was given up. Try again."
)
CONNECTION_LOST = (
    "The connection to the database broke, or there was none; try again, and check "
    "that the server runs."
)
MAY_HAVE_HAPPENED = (
    "The change may have happened, for the database failed while it was making it "
    "permanent: look before you repeat it."
)

UNREACHABLE = (
    "The database server cannot be reached: check that it runs, and the host and port "
    "in the URL."
)


@contextmanager
def explained(database: str) -> Iterator[None]:
    """Turn whatever SQLAlchemy raises inside into a ``DatabaseError`` that says more.

    Args:
        database: Its name for people, without a password.
    """
    try:
        yield
    except exc.SQLAlchemyError as error:
        message, retryable = _explanation(error)
        raise DatabaseError(f"{database}: {message}", retryable=retryable) from error


def change_failure(
    database: str, error: exc.SQLAlchemyError, *, is_committing: bool
) -> DatabaseError:
    """Say what failed in a transaction that writes, and what has become of the change.

    Args:
        database: Its name for people.
        error: What SQLAlchemy raised.
        is_committing: Whether all that was left to do was to make it permanent.
    """
    message, retryable = _explanation(error)
    if is_committing and _may_have_happened(error):
        return OutcomeUnknown(f"{database}: {MAY_HAVE_HAPPENED} {message}")
    return DatabaseError(
        f"{database}: {message} Nothing was changed.", retryable=retryable
    )


def _may_have_happened(error: exc.SQLAlchemyError) -> bool:
    """Whether a commit that failed may have happened all the same.

    SQLite has written the change before it flushes and invalidates its journal, and a
    server may have committed before its answer was lost.
    """
    origin = error.orig if isinstance(error, exc.DBAPIError) else None
    if isinstance(origin, sqlite3.Error):
        name = getattr(origin, "sqlite_errorname", "")
        return name.startswith(("SQLITE_IOERR", "SQLITE_FULL", "SQLITE_NOMEM"))
    state = getattr(origin, "sqlstate", None)
    return state is None or state.startswith(("08", "40003", "57", "58"))


def _explanation(error: exc.SQLAlchemyError) -> tuple[str, bool]:
    origin = error.orig if isinstance(error, exc.DBAPIError) else None
    if isinstance(origin, sqlite3.Error):
        return _of_sqlite(origin)
    if origin is not None:
        return _of_postgresql(error, origin)
    if isinstance(error, exc.TimeoutError):
        return "All connections to the database are in use; try again.", WAITING_HELPS
    return _unexpected(error, "")


def _of_sqlite(origin: sqlite3.Error) -> tuple[str, bool]:
    name = getattr(origin, "sqlite_errorname", "")
    if any(words in str(origin) for words in OTHER_TABLES_WORDS):
        return OTHER_TABLES, SOMEBODY_MUST_ACT
    return _first_fit(SQLITE_FAILURES, name) or _unexpected(origin, name)


def _of_postgresql(
    error: exc.SQLAlchemyError, origin: BaseException
) -> tuple[str, bool]:
    state = getattr(origin, "sqlstate", None)
    if state is None:
        return _without_a_state(error, origin), WAITING_HELPS
    if state in OTHER_TABLES_STATES:
        return OTHER_TABLES, SOMEBODY_MUST_ACT
    return _first_fit(POSTGRESQL_FAILURES, state) or _unexpected(origin, state)


def _without_a_state(error: exc.SQLAlchemyError, origin: BaseException) -> str:
    """No server has spoken: there is none, it is silent, or it was cut off."""
    if type(origin).__name__ == "NoAnswer":  # its module needs the driver
        return NO_ANSWER
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return CONNECTION_LOST
    return UNREACHABLE


def _first_fit(
    failures: tuple[tuple[str, str, bool], ...], code: str
) -> tuple[str, bool] | None:
    for beginning, message, retryable in failures:
        if code.startswith(beginning):
            return f"{message} ({code})", retryable
    return None


def _unexpected(error: BaseException, code: str) -> tuple[str, bool]:
    detail = " ".join(str(error).split())
    return f"The database refused: {detail} ({code})", SOMEBODY_MUST_ACT
