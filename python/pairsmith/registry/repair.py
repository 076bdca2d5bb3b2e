"""Repair: a key's rows are put back as they were authenticated last.

The contents of a key, with their code of authentication, are stored beside its row. As
long as those verify, and are of the newest revision, what anybody did to the rows can
be undone. What cannot be: key material, of which there is no other copy here; rows of
``keys`` that are gone; and a destroyed key.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pairsmith.errors import KeyNotFound, KeyUnavailable
from pairsmith.registry.changing import Change
from pairsmith.registry.contents import (
    COLUMNS,
    KeyRow,
    StoredVersion,
    authentic_text,
    place_of,
)
from pairsmith.registry.identifiers import KEY_ID_CHARACTERS
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.schema import aliases, key_versions, keys, tags

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did.

    Attributes:
        key_id: The key.
        fault: What did not fit; empty if all was as it was authenticated.
        lost_versions: Versions whose material is gone or does not open: the key stays
            unavailable until their rows are restored from a backup.
        lost_aliases: Aliases that another key has been given meanwhile.
    """

    key_id: str
    fault: str
    lost_versions: tuple[str, ...] = ()
    lost_aliases: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Give the form that the command line writes as JSON."""
        return {
            "KeyId": self.key_id,
            "Fault": self.fault,
            "LostKeyVersions": list(self.lost_versions),
            "LostAliases": list(self.lost_aliases),
        }


def repair(change: Change, ring: KeyRing, key_id: str) -> RepairReport:
    """Put the rows of a key back; one that fits stays as it is.

    Raises:
        KeyNotFound: There is no such key.
        KeyUnavailable: What was authenticated is gone too.
    """
    found = change.find_by_id(key_id)
    newest = change.revisions.of(change.connection, place_of(key_id))
    if found is None:
        if newest is None:
            raise KeyNotFound(f"The key {key_id} does not exist; list_keys shows all.")
        raise _beyond_repair(key_id, "its row of the table keys is gone")
    text = authentic_text(change.service_key, found.contents, newest)
    if text is None:
        raise _beyond_repair(key_id, found.fault or "its contents are damaged")
    document = json.loads(text)
    lost_versions = _restore_versions(change, ring, key_id, document)
    lost_aliases: tuple[str, ...] = ()
    if found.fault is not None:
        _restore_row(change.connection, found.row, document, text, lost_versions)
        _remove_strays(change.connection, key_id, document)
        _restore_tags(change.connection, key_id, document)
        lost_aliases = _restore_aliases(change, key_id, document)
        change.note(
            key_id=key_id,
            fault=found.fault,
            alias_name=document["aliases"],
            tags=dict(document["tags"]),
            lost_aliases=lost_aliases,
            lost_key_versions=lost_versions,
        )
    if lost_aliases and not lost_versions:
        change.authenticate(key_id)  # as it is now, without them
    return RepairReport(key_id, found.fault or "", lost_versions, lost_aliases)


def _beyond_repair(key_id: str, why: str) -> KeyUnavailable:
    return KeyUnavailable(
        f"The key {key_id} cannot be repaired: {why}. Restore its rows, or the whole "
        "database, from a backup."
    )


def _restore_versions(
    change: Change, ring: KeyRing, key_id: str, document: Document
) -> tuple[str, ...]:
    """Put back what the rows of versions say; give those without their material."""
    connection = change.connection
    lost = []
    for key_version_id, sequence, created_at_ms, retired_at_ms in document["versions"]:
        found = _row_of(connection, ring, key_id, key_version_id)
        if found is None:
            lost.append(key_version_id)
            continue
        row, root_key_id = found
        wanted = {
            "key_version_id": key_version_id,
            "key_id": key_id,
            "sequence": sequence,
            "created_at_ms": created_at_ms,
            "retired_at_ms": retired_at_ms,
            "root_key_id": root_key_id,
        }
        if all(getattr(row, name) == value for name, value in wanted.items()):
            continue
        own = key_versions.c.key_version_id == row.key_version_id
        _make_way(connection, key_versions.c.sequence, sequence, own)
        connection.execute(sa.update(key_versions).where(own).values(**wanted))
        change.note(key_id=key_id, key_version_id=key_version_id)
    return tuple(lost)


def _row_of(
    connection: sa.Connection, ring: KeyRing, key_id: str, key_version_id: str
) -> tuple[sa.Row[Any], str] | None:
    """Find the row with a version's material, and the root key that opens it.

    It is the row of that id, or one that was given another id.
    """
    own = key_versions.c.key_version_id == key_version_id
    rows = connection.execute(
        sa.select(key_versions)
        .where(own | (key_versions.c.key_id == key_id))
        .order_by(sa.desc(own))
    ).all()
    for row in rows:
        place = StoredVersion(
            key_id, key_version_id, row.root_key_id, 0, 0, None, row.wrapped
        )
        root_key_id = ring.opener_of(connection, place)
        if root_key_id is not None:
            return row, root_key_id
    return None


def _restore_row(
    connection: sa.Connection,
    row: KeyRow,
    document: Document,
    text: str,
    lost_versions: Collection[str],
) -> None:
    """Put back each column, but for one that would name a version without a row."""
    wanted = {name: document["key"][name] for name in COLUMNS}
    wanted |= {"contents": text, "revision": document["revision"]}
    differing = {
        name: value
        for name, value in wanted.items()
        if getattr(row, name) != value and value not in lost_versions
    }
    if differing:
        own = keys.c.key_id == row.key_id
        _make_way(connection, keys.c.sequence, wanted["sequence"], own)
        connection.execute(sa.update(keys).where(own).values(**differing))


def _remove_strays(connection: sa.Connection, key_id: str, document: Document) -> None:
    """Take away versions that are not this key's; those of others go home."""
    listed = [each[0] for each in document["versions"]]
    strays = sa.select(key_versions.c.key_version_id).where(
        key_versions.c.key_id == key_id, key_versions.c.key_version_id.not_in(listed)
    )
    for key_version_id in connection.execute(strays).scalars().all():
        own = key_versions.c.key_version_id == key_version_id
        home = str(key_version_id)[:KEY_ID_CHARACTERS]
        if home == key_id:
            connection.execute(sa.delete(key_versions).where(own))
        else:
            connection.execute(sa.update(key_versions).where(own).values(key_id=home))


def _restore_tags(connection: sa.Connection, key_id: str, document: Document) -> None:
    connection.execute(sa.delete(tags).where(tags.c.key_id == key_id))
    for tag_key, tag_value in document["tags"]:
        connection.execute(
            sa.insert(tags).values(key_id=key_id, tag_key=tag_key, tag_value=tag_value)
        )


def _restore_aliases(
    change: Change, key_id: str, document: Document
) -> tuple[str, ...]:
    """Bind aliases again, but for those that were honestly bound to another since."""
    connection = change.connection
    connection.execute(sa.delete(aliases).where(aliases.c.key_id == key_id))
    lost = []
    for alias_name in document["aliases"]:
        own = aliases.c.alias_name == alias_name
        bearer = connection.execute(sa.select(aliases.c.key_id).where(own)).scalar()
        if bearer is not None and _owns(change, bearer, alias_name):
            lost.append(alias_name)
            continue
        connection.execute(sa.delete(aliases).where(own))
        connection.execute(
            sa.insert(aliases).values(alias_name=alias_name, key_id=key_id)
        )
    return tuple(lost)


def _owns(change: Change, key_id: str, alias_name: str) -> bool:
    """Tell whether a key has an alias by what was authenticated of it."""
    found = change.find_by_id(key_id)
    if found is None:
        return False
    newest = change.revisions.of(change.connection, place_of(key_id))
    text = authentic_text(change.service_key, found.contents, newest)
    return text is not None and alias_name in json.loads(text)["aliases"]


def _make_way(
    connection: sa.Connection,
    column: sa.Column[int],
    sequence: int,
    own: sa.ColumnElement[bool],
) -> None:
    """Free a place in the order that another row has taken; that row does not fit."""
    connection.execute(
        sa.update(column.table)
        .where(column == sequence, sa.not_(own))
        .values(sequence=-sequence)
    )
