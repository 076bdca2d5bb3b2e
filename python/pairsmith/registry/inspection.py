"""All that is authenticated, looked at at once: what does not fit, and what is gone.

For ``doctor``, and for whoever asks how a registry is; the look changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from pairsmith.errors import DatabaseError, KeyUnavailable, RootKeyError
from pairsmith.registry.changing import require_revisions
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.revisions import Revisions
from pairsmith.registry.schema import identities, keys, service_secrets
from pairsmith.registry.service_seal import open_sealed
from pairsmith.registry.soundness import text_of
from pairsmith.registry.stored_keys import StoredKey, StoredKeys

BATCH_KEYS = 100

_OBJECTS = {
    "key": keys.c.key_id,
    "identity": identities.c.identity_id,
    "secret": service_secrets.c.secret_name,
}
"""Kinds of objects, and the column that names each."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        faults: What does not fit, by key id.
        missing: Objects such as ``key/key-…`` whose rows somebody has removed.
        damaged_pages: Pages of ``revision_pages`` that are not authentic.
        refused: Identities and secrets such as ``identity/LTAI…`` that do not open,
            each with the reason and what to do.
    """

    faults: Mapping[str, str]
    missing: tuple[str, ...]
    damaged_pages: tuple[int, ...]
    refused: Mapping[str, str] = field(default_factory=dict)


def inspect(connection: sa.Connection, ring: KeyRing) -> Inspection:
    """Look at every key and every page in one transaction.

    Raises:
        DatabaseError: What everything hangs on is missing or damaged.
        RootKeyError: The service version's root key is not at hand.
    """
    revisions = require_revisions(connection, ring)
    if revisions is None:
        return Inspection({}, (), ())
    damaged_pages = revisions.load_all(connection)
    faults = {}
    stored = StoredKeys(connection, revisions)
    rows = connection.execute(sa.select(keys).order_by(keys.c.sequence)).all()
    for start in range(0, len(rows), BATCH_KEYS):
        for key in stored.checked(rows[start : start + BATCH_KEYS]):
            fault = key.fault or _damaged_material(connection, ring, key)
            if fault is not None:
                faults[key.key_id] = fault
    missing, refused = _missing(connection, revisions), _refused(connection, revisions)
    return Inspection(faults, missing, damaged_pages, refused)


def _damaged_material(
    connection: sa.Connection, ring: KeyRing, key: StoredKey
) -> str | None:
    """Name the versions that do not open, though all that is known of them fits."""
    damaged = []
    for version in key.contents.versions:
        try:
            ring.open_version(connection, version)
        except KeyUnavailable:
            damaged.append(version.key_version_id)
        except RootKeyError:
            continue  # under a root key that is not at hand, while a re-wrap goes on
    return f"material of {', '.join(damaged)} does not open" if damaged else None


def _refused(connection: sa.Connection, revisions: Revisions) -> dict[str, str]:
    refused = {}
    for kind, column in _OBJECTS.items():
        if column.table is keys:
            continue
        for row in connection.execute(sa.select(column.table).order_by(column)).all():
            place = f"{kind}/{text_of(getattr(row, column.name))}"
            try:
                open_sealed(connection, revisions, place, row)
            except (DatabaseError, KeyUnavailable) as error:
                refused[place] = str(error)
    return refused


def _missing(connection: sa.Connection, revisions: Revisions) -> tuple[str, ...]:
    present = {
        f"{kind}/{text_of(name)}"
        for kind, column in _OBJECTS.items()
        for name in connection.execute(sa.select(column)).scalars()
    }
    return tuple(sorted(revisions.names() - present))
