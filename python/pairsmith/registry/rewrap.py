"""Re-wrapping: every key version from one root key to another, resumable at any point.

The database notes the next root key first, then rows move over batch by batch, each
naming the root key that opens it, and in the transaction that finds none left the next
root key becomes the present one. Killed in between, the work is taken up by calling it
again. Until then:

- opened with the old root key alone, rows not yet moved work; moved ones raise
  ``RootKeyError``, as do rows not yet moved when opened with the new one alone;
- opened with both, in whichever order, everything works, and new versions are wrapped
  under the new root key. A root key file and its successor are found as a pair.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pairsmith.errors import InvalidParameter, KeyUnavailable, RootKeyError
from pairsmith.registry.engine import Database
from pairsmith.registry.key_ring import (
    KeyRing,
    RootKeyIds,
    note_root_key_ids,
    root_key_ids,
)
from pairsmith.registry.root_key import FileRootKey, RootKeyProvider
from pairsmith.registry.schema import key_versions

BATCH_ROWS = 100

Progress = Callable[[int, int], None]
"""Called after every batch with the rows done and the rows there are."""


@dataclass(frozen=True, slots=True)
class RewrapReport:
    """What a re-wrap did.

    ``damaged_versions`` did not open under the old root key either and stay as they
    are: once restored from a backup they need a re-wrap by the root key of that time.
    """

    root_key_id: str
    rewrapped: int
    damaged_versions: tuple[str, ...]


@dataclass(slots=True)
class _Work:
    """How far it has come; lost at a kill, and then simply begun again."""

    root_key_id: str
    rewrapped: int = 0
    last_sequence: int = 0
    damaged: list[str] = field(default_factory=list)


def rewrap(
    database: Database,
    ring: KeyRing,
    provider: RootKeyProvider,
    progress: Progress | None,
) -> RewrapReport:
    """Move every row to the provider's root key, made on the way if there is none.

    Raises:
        RootKeyError: Another re-wrap is under way, or a root key is not at hand.
    """
    report = _move_all(database, ring, ring.add(provider), progress)
    ring.keep_only(report.root_key_id, (provider,))
    return report


def rewrap_file(
    database: Database, ring: KeyRing, progress: Progress | None
) -> RewrapReport:
    """Move every row to a new root key, and its file to the place of the present one.

    Raises:
        InvalidParameter: The root key is not in a file: its successor must be named.
        RootKeyError: As above.
    """
    file = ring.providers[0]
    if not isinstance(file, FileRootKey):
        raise InvalidParameter("new_root_key", "name the provider of the new one.")
    settle_files(database, ring)
    report = _move_all(database, ring, ring.add(file.successor), progress)
    file.replace_by_successor()
    ring.keep_only(report.root_key_id, (file,))
    return report


def settle_files(database: Database, ring: KeyRing) -> None:
    """Finish what a kill may have left: a successor in use takes its file's place.

    Where that is not permitted the pair goes on working as it is.
    """
    for file in ring.providers:
        if not isinstance(file, FileRootKey) or not file.successor.path.exists():
            continue
        successor = file.successor.load()[0].root_key_id
        with database.reading() as connection:
            is_in_use = root_key_ids(connection) == RootKeyIds(successor, None)
        if is_in_use:
            with suppress(RootKeyError):
                file.replace_by_successor()


def _move_all(
    database: Database, ring: KeyRing, root_key_id: str, progress: Progress | None
) -> RewrapReport:
    with database.writing() as connection:
        total = _begin(connection, root_key_id)
    work = _Work(root_key_id)
    while _move_batch(database, ring, work):
        if progress is not None:
            progress(work.rewrapped, total)
    return RewrapReport(root_key_id, work.rewrapped, tuple(work.damaged))


def _begin(connection: sa.Connection, root_key_id: str) -> int:
    ids = root_key_ids(connection)
    if ids.following not in (None, root_key_id):
        raise RootKeyError(
            f"A re-wrap to root key {ids.following} is under way: finish it first, "
            f"with that root key instead of {root_key_id}."
        )
    note_root_key_ids(connection, RootKeyIds(ids.present, root_key_id))
    waiting = key_versions.c.root_key_id != root_key_id
    counting = sa.select(sa.func.count()).select_from(key_versions).where(waiting)
    return connection.execute(counting).scalar_one()


def _move_batch(database: Database, ring: KeyRing, work: _Work) -> bool:
    """Move some rows in one transaction; with none left, finish in that same one."""
    # Unseen: the key material is the same, so whatever others cached stays right.
    with database.writing(unseen=True) as connection:
        batch = connection.execute(
            sa.select(key_versions)
            .where(key_versions.c.root_key_id != work.root_key_id)
            .where(key_versions.c.sequence > work.last_sequence)
            .order_by(key_versions.c.sequence)
            .limit(BATCH_ROWS)
        ).all()
        if not batch:
            note_root_key_ids(connection, RootKeyIds(work.root_key_id, None))
            return False
        for row in batch:
            _move_row(connection, ring, row, work)
    work.last_sequence = batch[-1].sequence
    return True


def _move_row(
    connection: sa.Connection, ring: KeyRing, row: sa.Row[Any], work: _Work
) -> None:
    try:
        wrapped = ring.rewrap_version(connection, row, work.root_key_id)
    except KeyUnavailable:
        work.damaged.append(row.key_version_id)
        return
    connection.execute(
        sa.update(key_versions)
        .where(key_versions.c.key_version_id == row.key_version_id)
        .values(root_key_id=work.root_key_id, wrapped=wrapped)
    )
    work.rewrapped += 1
