"""Which root key wraps a database, and which one will: two columns of ``registry``."""

from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith.registry.engine import damaged_registry
from pairsmith.registry.schema import registry


@dataclass(frozen=True, slots=True)
class RootKeyIds:
    """What the database says about its root keys."""

    present: str | None
    following: str | None

    @property
    def wanted(self) -> str | None:
        """The one under which every row is, or is being put."""
        return self.following or self.present


def root_key_ids(connection: sa.Connection) -> RootKeyIds:
    """Read which root key wraps the database, and which one will.

    Raises:
        DatabaseError: The one row of ``registry`` is damaged.
    """
    rows = connection.execute(
        sa.select(registry.c.root_key_id, registry.c.next_root_key_id).limit(2)
    ).all()
    match [tuple(row) for row in rows]:
        case [(str() | None as present, str() | None as following)]:
            return RootKeyIds(present, following)
    raise damaged_registry()


def note_root_key_ids(connection: sa.Connection, ids: RootKeyIds) -> None:
    """Write which root key wraps the database, and which one will."""
    connection.execute(
        sa.update(registry).values(
            root_key_id=ids.present, next_root_key_id=ids.following
        )
    )
