"""Add the identities of the server's clients, and its own secrets."""

# ruff: noqa: INP001 -- Alembic loads revisions by path, not as a package.

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "identities",
        sa.Column("identity_id", sa.String(41), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at_ms", sa.BigInteger()),
        *_sealed("identities"),
        sa.PrimaryKeyConstraint("identity_id", name="pk_identities"),
        sa.UniqueConstraint("sequence", name="uq_identities_sequence"),
    )
    op.create_table(
        "service_secrets",
        sa.Column("secret_name", sa.String(32), nullable=False),
        *_sealed("service_secrets"),
        sa.PrimaryKeyConstraint("secret_name", name="pk_service_secrets"),
    )


def _sealed(table: str) -> list[SchemaItem]:
    return [
        sa.Column("sealed_by", sa.String(36), nullable=False),
        sa.Column("iv", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sealed_by"],
            ["key_versions.key_version_id"],
            name=f"fk_{table}_sealed_by",
        ),
    ]
