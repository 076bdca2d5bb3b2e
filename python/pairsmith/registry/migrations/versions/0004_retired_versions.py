"""Note since when a key version is retired: it opens nothing, and its row stays."""

# ruff: noqa: INP001 -- Alembic loads revisions by path, not as a package.

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; no version that exists is retired."""
    op.add_column("key_versions", sa.Column("retired_at_ms", sa.BigInteger()))
