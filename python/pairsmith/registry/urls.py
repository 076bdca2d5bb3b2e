"""Database URLs, parsed once: one reading under every SQLAlchemy that is permitted.

SQLite's are read here and nowhere else, because SQLAlchemy 2.1 percent-decodes a path
and 2.0 does not: what follows ``sqlite:///`` is the path, character by character.
"""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from pairsmith.errors import DatabaseError, InvalidParameter

SQLITE_PREFIXES = ("sqlite:///", "sqlite+pysqlite:///")
POSTGRESQL_DRIVERS = ("postgresql", "postgresql+psycopg")

_NUMBER = None
_TEXT = ()
_SWITCH = ("0", "1")
OPTIONS: dict[str, tuple[str, ...] | None] = {
    "application_name": _TEXT,
    "channel_binding": ("disable", "prefer", "require"),
    "connect_timeout": _NUMBER,
    "gssencmode": ("disable", "prefer", "require"),
    "host": _TEXT,
    "hostaddr": _TEXT,
    "keepalives": _SWITCH,
    "keepalives_count": _NUMBER,
    "keepalives_idle": _NUMBER,
    "keepalives_interval": _NUMBER,
    "krbsrvname": _TEXT,
    "options": _TEXT,
    "passfile": _TEXT,
    "port": _TEXT,
    "require_auth": _TEXT,
    "service": _TEXT,
    "sslcert": _TEXT,
    "sslcrl": _TEXT,
    "sslkey": _TEXT,
    "sslmode": (
        "disable",
        "allow",
        "prefer",
        "require",
        "verify-ca",
        "verify-full",
    ),
    "sslnegotiation": ("postgres", "direct"),
    "sslrootcert": _TEXT,
    "target_session_attrs": (
        "any",
        "read-write",
        "primary",
        "prefer-standby",
        "read-only",
        "standby",
    ),
    "tcp_user_timeout": _NUMBER,
}
"""What may follow ``?`` in a PostgreSQL URL, and its values; none in SQLite's."""

_SQLALCHEMY_DECODES = make_url("postgresql://host/%41").database == "A"
"""Whether this SQLAlchemy percent-decodes the database's name: from 2.1 on."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where a database is.

    Attributes:
        name: For people; without a password.
        given_path: SQLite's file as the URL has it, absolute.
        real_path: The file that this leads to; its journal and guard are beside it.
        server: PostgreSQL's URL for SQLAlchemy.
    """

    name: str
    given_path: Path | None = None
    real_path: Path | None = None
    server: URL | None = None


def parse_database_url(url: object) -> DatabaseUrl:
    """Parse what names a database; nothing is made, nothing is connected to.

    Raises:
        InvalidParameter: It cannot be understood, or has an option that is not known.
            The URL is not repeated, for it may hold a password.
        DatabaseError: The file has another name, so it must not be used by this one.
    """
    if isinstance(url, str) and url.startswith(SQLITE_PREFIXES):
        given = _parsed_path(url.partition(":///")[2])
        real = _real_path(given)
        return DatabaseUrl(str(real), given, real)
    server = _parsed_server(url)
    return DatabaseUrl(server.render_as_string(hide_password=True), server=server)


def _parsed_path(text: str) -> Path:
    path, question_mark, _ = text.partition("?")
    if question_mark:
        raise InvalidParameter(
            "url",
            "an SQLite URL takes no options, and its path no question mark: "
            "give sqlite:///PATH.",
        )
    if path in {"", ":memory:"}:
        raise InvalidParameter("url", "keys need a file: give sqlite:///PATH.")
    if "\0" in path or path.startswith("~"):
        raise InvalidParameter(
            "url", "~ is not expanded, and NUL is in no path: give sqlite:///PATH."
        )
    if path.endswith(("/", "/.", "/..")) or path in {".", ".."}:
        raise InvalidParameter("url", "a folder is named: name a file in it.")
    # Absolute, so that a later chdir() does not move the database.
    return Path(path).absolute()


def _real_path(given: Path) -> Path:
    """Follow symbolic links; SQLite puts its journal beside what they lead to."""
    try:
        real = given.resolve()
        status = real.stat()
    except FileNotFoundError:
        return real
    except (UnicodeError, RuntimeError) as error:
        raise InvalidParameter("url", "no file can have that path.") from error
    except OSError as error:
        if error.errno in {errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR}:
            raise InvalidParameter(
                "url", f"no file can have that path ({error.strerror})."
            ) from error
        return given  # whoever opens it says what is wrong
    if stat.S_ISDIR(status.st_mode):
        raise InvalidParameter("url", "a folder is named: name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise InvalidParameter("url", "keys need a regular file.")
    _require_one_name(real, status)
    return real


def _require_one_name(path: Path, status: os.stat_result) -> None:
    if status.st_nlink > 1:
        raise DatabaseError(
            f"{path}: The database file has {status.st_nlink} names (hard links). "
            "Under each SQLite would keep another journal, and they would damage the "
            "file: remove the other names, or copy the file to a place of its own.",
            retryable=False,
        )


def _parsed_server(url: object) -> URL:
    try:
        parsed = make_url(url)  # type: ignore[arg-type]  # it may be anything
        driver = parsed.drivername
    except (sa.exc.ArgumentError, TypeError, ValueError, AttributeError):
        driver = ""
    if driver not in POSTGRESQL_DRIVERS:
        raise InvalidParameter(
            "url", "give sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."
        )
    if parsed.port is not None and not 0 < parsed.port < 1 << 16:
        raise InvalidParameter("url", "a port is 1 to 65535.")
    for name, value in parsed.query.items():
        _check_option(name, value)
    database = parsed.database
    if database is not None and not _SQLALCHEMY_DECODES:
        database = unquote(database)
    for part in (database, parsed.username, parsed.password, parsed.host):
        if part is not None and not _is_text(part):
            raise InvalidParameter("url", "a part of it is no text without NUL.")
    return parsed.set(drivername="postgresql+psycopg", database=database)


def _check_option(name: str, value: str | tuple[str, ...]) -> None:
    if name not in OPTIONS:
        raise InvalidParameter(
            "url", f"the option is not known; there are {', '.join(sorted(OPTIONS))}."
        )
    values = OPTIONS[name]
    single = isinstance(value, str)
    if not single and name not in {"host", "port"}:
        raise InvalidParameter("url", f"the option {name} is given twice.")
    for each in (value,) if isinstance(value, str) else value:
        is_number = each.isascii() and each.isdigit() and len(each) < 10  # noqa: PLR2004 -- libpq's numbers
        if not _is_text(each) or (values is _NUMBER and not is_number):
            raise InvalidParameter("url", f"the option {name} has no such value.")
        if values and each not in values:
            raise InvalidParameter(
                "url", f"the option {name} is one of {', '.join(values)}."
            )


def _is_text(value: str) -> bool:
    """Whether libpq can be given it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
