"""Nonces that were used, so that no signed request is served twice.

They are in a database of their own, beside the audit log: every worker process must see
them, and the registry's database would empty every cache at each write. Nothing is
synced to the disk for them: a killed process loses none, and a machine that fails takes
longer to start than most of them are remembered for. Servers on several hosts each have
their own; see docs/openapi.md.
"""

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from pathlib import Path

from pairsmith.errors import ServiceUnavailable
from pairsmith.private_files import make_folder, open_kept
from pairsmith.registry.forks import watch_forks

FILE = "openapi-nonces.db"
BUSY_SECONDS = 5.0
SWEEP_SECONDS = 60.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS nonces (digest BLOB PRIMARY KEY, forgotten_at REAL NOT NULL)
WITHOUT ROWID
"""


class Nonces:
    """The nonces of one server, whatever process saw them.

    Args:
        path: The file; made when it is first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start()
        watch_forks(self)

    def use(self, access_key_id: str, nonce: str, now: float, until: float) -> bool:
        """Remember a nonce; tells whether it was new.

        Args:
            access_key_id: Whose nonce: another's may be the same.
            nonce: Any text.
            now: Seconds since 1970, UTC.
            until: When the request that had it is too old anyway.

        Raises:
            ServiceUnavailable: It cannot be remembered, so nothing may be served.
        """
        digest = hashlib.sha256(f"{access_key_id}\n{nonce}".encode()).digest()
        with self._lock:
            try:
                with self._open() as database:
                    self._sweep(database, now)
                    cursor = database.execute(
                        "INSERT INTO nonces VALUES (?, ?) ON CONFLICT DO NOTHING",
                        (digest, until),
                    )
            except (OSError, sqlite3.Error) as error:
                self._close()
                raise ServiceUnavailable(
                    f"{self._path}: {error}. Make room or rights; if it is damaged, "
                    "stop the server and remove it: it holds nothing but used nonces."
                ) from error
        return cursor.rowcount == 1

    def check(self) -> None:
        """Find out whether a nonce could be remembered now, by remembering one.

        Raises:
            ServiceUnavailable: It could not.
        """
        now = time.time()
        self.use("", secrets.token_hex(16), now, now)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._sweep_at = 0.0

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            if not self._path.parent.is_dir():
                make_folder(self._path.parent)
            # Beside the audit log, which may be in a folder like /var/log.
            os.close(open_kept(self._path, in_trusted=False))
            self._database = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, check_same_thread=False
            )
            # A rollback journal that is written but not synced: safe from kill -9.
            self._database.execute("PRAGMA journal_mode = TRUNCATE")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(_SCHEMA)
        return self._database

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _sweep(self, database: sqlite3.Connection, now: float) -> None:
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            database.execute("DELETE FROM nonces WHERE forgotten_at < ?", (now,))

    def before_fork(self) -> None:
        """Do nothing: a child opens the file anew."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Forget the parent's connection; closing it here would drop its locks."""
        self._inherited = self._database
        self._start()
