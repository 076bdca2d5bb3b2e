"""Note who made a key."""

# ruff: noqa: INP001 -- Alembic loads revisions by path, not as a package.

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; of keys that exist nobody knows."""
    op.add_column(
        "keys", sa.Column("creator", sa.String(64), nullable=False, server_default="")
    )
