"""Authenticate keys: their contents, revisions of all objects, and the change log."""

# ruff: noqa: INP001 -- Alembic loads revisions by path, not as a package.

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add columns and tables; ``adoption.py`` fills them when the root key is there."""
    op.add_column("registry", sa.Column("next_service_version", sa.LargeBinary()))
    op.add_column("keys", sa.Column("revision", sa.BigInteger()))
    op.add_column("keys", sa.Column("contents", sa.Text()))
    op.add_column("keys", sa.Column("contents_mac", sa.LargeBinary()))
    op.create_table(
        "revision_pages",
        sa.Column("page", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("page", name="pk_revision_pages"),
    )
    op.create_table(
        "changes",
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_changes"),
    )
