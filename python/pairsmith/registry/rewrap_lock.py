"""One re-wrap of a database at a time, over all processes and, with PostgreSQL, hosts.

The lock is the holder's for as long as it lives, also while it is suspended: a lock
file beside an SQLite database, an advisory lock in PostgreSQL. It makes things clear
and is not what keeps keys safe: a lock is lost with the connection or on a file system
that does not keep it, and then the checks in ``rewrap.py`` are what counts.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import REGCLASS

from pairsmith.errors import DatabaseError, RootKeyError
from pairsmith.private_files import open_kept
from pairsmith.registry.engine import Database
from pairsmith.registry.failures import explained
from pairsmith.registry.forks import watch_forks
from pairsmith.registry.schema import registry

LOCK_CLASS = 0x7265776A
"""Tells this advisory lock from those of others; the second number is the table's."""


@contextmanager
def only_rewrap(database: Database) -> Iterator[None]:
    """Be the only re-wrap of a database inside.

    Raises:
        RootKeyError: Another one has not ended yet.
    """
    if database.sqlite_path is None:
        taken = _in_postgresql(database)
    else:
        path = database.sqlite_path
        taken = _in_file(path.with_name(f"{path.name}.rewrap"))
    with taken:
        yield


@contextmanager
def _in_postgresql(database: Database) -> Iterator[None]:
    # Held by a transaction and not by a session, which a pooler would hand to others.
    table = sa.cast(sa.cast(registry.name, REGCLASS), sa.Integer)
    take = sa.select(sa.func.pg_try_advisory_xact_lock(LOCK_CLASS, table))
    with database.session() as connection:
        with explained(database.name):
            is_taken = connection.execute(take).scalar_one()
        if not is_taken:
            raise _under_way()
        yield


@contextmanager
def _in_file(path: Path) -> Iterator[None]:
    lock = _FileLock(path)
    try:
        yield
    finally:
        lock.release()


class _FileLock:
    """An ``flock`` on a file that is there only while somebody holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        watch_forks(self)
        try:
            while self._descriptor < 0:
                self._descriptor = self._try()
        except OSError as error:
            raise DatabaseError(
                f"{path}: The lock file cannot be made ({error.strerror}): let this "
                "user write in that directory, and remove a file of another user.",
                retryable=False,
            ) from error

    def release(self) -> None:
        """Remove the file while it is still locked, then give the lock back."""
        if self._descriptor < 0:
            return  # in a forked child: the lock is the parent's
        with suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)
        self._descriptor = -1

    def _try(self) -> int:
        """Lock the file; -1 if its last holder has just removed it."""
        descriptor = open_kept(self._path)
        is_locked = False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_locked = _is_same(descriptor, self._path)
        except BlockingIOError:
            raise _under_way() from None
        finally:
            if not is_locked:
                os.close(descriptor)
        return descriptor if is_locked else -1

    # Forks, see forks.py: a child does not keep the lock when its parent has died.

    def before_fork(self) -> None:
        """Do nothing."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Give up the child's share of the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _under_way() -> RootKeyError:
    return RootKeyError(
        "Another re-wrap of this database is under way: wait until it has ended. If it "
        "is suspended and will not go on, end that process; then this command takes "
        "its work up."
    )
