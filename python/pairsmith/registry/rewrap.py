"""Re-wrapping: every key version from one root key to another, resumable at any point.

The database notes the next root key first, then rows move over batch by batch, each
naming the root key that opens it, and in the transaction that finds none left the next
root key becomes the present one. Only then does a successor take its file's place.
Killed anywhere, the work is taken up by calling it again. Until it is finished:

- opened with the old root key alone, rows not yet moved work; moved ones raise
  ``RootKeyError``, as do rows not yet moved when opened with the new one alone;
- the service version is wrapped under both, so that either can tell what is authentic;
- opened with both, in whichever order, everything works, and new versions are wrapped
  under the new root key. A root key file and its successor are found as a pair.

One re-wrap runs at a time (``rewrap_lock.py``). One that lost its lock, and wakes up
after others have run, does no harm: each of its transactions begins by seeing that the
database still wants its root key, and its successor's rename has nothing to rename.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pairsmith.errors import InvalidParameter, KeyUnavailable, RootKeyError
from pairsmith.registry import versions
from pairsmith.registry.access import Access
from pairsmith.registry.changing import Change, require_revisions
from pairsmith.registry.engine import Database
from pairsmith.registry.identifiers import SERVICE
from pairsmith.registry.key_file import FileRootKey
from pairsmith.registry.key_ring import KeyRing, damaged_service
from pairsmith.registry.rewrap_lock import only_rewrap
from pairsmith.registry.root_key import RootKeyProvider
from pairsmith.registry.root_key_ids import (
    RootKeyIds,
    note_root_key_ids,
    root_key_ids,
)
from pairsmith.registry.schema import key_versions, registry

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
    provider: RootKeyProvider
    rewrapped: int = 0
    last_sequence: int = 0
    damaged: set[str] = field(default_factory=set)


def rewrap(
    access: Access, provider: RootKeyProvider, progress: Progress | None
) -> RewrapReport:
    """Move every row to the provider's root key, made on the way if there is none.

    Raises:
        RootKeyError: Another re-wrap is under way, or a root key is not at hand.
    """
    ring = access.ring
    with only_rewrap(access.database):
        root_key_id = ring.add(provider)
        with _beginning(access) as (connection, change):
            _note_following(connection, change, ring, root_key_id)
        work = _Work(root_key_id, provider)
        report = _move_all(access, work, progress)
    ring.keep_only(report.root_key_id, (provider,))
    return report


def rewrap_file(access: Access, progress: Progress | None) -> RewrapReport:
    """Move every row to a new root key, and its file to the place of the present one.

    Raises:
        InvalidParameter: The root key is not in a file: its successor must be named.
        RootKeyError: As above, or the file is not one that can be replaced.
    """
    database, ring = access.database, access.ring
    if not any(isinstance(each, FileRootKey) for each in ring.providers):
        raise InvalidParameter("new_root_key", "name the provider of the new one.")
    with only_rewrap(database):
        for left in ring.providers:
            _settle(database, left)
        with _beginning(access) as (connection, change):
            file, root_key_id = _begin_in_file(connection, change, ring)
        report = _move_all(access, _Work(root_key_id, file), progress)
        _settle(database, file)
    ring.keep_only(report.root_key_id, (file,))
    return report


def settle_files(database: Database, ring: KeyRing) -> None:
    """Finish what a kill may have left: a successor in use takes its file's place.

    Where that is not permitted the pair goes on working as it is.
    """
    for provider in ring.providers:
        with suppress(RootKeyError):
            _settle(database, provider)


def _settle(database: Database, provider: RootKeyProvider) -> None:
    if not isinstance(provider, FileRootKey):
        return
    for successor in provider.successors():
        root_key_id = successor.root_key.root_key_id
        with database.reading() as connection:
            is_in_use = root_key_ids(connection) == RootKeyIds(root_key_id, None)
        if is_in_use:
            provider.successor = successor
            provider.replace_by_successor()


@contextmanager
def _beginning(access: Access) -> Iterator[tuple[sa.Connection, Change | None]]:
    """Open the first transaction; no unit of work where nobody has written yet.

    There is nothing to authenticate then, and the database stays without versions.
    """
    with access.database.writing() as connection:
        change = _change(connection, access, "BeginRewrap")
        yield connection, change
        if change is not None:
            change.finish()


def _change(connection: sa.Connection, access: Access, operation: str) -> Change | None:
    revisions = require_revisions(connection, access.ring)
    if revisions is None:
        return None
    return Change(connection, revisions, operation, access.now_ms())


def _begin_in_file(
    connection: sa.Connection, change: Change | None, ring: KeyRing
) -> tuple[FileRootKey, str]:
    """Note the successor of a root key file, made if no re-wrap to it was begun.

    It is made under the write lock: if that was lost meanwhile the commit fails, and
    the database never names a successor that another re-wrap might have passed by.
    """
    ids = root_key_ids(connection)
    for file in ring.providers:
        if not isinstance(file, FileRootKey):
            continue
        present, *following = file.load()
        if present.root_key_id != ids.present:
            continue
        if ids.following is None:
            following = [file.add_successor()]
        for root_key in following:
            if ids.following in (None, root_key.root_key_id):
                ring.hold(root_key)
                _note_following(connection, change, ring, root_key.root_key_id)
                return file, root_key.root_key_id
    if ids.following is not None:
        raise _under_way(ids.following)
    raise RootKeyError(
        f"The database is under root key {ids.present}, which is in none of the files "
        "given: name where the new root key shall be, with --to."
    )


def _note_following(
    connection: sa.Connection, change: Change | None, ring: KeyRing, root_key_id: str
) -> None:
    """Note the next root key, and wrap the service version under it beforehand.

    So whoever holds either root key can tell what is authentic.
    """
    ids = root_key_ids(connection)
    if ids.following not in (None, root_key_id):
        raise _under_way(ids.following)
    if ids.wanted == root_key_id:
        return
    note_root_key_ids(connection, RootKeyIds(ids.present, root_key_id))
    if change is not None:
        row = versions.find(connection, change.service_key.key_version_id)
        if row is None:
            raise damaged_service()
        wrapped = ring.rewrap_version(connection, row, root_key_id)
        connection.execute(sa.update(registry).values(next_service_version=wrapped))
        change.note(root_key_id=root_key_id, previous_root_key_id=ids.present)


def _move_all(access: Access, work: _Work, progress: Progress | None) -> RewrapReport:
    with access.database.reading() as connection:
        total = len(_versions_elsewhere(connection, work.root_key_id))
    while _move_batch(access, work):
        if progress is not None:
            progress(work.rewrapped, total)
    damaged = tuple(sorted(work.damaged))
    return RewrapReport(work.root_key_id, work.rewrapped, damaged)


def _move_batch(access: Access, work: _Work) -> bool:
    """Move some rows in one transaction; with none left, finish in that same one."""
    # Unseen: the key material is the same, so whatever others cached stays right.
    with access.database.writing(unseen=True) as connection:
        _require_wanted(connection, work)
        batch = connection.execute(
            sa.select(key_versions)
            .where(_is_elsewhere(work.root_key_id))
            .where(key_versions.c.sequence > work.last_sequence)
            .order_by(key_versions.c.sequence)
            .limit(BATCH_ROWS)
        ).all()
        if not batch:
            return not _finish(connection, access, work)
        for row in batch:
            _move_row(connection, access.ring, row, work)
    work.last_sequence = batch[-1].sequence
    return True


def _require_wanted(connection: sa.Connection, work: _Work) -> None:
    """See that no other re-wrap went on while this one was suspended.

    And that a file still holds the new root key: a row must not be put under what is
    only in this process's memory.
    """
    wanted = root_key_ids(connection).wanted
    if wanted != work.root_key_id:
        raise RootKeyError(
            f"Another re-wrap, to root key {wanted}, has run meanwhile: this one, to "
            f"{work.root_key_id}, was stopped. No key is lost; begin again if it is "
            "wanted."
        )
    if not isinstance(work.provider, FileRootKey):
        return
    if work.root_key_id not in {each.root_key_id for each in work.provider.load()}:
        raise RootKeyError(
            f"The new root key {work.root_key_id} has vanished from beside "
            f"{work.provider.path}: put its file back, then go on by the same command."
        )


def _move_row(
    connection: sa.Connection, ring: KeyRing, row: sa.Row[Any], work: _Work
) -> None:
    try:
        wrapped = ring.rewrap_version(connection, row, work.root_key_id)
    except KeyUnavailable:
        work.damaged.add(row.key_version_id)
        return
    connection.execute(
        sa.update(key_versions)
        .where(key_versions.c.key_version_id == row.key_version_id)
        .values(root_key_id=work.root_key_id, wrapped=wrapped)
    )
    work.rewrapped += 1


def _finish(connection: sa.Connection, access: Access, work: _Work) -> bool:
    """Let the next root key be the present one, unless rows turned up behind us."""
    if _versions_elsewhere(connection, work.root_key_id) - work.damaged:
        work.last_sequence = 0
        return False
    if connection.dialect.name == "postgresql":
        # The old root key's file is replaced after this: it must not come undone.
        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
    change = _change(connection, access, "EndRewrap")
    previous = root_key_ids(connection).present
    note_root_key_ids(connection, RootKeyIds(work.root_key_id, None))
    if change is not None:
        _move_service_version(change, access.ring, work.root_key_id)
        change.note(
            root_key_id=work.root_key_id,
            previous_root_key_id=previous,
            rewrapped=work.rewrapped,
            damaged_versions=sorted(work.damaged),
        )
        change.finish()
    return True


def _move_service_version(change: Change, ring: KeyRing, root_key_id: str) -> None:
    """Put in place what was wrapped at the beginning, with both root keys at hand."""
    connection = change.connection
    row = versions.find(connection, change.service_key.key_version_id)
    if row is None:
        raise damaged_service()
    if row.root_key_id == root_key_id:
        return
    wrapped = ring.next_service_version(connection, row.key_version_id, root_key_id)
    if wrapped is None:
        wrapped = ring.rewrap_version(connection, row, root_key_id)
    connection.execute(
        sa.update(key_versions)
        .where(key_versions.c.key_version_id == row.key_version_id)
        .values(root_key_id=root_key_id, wrapped=wrapped)
    )
    connection.execute(sa.update(registry).values(next_service_version=None))


def _versions_elsewhere(connection: sa.Connection, root_key_id: str) -> set[str]:
    elsewhere = sa.select(key_versions.c.key_version_id)
    rows = connection.execute(elsewhere.where(_is_elsewhere(root_key_id)))
    return set(rows.scalars())


def _is_elsewhere(root_key_id: str) -> sa.ColumnElement[bool]:
    """Versions of keys under another root key; the service version moves last."""
    return (key_versions.c.root_key_id != root_key_id) & (
        key_versions.c.key_id != SERVICE
    )


def _under_way(root_key_id: str) -> RootKeyError:
    return RootKeyError(
        f"A re-wrap to root key {root_key_id} is under way: finish it first, by the "
        "command that began it, with the same --to."
    )
