"""Create the first schema.

Written out rather than taken from ``schema.py``: a revision must go on doing what it
did when databases were made with it.
"""

# ruff: noqa: INP001 -- Alembic loads revisions by path, not as a package.

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the five tables and the one row of ``registry``."""
    _create_registry()
    _create_key_versions()
    _create_keys()
    _create_names()


def _create_registry() -> None:
    registry = op.create_table(
        "registry",
        sa.Column("only_row", sa.Integer(), nullable=False),
        sa.Column("change_counter", sa.BigInteger(), nullable=False),
        sa.Column("root_key_id", sa.String(16)),
        sa.Column("next_root_key_id", sa.String(16)),
        sa.PrimaryKeyConstraint("only_row", name="pk_registry"),
        sa.CheckConstraint("only_row = 1", name="ck_registry_only_row"),
    )
    op.bulk_insert(registry, [{"only_row": 1, "change_counter": 0}])


def _create_key_versions() -> None:
    op.create_table(
        "key_versions",
        sa.Column("key_version_id", sa.String(36), nullable=False),
        sa.Column("key_id", sa.String(25), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("root_key_id", sa.String(16), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_version_id", name="pk_key_versions"),
        sa.UniqueConstraint("sequence", name="uq_key_versions_sequence"),
        sa.UniqueConstraint(
            "key_id", "key_version_id", name="uq_key_versions_key_id_key_version_id"
        ),
    )
    op.create_index("ix_key_versions_root_key_id", "key_versions", ["root_key_id"])


def _create_keys() -> None:
    op.create_table(
        "keys",
        sa.Column("key_id", sa.String(25), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("key_state", sa.String(16), nullable=False),
        sa.Column("key_spec", sa.String(32), nullable=False),
        sa.Column("key_usage", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("protection_level", sa.String(16), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("initial_version_id", sa.String(36), nullable=False),
        sa.Column("primary_version_id", sa.String(36), nullable=False),
        sa.Column("rotation_interval_ms", sa.BigInteger()),
        sa.Column("last_rotation_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("delete_at_ms", sa.BigInteger()),
        sa.Column("deletion_protection", sa.Boolean(), nullable=False),
        sa.Column("deletion_protection_description", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_keys"),
        sa.UniqueConstraint("sequence", name="uq_keys_sequence"),
        sa.ForeignKeyConstraint(
            ["key_id", "initial_version_id"],
            ["key_versions.key_id", "key_versions.key_version_id"],
            name="fk_keys_key_id_initial_version_id",
        ),
        sa.ForeignKeyConstraint(
            ["key_id", "primary_version_id"],
            ["key_versions.key_id", "key_versions.key_version_id"],
            name="fk_keys_key_id_primary_version_id",
        ),
    )
    op.create_index(
        "ix_keys_key_state_delete_at_ms", "keys", ["key_state", "delete_at_ms"]
    )


def _create_names() -> None:
    op.create_table(
        "aliases",
        sa.Column("alias_name", sa.String(261), nullable=False),
        sa.Column("key_id", sa.String(25), nullable=False),
        sa.PrimaryKeyConstraint("alias_name", name="pk_aliases"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.key_id"], name="fk_aliases_key_id"),
    )
    op.create_index("ix_aliases_key_id", "aliases", ["key_id"])
    op.create_table(
        "tags",
        sa.Column("key_id", sa.String(25), nullable=False),
        sa.Column("tag_key", sa.String(128), nullable=False),
        sa.Column("tag_value", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "tag_key", name="pk_tags"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.key_id"], name="fk_tags_key_id"),
    )
