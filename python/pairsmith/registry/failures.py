"""What a database error means to the caller, and what to do about it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from pairsmith.errors import DatabaseError

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
        "SQLITE_READONLY",
        (
            "The database cannot be written: let this user write the database file and "
            "the directory it is in (SQLite puts its journal beside it)."
        ),
        SOMEBODY_MUST_ACT,
    ),
    (
        "SQLITE_FULL",
        "The disk is full: make room; nothing was changed.",
        WAITING_HELPS,
    ),
    (
        "SQLITE_IOERR",
        (
            "The disk does not read or write: look for a full disk, a quota or a "
            "failing device; nothing was changed."
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
    ("3D000", "The database named in the URL does not exist.", SOMEBODY_MUST_ACT),
    ("40", "The transaction met another one; try again.", WAITING_HELPS),
    (
        "42501",
        "The database user lacks a right: it must own its tables.",
        SOMEBODY_MUST_ACT,
    ),
    (
        "53100",
        "The database server's disk is full: make room; nothing was changed.",
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
    ("57", "The database server is going down or starting; try again.", WAITING_HELPS),
)
"""Beginnings of SQLSTATE codes; first fit wins."""

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


def _explanation(error: exc.SQLAlchemyError) -> tuple[str, bool]:
    origin = error.orig if isinstance(error, exc.DBAPIError) else None
    if isinstance(origin, sqlite3.Error):
        name = getattr(origin, "sqlite_errorname", "")
        return _first_fit(SQLITE_FAILURES, name) or _unexpected(origin, name)
    if origin is not None:
        state = getattr(origin, "sqlstate", None)
        if state is None:  # no server has spoken
            return UNREACHABLE, WAITING_HELPS
        return _first_fit(POSTGRESQL_FAILURES, state) or _unexpected(origin, state)
    if isinstance(error, exc.TimeoutError):
        return "All connections to the database are in use; try again.", WAITING_HELPS
    return _unexpected(error, "")


def _first_fit(
    failures: tuple[tuple[str, str, bool], ...], code: str
) -> tuple[str, bool] | None:
    for beginning, message, retryable in failures:
        if code.startswith(beginning):
            return f"{message} ({code})", retryable
    return None


def _unexpected(error: Exception, code: str) -> tuple[str, bool]:
    detail = " ".join(str(error).split())
    return f"The database refused: {detail} ({code})", SOMEBODY_MUST_ACT
