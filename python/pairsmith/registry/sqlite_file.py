"""An SQLite file and its handles: prepared, and given up when the file is another.

SQLite believes that its file stays where it is. A file that was renamed over, deleted
or copied over leaves open handles on what is no longer the database: they would serve
keys that are disabled, and take changes that nobody ever sees. So the file is looked
at, which is one ``stat``, before each transaction, and before and after each commit.
"""

import os
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from urllib.parse import quote

import sqlalchemy as sa

from pairsmith.errors import DatabaseError, OutcomeUnknown
from pairsmith.private_files import open_new
from pairsmith.registry.urls import DatabaseUrl
from pairsmith.trusted_folders import others_may_write, resolve_trusted

LOCK_TIMEOUT_SECONDS = 10
"""How long a transaction waits for another process before it gives up."""

SAFE_WAL_VERSIONS = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""SQLite below these, in their lines, can corrupt a database in WAL mode."""

FILE_MARK = "pairsmith_file_mark"
"""In ``Connection.info``: the ``FileMark`` from before the transaction began."""


@dataclass(frozen=True, slots=True)
class FileMark:
    """What tells one state of the file from another.

    Attributes:
        identity: Device and inode of the file, and inodes of its WAL and index.
        changed: When the file and its WAL were last changed, in nanoseconds: the
            change time, which nobody can set. It differs even if a restored backup
            has seen as many changes as the file before it.
    """

    identity: tuple[int, ...]
    changed: tuple[int, ...]


class Handle(sqlite3.Connection):
    """A connection that knows which file it has opened."""

    generation = -1
    identity: tuple[int, ...] = ()


class SqliteFile:
    """The file of one database.

    Args:
        url: Of an SQLite database; the file is made if there is none.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        if url.given_path is None or url.real_path is None:
            raise ValueError("no SQLite URL")
        self._given, self.path = url.given_path, url.real_path
        self._lock = Lock()
        self._seen: FileMark | None = None
        self._generation = 0
        _create_private_file(self._given, self.path)

    def create_engine(self) -> sa.Engine:
        """Make the engine; its connections are handles of this file."""
        engine = sa.create_engine(
            "sqlite+pysqlite://",  # without the path, which SQLAlchemy might decode
            creator=self._open_handle,
            poolclass=sa.QueuePool,
            pool_timeout=LOCK_TIMEOUT_SECONDS,
            hide_parameters=True,
        )
        sa.event.listen(engine, "begin", _begin)
        return engine

    def connect(self, engine: sa.Engine) -> sa.Connection:
        """Give a connection to the file as it is now.

        Raises:
            DatabaseError: The file is gone, or is being replaced.
        """
        mark, generation = self._look()
        connection = engine.connect()
        while _handle_of(connection).generation < generation:
            connection.invalidate()  # opened before somebody else changed the file
            connection.close()
            connection = engine.connect()
        connection.info[FILE_MARK] = mark
        return connection

    def before_commit(self, connection: sa.Connection) -> None:
        """Make sure that what is about to be written will be found again."""
        if self._mark().identity != _handle_of(connection).identity:
            raise DatabaseError(
                f"{self.path}: The database file was replaced or deleted while it was "
                "being changed; nothing was changed. Try again.",
            )

    def after_commit(self, connection: sa.Connection) -> None:
        """Know this process's own change for what it is."""
        mark = self._mark()
        if mark.identity != _handle_of(connection).identity:
            raise OutcomeUnknown(
                f"{self.path}: The database file was replaced or deleted while it was "
                "being changed, and the change may be lost: look before repeating it."
            )
        with self._lock:
            self._seen = mark

    def after_fork_in_child(self) -> None:
        """Forget a lock that another thread of the parent may have held."""
        self._lock = Lock()

    def _look(self) -> tuple[FileMark, int]:
        """Give the file's mark, and how often somebody else has changed it so far."""
        mark = self._mark()
        with self._lock:
            if mark != self._seen:
                if self._seen is not None and _keeps_old_wal(self._seen, mark):
                    raise DatabaseError(
                        f"{self.path}: The database file was replaced, and the -wal "
                        "file of the one before it is still there, which would damage "
                        "this one: stop all that use it, remove the files -wal and "
                        "-shm beside it, and start again.",
                        retryable=False,
                    )
                self._seen = mark
                self._generation += 1
            return mark, self._generation

    def _mark(self) -> FileMark:
        try:
            file = self._given.stat()
        except FileNotFoundError:
            raise DatabaseError(
                f"{self.path}: The database file is gone: it was deleted or moved. "
                "Put it back, or restore a backup.",
                retryable=False,
            ) from None
        except OSError as error:
            raise DatabaseError(
                f"{self.path}: The database file cannot be looked at "
                f"({error.strerror}): let this user search its directory.",
                retryable=False,
            ) from error
        identity, changed = [file.st_dev, file.st_ino], [file.st_ctime_ns]
        if journal_settings(sqlite3.sqlite_version_info)[0] == "WAL":
            for suffix in ("-wal", "-shm"):
                beside = _status(f"{self.path}{suffix}")
                identity.append(beside.st_ino if beside else 0)
            wal = _status(f"{self.path}-wal")
            changed.append(wal.st_ctime_ns if wal else 0)
        return FileMark(tuple(identity), tuple(changed))

    def _open_handle(self) -> Handle:
        before, generation = self._look()
        # mode=rw: SQLite itself never makes a file, which would be empty and 0644.
        handle = sqlite3.connect(
            f"file:{quote(os.fsencode(self.path))}?mode=rw",
            uri=True,
            timeout=LOCK_TIMEOUT_SECONDS,
            check_same_thread=False,
            factory=Handle,
        )
        try:
            _prepare(handle)
            after = self._mark()
            self._require_unmoved(before, after)
        except BaseException:
            handle.close()
            raise
        handle.generation, handle.identity = generation, after.identity
        with self._lock:
            if self._seen == before:  # opening has made the WAL, and nothing else
                self._seen = after
        return handle

    def _require_unmoved(self, before: FileMark, after: FileMark) -> None:
        """Make sure that what was opened is what the URL's path led to meanwhile."""
        opened = self.path.stat()
        file = (opened.st_dev, opened.st_ino)
        if not before.identity[:2] == file == after.identity[:2]:
            raise DatabaseError(
                f"{self.path}: The database file was replaced while it was being "
                "opened; try again. If its URL names a symbolic link, that leads "
                "elsewhere now: start again."
            )


def journal_settings(version: tuple[int, int, int]) -> tuple[str, str]:
    """Choose journal mode and synchronous level that lose nothing on this SQLite."""
    newest = SAFE_WAL_VERSIONS[-1]
    same_line = [safe for safe in SAFE_WAL_VERSIONS if safe[:2] == version[:2]]
    if version >= newest or (same_line and version >= same_line[0]):
        return "WAL", "FULL"
    return "TRUNCATE", "EXTRA"


def _keeps_old_wal(before: FileMark, now: FileMark) -> bool:
    """Whether the file is another, and its WAL is not."""
    wal = now.identity[2:3]
    return (
        now.identity[:2] != before.identity[:2]
        and any(wal)
        and wal == before.identity[2:3]
    )


def _create_private_file(given: Path, path: Path) -> None:
    """Create the database for its owner only; SQLite's journals take over its mode.

    A journal that is there already would be played back into it: nobody else may have
    put it there.
    """
    for suffix in ("-journal", "-wal", "-shm"):
        _require_own_journal(path.with_name(f"{path.name}{suffix}"))
    if path.exists():
        return
    try:
        resolve_trusted(given, may_be_missing=True, as_guest=True)
        os.close(open_new(path))
    except FileExistsError:
        return
    except OSError as error:
        raise DatabaseError(
            f"{path}: The database cannot be created ({error.strerror}): its directory "
            "must exist and this user must be allowed to write there.",
            retryable=False,
        ) from error


def _require_own_journal(path: Path) -> None:
    try:
        found = path.lstat()
    except OSError:  # there is none, or opening the database tells what is wrong
        return
    reason = "it is no file"
    if stat.S_ISREG(found.st_mode):
        reason = others_may_write(path, found)
    if reason:
        raise DatabaseError(
            f"{path}: {reason}. What is in it would be taken for changes of the "
            "database: see whose it is, and remove it if it is not the database's.",
            retryable=False,
        )


def _prepare(handle: Handle) -> None:
    handle.isolation_level = None  # the driver must not begin on its own
    # Text that is none is for the reader of that row to find, not for all rows.
    handle.text_factory = _decoded
    journal, synchronous = journal_settings(sqlite3.sqlite_version_info)
    actual = handle.execute(f"PRAGMA journal_mode = {journal}").fetchone()[0]
    if actual.upper() != journal:
        raise sqlite3.OperationalError(f"journal mode stays {actual}")
    handle.execute(f"PRAGMA synchronous = {synchronous}")
    handle.execute("PRAGMA foreign_keys = ON")
    handle.execute("PRAGMA secure_delete = ON")
    handle.execute("PRAGMA trusted_schema = OFF")
    handle.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the WAL


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("pairsmith_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _handle_of(connection: sa.Connection) -> Handle:
    handle = connection.connection.driver_connection
    if not isinstance(handle, Handle):
        raise TypeError("not a handle of an SQLite file")
    return handle


def _status(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except OSError:
        return None
