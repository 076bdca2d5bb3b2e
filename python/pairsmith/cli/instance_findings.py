"""What ``doctor`` finds about an instance; looking changes and makes nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pairsmith.cli.findings import Finding, Verdict
from pairsmith.cli.initialise import root_key_place
from pairsmith.cli.opening import is_initialised, shown_url
from pairsmith.cli.permission_findings import permission_findings
from pairsmith.errors import InvalidParameter, PairsmithError, RootKeyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from pairsmith.cli.settings import Settings
    from pairsmith.registry.engine import Database
    from pairsmith.registry.key_ring import KeyRing


def instance_findings(settings: Settings) -> Iterator[Finding]:
    """Database, files and root key; or that there is no database."""
    if is_initialised(settings.database):
        yield from _database(settings)
        yield from permission_findings(settings)
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
                ring = _ring(settings)
                yield from _contents(connection, settings, ring)
            yield from _changes(database, ring)
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


def _ring(settings: Settings) -> KeyRing | None:
    """The root keys, still to be loaded; nothing if it is not said where they are.

    The root key's finding tells why.
    """
    from pairsmith.registry.key_ring import KeyRing
    from pairsmith.registry.root_key import parse_root_key_providers

    place = settings.root_key or root_key_place(settings)
    try:
        return KeyRing(parse_root_key_providers(place))
    except InvalidParameter:
        return None


def _contents(
    connection: sa.Connection, settings: Settings, ring: KeyRing | None
) -> Iterator[Finding]:
    """Schema, root key, keys by state, and what waits to be done."""
    import sqlalchemy as sa

    from pairsmith.registry import deletion, rotation
    from pairsmith.registry.adoption import is_of_before, was_authenticated
    from pairsmith.registry.root_key_ids import root_key_ids
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
    yield _root_key(connection, settings)
    by_state = connection.execute(
        sa.select(keys.c.key_state, sa.func.count()).group_by(keys.c.key_state)
    ).all()
    text = ", ".join(f"{count} {state}" for state, count in by_state)
    yield Finding("Keys", Verdict.GOOD, text or "none yet")
    is_older = revision != REVISIONS[-1]
    if is_older or (is_of_before(connection) and not was_authenticated(connection)):
        yield Finding(
            "Schema",
            Verdict.NOTE,
            f"{revision}, written by an older Pairsmith",
            "the next command that opens it takes it over as it is found, for good: "
            "back it up first, see Upgrading in docs/root-keys.md.",
        )
        return
    if ring is not None:
        yield from _authenticity(connection, ring)
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


def _authenticity(connection: sa.Connection, ring: KeyRing) -> Iterator[Finding]:
    """Every key that is not as it was authenticated, and whatever is gone."""
    from pairsmith.registry.inspection import inspect

    try:
        found = inspect(connection, ring)
    except RootKeyError:
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
    for told in found.refused.values():
        yield Finding("Rows", Verdict.PROBLEM, told)
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


def _changes(database: Database, ring: KeyRing | None) -> Iterator[Finding]:
    """Whether the change log is whole; of what does not open other findings tell."""
    from pairsmith.registry.change_log import ChangeLogBroken
    from pairsmith.registry.history import verify_database

    if ring is None:
        return
    try:
        seen = verify_database(database, ring)
    except ChangeLogBroken as error:
        step = "pairsmith audit changes shows lines; compare with a backup."
        yield Finding("Change log", Verdict.PROBLEM, str(error), step)
        return
    except PairsmithError:
        return
    yield Finding("Change log", Verdict.GOOD, f"whole, {seen.lines} lines")


def _root_key(connection: sa.Connection, settings: Settings) -> Finding:
    """Whether it can be read and is the one that the database is wrapped under.

    The provider only loads: opening an instance would make a root key, or take another
    one, for a database that has no keys yet.
    """
    from pairsmith.registry.dev_root_key import require_fitting
    from pairsmith.registry.root_key import parse_root_key_provider
    from pairsmith.registry.root_key_ids import root_key_ids

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
