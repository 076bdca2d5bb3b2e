"""Taking over a database that was never authenticated, as an older Pairsmith left it.

That database is believed once, as it is found, in one transaction: key material goes to
row format 2 and stays the same, keys are authenticated, identities and secrets are
opened by the server's old key version and sealed anew. Killed anywhere, nothing has
happened and the next open does it. What does not open stays behind, refused and named:

- a row of ``key_versions`` that does not open under format 1: that version only;
- a row of ``keys`` with nonsense in it: that key, which is not authenticated;
- an identity or secret that the old key version did not seal, as somebody may have
  forged it.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import sqlalchemy as sa

from pairsmith._core import WrappingKey
from pairsmith.errors import DatabaseError, RootKeyError
from pairsmith.registry import versions
from pairsmith.registry.changing import Change, make_service_key
from pairsmith.registry.engine import Database
from pairsmith.registry.identifiers import SERVICE
from pairsmith.registry.key_ring import UNOPENED, KeyRing
from pairsmith.registry.revisions import Revisions, damaged_top
from pairsmith.registry.root_key_ids import RootKeyIds, root_key_ids
from pairsmith.registry.schema import (
    changes,
    identities,
    key_versions,
    keys,
    registry,
    revision_pages,
    service_secrets,
)
from pairsmith.registry.service_seal import Document, put_secret, seal
from pairsmith.registry.soundness import is_moment, is_sound, text_of

BATCH_ROWS = 500

SECRET_BYTES = 32

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Left:
    """What stays behind, by id or name."""

    versions: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


def take_over(database: Database, ring: KeyRing, clock: Callable[[], int]) -> None:
    """Authenticate a database of before; one that is authenticated stays as it is.

    Args:
        database: Of the present schema.
        ring: Unlocked.
        clock: Gives milliseconds since 1970.

    Raises:
        DatabaseError: It was authenticated, and what tells so is gone.
        RootKeyError: A re-wrap is under way, and one of both root keys is not at hand.
    """
    with database.reading() as connection:
        if not is_of_before(connection):
            return
    with database.writing(seconds=inf) as connection:
        # Looked at again: another process may have been first.
        if is_of_before(connection):
            _take_over(connection, ring, clock())


def refuse_before(database: Database) -> None:
    """Refuse a database that would be taken over, before anything of it is changed.

    Raises:
        DatabaseError: It was never authenticated.
    """
    with database.reading() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        if key_versions.name not in tables:
            return
        if revision_pages.name in tables and not is_of_before(connection):
            return
        if not _has_keys(connection):
            return
    raise DatabaseError(
        "The database is of an older Pairsmith and was never authenticated: whoever "
        "could write it decides what is in it, and refuse_format_1 refuses that. If it "
        "is to be upgraded, open it once without, as docs/root-keys.md tells; if it "
        "has been upgraded before, somebody has replaced it: restore it.",
        retryable=False,
    )


def is_of_before(connection: sa.Connection) -> bool:
    """Tell whether there is something, and nothing was ever authenticated."""
    return not _any(connection, revision_pages.c.page) and _has_keys(connection)


def was_authenticated(connection: sa.Connection) -> bool:
    """Tell whether anything says that it was authenticated once."""
    authentic = sa.select(keys.c.key_id).where(keys.c.contents_mac.is_not(None))
    return _any(connection, changes.c.sequence) or (
        connection.execute(authentic.limit(1)).first() is not None
    )


def _has_keys(connection: sa.Connection) -> bool:
    return _any(connection, key_versions.c.key_id) or _any(connection, keys.c.key_id)


def _any(connection: sa.Connection, column: sa.Column[Any]) -> bool:
    return connection.execute(sa.select(column).limit(1)).first() is not None


def _take_over(connection: sa.Connection, ring: KeyRing, now_ms: int) -> None:
    ids = root_key_ids(connection)
    _require_root_keys(ring, ids)
    _require_nothing_authentic(connection, ring)
    openers = _old_service_versions(connection, ring)
    service_key = make_service_key(connection, ring, now_ms)
    if ids.following is not None:
        _wrap_for_following(connection, ring, service_key.key_version_id, ids.following)
    change = Change(connection, Revisions(service_key), "TakeOver", now_ms)
    left = _Left()
    _take_over_versions(connection, ring, left)
    _take_over_keys(change, left)
    _take_over_identities(change, openers, left)
    _take_over_secrets(change, openers, left)
    old = key_versions.c.key_version_id != change.service_key.key_version_id
    connection.execute(
        sa.delete(key_versions).where(key_versions.c.key_id == SERVICE).where(old)
    )
    _tell(change, left)
    change.finish()


def _require_root_keys(ring: KeyRing, ids: RootKeyIds) -> None:
    for root_key_id in (ids.present, ids.following):
        if root_key_id is not None and ring.find(root_key_id) is None:
            raise RootKeyError(
                "The database is of an older Pairsmith, and is to be upgraded in the "
                f"middle of a re-wrap: that takes both root keys, {ids.present} and "
                f"{ids.following}, and {root_key_id} is not at hand. Give both, or "
                "finish the re-wrap by the command that began it, with the same --to."
            )


def _wrap_for_following(
    connection: sa.Connection, ring: KeyRing, key_version_id: str, root_key_id: str
) -> None:
    """Wrap the service version under the next root key, too, as a re-wrap does first.

    So whoever holds either root key can tell what is authentic.
    """
    row = versions.find(connection, key_version_id)
    if row is not None:
        wrapped = ring.rewrap_version(connection, row, root_key_id)
        connection.execute(sa.update(registry).values(next_service_version=wrapped))


def _require_nothing_authentic(connection: sa.Connection, ring: KeyRing) -> None:
    """Refuse a database that was authenticated and lost what tells so.

    Whoever removes that must not have the rest believed as it is found.

    Raises:
        DatabaseError: It was.
    """
    if was_authenticated(connection):
        raise damaged_top()
    for row in _versions(connection):
        root_key = ring.find(_text_or_none(row.root_key_id))
        if root_key is None:
            continue
        try:
            if row.key_id == SERVICE:
                root_key.open_service_version(row.wrapped, row.key_version_id)
            else:
                root_key.open_version(row.wrapped, row.key_id, row.key_version_id)
        except UNOPENED:
            continue
        raise damaged_top()


def _old_service_versions(
    connection: sa.Connection, ring: KeyRing
) -> dict[str, WrappingKey]:
    """Open what sealed identities and secrets until now, by id."""
    opened = {}
    for row in _versions(connection, key_versions.c.key_id == SERVICE):
        root_key = ring.find(_text_or_none(row.root_key_id))
        if root_key is None:
            continue
        try:
            opened[row.key_version_id] = root_key.open_version_1(
                row.wrapped, SERVICE, row.key_version_id
            )
        except UNOPENED:
            _log.warning("The server's key version does not open, nor what it sealed")
    return opened


def _take_over_versions(connection: sa.Connection, ring: KeyRing, left: _Left) -> None:
    """Put every row into format 2, under the root key that it is under."""
    for row in _versions(connection, key_versions.c.key_id != SERVICE):
        root_key = ring.find(_text_or_none(row.root_key_id))
        try:
            if root_key is None:
                raise ValueError(row.root_key_id)
            wrapped = root_key.upgrade_version(
                row.wrapped, row.key_id, row.key_version_id
            )
        except UNOPENED:
            left.versions.append(text_of(row.key_version_id))
            continue
        connection.execute(
            sa.update(key_versions)
            .where(key_versions.c.key_version_id == row.key_version_id)
            .values(wrapped=wrapped)
        )


def _take_over_keys(change: Change, left: _Left) -> None:
    for row in change.connection.execute(
        sa.select(keys).order_by(keys.c.sequence)
    ).all():
        if is_sound(row):
            change.created(row.key_id)
        else:
            left.keys.append(text_of(row.key_id))


def _take_over_identities(
    change: Change, openers: dict[str, WrappingKey], left: _Left
) -> None:
    connection, names = change.connection, dict[str, str]()
    rows = connection.execute(
        sa.select(identities).order_by(identities.c.sequence)
    ).all()
    for row in rows:
        identity_id = text_of(row.identity_id)
        place = f"identity/{identity_id}"
        document = _document_of(openers, place, row)
        values: dict[str, Any] = {"sealed_by": change.service_key.key_version_id}
        if document is None:
            # It does not open under that either; but no key version is held by it.
            left.identities.append(identity_id)
        else:
            values = seal(change, place, document).columns()
            values["kind"] = document["kind"]
            names[identity_id] = str(document["name"])
        named = identities.c.identity_id == row.identity_id
        connection.execute(sa.update(identities).where(named).values(**values))
    change.note(identity_id=[*names], identity_name=[*names.values()])


def _take_over_secrets(
    change: Change, openers: dict[str, WrappingKey], left: _Left
) -> None:
    connection = change.connection
    for row in connection.execute(sa.select(service_secrets)).all():
        name = text_of(row.secret_name)
        named = service_secrets.c.secret_name == row.secret_name
        secret = _opened(openers, name, row)
        if secret is None or len(secret) != SECRET_BYTES:
            left.secrets.append(name)
            values = {"sealed_by": change.service_key.key_version_id}
            connection.execute(sa.update(service_secrets).where(named).values(**values))
        else:
            connection.execute(sa.delete(service_secrets).where(named))
            put_secret(change, name, secret)


def _document_of(
    openers: dict[str, WrappingKey], place: str, row: sa.Row[Any]
) -> Document | None:
    """Open an identity; give it with all that decides and was beside it until now."""
    text = _opened(openers, place, row)
    if text is None:
        return None
    document: Document = json.loads(text)
    # Which kind it is, the sealed document told by what it has.
    kind = "client" if "public_key" in document else "access_key"
    return {
        **document,
        "id": row.identity_id,
        "kind": kind,
        "sequence": row.sequence if isinstance(row.sequence, int) else 0,
        "created_at_ms": row.created_at_ms if is_moment(row.created_at_ms) else 0,
    }


def _opened(
    openers: dict[str, WrappingKey], place: str, row: sa.Row[Any]
) -> bytes | None:
    """Open what an old service version sealed, and no other version."""
    opener = openers.get(row.sealed_by)
    if opener is None:
        return None
    try:
        return opener.open(row.sealed, row.iv, place.encode())[0]
    except UNOPENED:
        return None


def _tell(change: Change, left: _Left) -> None:
    """Let the log and the first line of the change log name what stays behind."""
    _log.info("The database of an older Pairsmith was taken over, as it was found")
    for key_version_id in left.versions:
        _log.warning("The key version %s does not open", key_version_id)
    for key_id in left.keys:
        _log.warning("The key %s is damaged and was not authenticated", key_id)
    for identity_id in left.identities:
        _log.warning(
            "The identity %s was not sealed by the server and is refused", identity_id
        )
    for name in left.secrets:
        _log.warning("The server's secret %s does not open and is refused", name)
    change.note(
        unopened_key_versions=left.versions,
        unauthenticated_keys=left.keys,
        refused_identities=left.identities,
        refused_secrets=left.secrets,
    )


def _versions(
    connection: sa.Connection, *where: sa.ColumnElement[bool]
) -> Iterator[sa.Row[Any]]:
    """Read rows of ``key_versions`` batch by batch, also while they are written."""
    last = ""
    while True:
        rows = connection.execute(
            sa.select(key_versions)
            .where(key_versions.c.key_version_id > last, *where)
            .order_by(key_versions.c.key_version_id)
            .limit(BATCH_ROWS)
        ).all()
        yield from rows
        if len(rows) < BATCH_ROWS:
            return
        last = rows[-1].key_version_id


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
