"""Versions of a key: added, described, listed, retired. Material never changes."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pairsmith.errors import KeyVersionNotFound
from pairsmith.model import KeyVersion
from pairsmith.registry.contents import StoredVersion
from pairsmith.registry.engine import next_sequence
from pairsmith.registry.identifiers import new_key_version_id
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.schema import key_versions, keys
from pairsmith.registry.soundness import moment, text_of
from pairsmith.registry.stored_keys import StoredKey


@dataclass(frozen=True, slots=True)
class AddedVersion:
    """A version just written, and its place in the order of things."""

    key_version_id: str
    sequence: int


def add(
    connection: sa.Connection, ring: KeyRing, key_id: str, now_ms: int
) -> AddedVersion:
    """Write a version with new key material; the caller makes it primary."""
    return write(connection, ring, key_id, new_key_version_id(key_id), now_ms)


def write(
    connection: sa.Connection,
    ring: KeyRing,
    key_id: str,
    key_version_id: str,
    now_ms: int,
) -> AddedVersion:
    """Write a version of that id with new key material."""
    sequence = next_sequence(connection, key_versions.c.sequence, keys.c.sequence)
    added = AddedVersion(key_version_id, sequence)
    wrapped = ring.create_version(connection, key_id, key_version_id)
    connection.execute(
        sa.insert(key_versions).values(
            key_version_id=key_version_id,
            key_id=key_id,
            sequence=added.sequence,
            created_at_ms=now_ms,
            **wrapped,
        )
    )
    return added


def find(connection: sa.Connection, key_version_id: str) -> sa.Row[Any] | None:
    """Find a version of whatever key, or nothing."""
    return connection.execute(
        sa.select(key_versions).where(key_versions.c.key_version_id == key_version_id)
    ).first()


def describe(key: StoredKey, key_version_id: str) -> KeyVersion:
    """Describe a version of this very key.

    Raises:
        KeyVersionNotFound: There is none, or it belongs to another key.
    """
    found = key.version(key_version_id)
    if found is None:
        raise KeyVersionNotFound(
            f"The key {key.key_id} has no version {key_version_id}; list_key_versions "
            "shows all."
        )
    return version_of(found)


def version_of(row: sa.Row[Any] | StoredVersion) -> KeyVersion:
    """Show a row without its material."""
    retired_at_ms = row.retired_at_ms
    return KeyVersion(
        text_of(row.key_id),
        text_of(row.key_version_id),
        moment(row.created_at_ms),
        None if retired_at_ms is None else moment(retired_at_ms),
    )


def mark_retired(
    connection: sa.Connection, key_version_id: str, now_ms: int | None
) -> None:
    """Note since when a version is retired; with ``None`` it is so no longer."""
    connection.execute(
        sa.update(key_versions)
        .where(key_versions.c.key_version_id == key_version_id)
        .values(retired_at_ms=now_ms)
    )
