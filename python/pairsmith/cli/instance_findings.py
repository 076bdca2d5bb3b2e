"""What ``doctor`` finds about an instance; looking changes and makes nothing."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.cli.findings import Finding, Verdict
from pairsmith.cli.initialise import root_key_place
from pairsmith.cli.opening import is_initialised, shown_url, sqlite_path
from pairsmith.errors import InvalidParameter, PairsmithError, RootKeyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from pairsmith.cli.settings import Settings
    from pairsmith.registry.engine import Database


def instance_findings(settings: Settings) -> Iterator[Finding]:
    """Database, files and root key; or that there is no database."""
    if is_initialised(settings.database):
        yield from _database(settings)
        yield from _files(settings)
        return
    yield Finding(
        "Database",
        Verdict.PROBLEM,
        f"there is none at {shown_url(settings.database)}",
        "pairsmith init makes it; --database names another.",
    )


def _database(settings: Settings) -> Iterator[Finding]:
    from pairsmith.registry.engine import Database

    try:
        database = Database(settings.database)
        try:
            with database.reading() as connection:
                yield _engine_of(database, connection)
                yield from _contents(connection, settings)
        finally:
            database.close()
    except PairsmithError as error:
        yield Finding("Database", Verdict.PROBLEM, str(error))


def _engine_of(database: Database, connection: sa.Connection) -> Finding:
    numbers = connection.dialect.server_version_info or ()
    release = ".".join(map(str, numbers))
    if database.sqlite_path is None:
        return Finding(
            "Database", Verdict.GOOD, f"{database.name}, PostgreSQL {release}"
        )
    journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    text = f"{database.sqlite_path}, SQLite {release}, journal {journal}"
    if found != "ok":
        return Finding(
            "Database", Verdict.PROBLEM, f"{text}: {found}", "restore a backup."
        )
    return Finding("Database", Verdict.GOOD, text)


def _contents(connection: sa.Connection, settings: Settings) -> Iterator[Finding]:
    """Schema, root key, keys by state, and what waits to be done."""
    import sqlalchemy as sa

    from pairsmith.registry import deletion, rotation
    from pairsmith.registry.key_ring import root_key_ids
    from pairsmith.registry.schema import REVISION_TABLE, REVISIONS, keys

    revision: str = connection.execute(
        sa.select(sa.column("version_num")).select_from(sa.table(REVISION_TABLE))
    ).scalar_one()
    if revision not in REVISIONS:
        yield Finding(
            "Schema",
            Verdict.PROBLEM,
            f"{revision}, written by a newer Pairsmith",
            "install that one.",
        )
        return
    if revision != REVISIONS[-1]:
        yield Finding(
            "Schema",
            Verdict.NOTE,
            f"{revision}, written by an older Pairsmith",
            "the next command that opens it brings it up to date.",
        )
        return
    yield _root_key(connection, settings)
    by_state = connection.execute(
        sa.select(keys.c.key_state, sa.func.count()).group_by(keys.c.key_state)
    ).all()
    text = ", ".join(f"{count} {state}" for state, count in by_state)
    yield Finding("Keys", Verdict.GOOD, text or "none yet")
    yield from _authenticity(connection, settings)
    now_ms = int(time.time() * 1000)
    rotations = len(rotation.due_keys(connection, now_ms))
    deletions = len(deletion.due_keys(connection, now_ms))
    if rotations or deletions:
        yield Finding(
            "Waiting",
            Verdict.NOTE,
            f"{rotations} rotations and {deletions} deletions are due",
            "they happen on use, or within half a minute while a process has it open.",
        )
    else:
        yield Finding("Waiting", Verdict.GOOD, "no rotation and no deletion is due")
    if root_key_ids(connection).following is not None:
        yield Finding(
            "Re-wrap",
            Verdict.PROBLEM,
            "one was begun and not finished",
            "pairsmith rewrap, with the same --to, finishes it.",
        )


def _authenticity(connection: sa.Connection, settings: Settings) -> Iterator[Finding]:
    """Every key that is not as it was authenticated, and whatever is gone."""
    from pairsmith.registry.inspection import inspect
    from pairsmith.registry.key_ring import KeyRing
    from pairsmith.registry.root_key import parse_root_key_providers

    root_key = settings.root_key or root_key_place(settings)
    try:
        ring = KeyRing(parse_root_key_providers(root_key))
        found = inspect(connection, ring)
    except (InvalidParameter, RootKeyError):
        return  # the root key's finding tells why
    except PairsmithError as error:
        yield Finding("Rows", Verdict.PROBLEM, str(error))
        return
    for key_id, fault in found.faults.items():
        yield Finding(
            "Rows",
            Verdict.PROBLEM,
            f"{key_id} is not as it was authenticated: {fault}",
            f"pairsmith key repair {key_id}, or restore its rows from a backup.",
        )
    for name in found.missing:
        yield Finding(
            "Rows",
            Verdict.PROBLEM,
            f"{name}: somebody has removed its rows",
            "restore them from a backup.",
        )
    for page in found.damaged_pages:
        yield Finding(
            "Rows",
            Verdict.PROBLEM,
            f"page {page} of the table revision_pages is damaged",
            "restore a backup of the database.",
        )


def _root_key(connection: sa.Connection, settings: Settings) -> Finding:
    """Whether it can be read and is the one that the database is wrapped under.

    The provider only loads: opening an instance would make a root key, or take another
    one, for a database that has no keys yet.
    """
    from pairsmith.registry.dev_root_key import require_fitting
    from pairsmith.registry.key_ring import root_key_ids
    from pairsmith.registry.root_key import parse_root_key_provider

    place = root_key_place(settings)
    try:
        provider = parse_root_key_provider(settings.root_key or place)
        keys = provider.load()
        require_fitting(provider, keys)
    except PairsmithError as error:
        return Finding("Root key", Verdict.PROBLEM, str(error))
    held = {key.root_key_id for key in keys}
    needed = root_key_ids(connection)
    if held & {needed.present, needed.following}:
        return Finding("Root key", Verdict.GOOD, f"{place} opens the database")
    return Finding(
        "Root key",
        Verdict.PROBLEM,
        f"{place} is the wrong root key: {', '.join(held)}; the database needs "
        f"{needed.present}",
        "restore it from its backup, or name another with --root-key.",
    )


def _files(settings: Settings) -> Iterator[Finding]:
    """Files that only their owner may read, in a folder that only the owner changes."""
    path = sqlite_path(settings.database)
    private = [] if path is None else sorted(path.parent.glob(f"{path.name}*"))
    kind, _, place = root_key_place(settings).partition(":")
    root_key = Path(place).absolute() if kind == "file" else None
    if root_key is not None:
        private.append(root_key)
    looked_at = 0
    good = True
    for file in dict.fromkeys(private):
        try:
            mode = file.stat().st_mode
        except OSError:
            continue  # the root key's finding tells of one that is missing
        looked_at += 1
        if file == root_key and _may_be_root_key(file):
            continue
        if stat.S_ISREG(mode) and mode & 0o077:
            good = False
            yield Finding(
                "Permissions",
                Verdict.PROBLEM,
                f"others may use {file} ({stat.S_IMODE(mode):04o})",
                f"chmod 600 {file}",
            )
    for folder in dict.fromkeys(file.parent for file in private):
        mode = folder.stat().st_mode if folder.is_dir() else 0
        if mode & 0o022 and not mode & stat.S_ISVTX:
            good = False
            yield Finding(
                "Permissions",
                Verdict.PROBLEM,
                f"others may replace files in {folder} ({stat.S_IMODE(mode):04o})",
                f"chmod go-w {folder}",
            )
        holds_database = path is not None and folder == path.parent
        if holds_database and not os.access(folder, os.W_OK, effective_ids=True):
            good = False
            yield Finding(
                "Permissions",
                Verdict.PROBLEM,
                f"this user may not write in {folder}",
                "SQLite puts its journal there.",
            )
    if good and looked_at:
        yield Finding("Permissions", Verdict.GOOD, f"{looked_at} files, owner only")


def _may_be_root_key(file: Path) -> bool:
    """A mounted secret is root's, and may be readable by a group of this process."""
    from pairsmith.registry.key_file_permissions import is_private

    try:
        return is_private(file)
    except OSError:
        return True  # the root key's finding tells why it cannot be read
