"""Add the slots of the concurrency guard."""

# ruff: noqa: INP001 -- Alembic loads revisions by path, not as a package.

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table; a guard makes the slots that it needs."""
    op.create_table(
        "guard_slots",
        sa.Column("guard_name", sa.String(32), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("valid_until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guard_name", "slot", name="pk_guard_slots"),
    )
