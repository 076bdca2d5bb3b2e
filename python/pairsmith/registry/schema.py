"""The tables, the same for SQLite and PostgreSQL.

A key row cannot exist without its primary and its initial version: they are columns of
the key that refer to rows of ``key_versions`` of the same key. Hence a key never has
two primary versions, and never none. Versions are written before their key and deleted
after it, so no constraint has to wait for the end of a transaction.

Order is kept by ``sequence``, never by time, for clocks go backwards: it is the change
counter of the transaction that made the row. Moments are milliseconds since 1970, UTC.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every revision of the schema this package knows, oldest first."""

REVISION_TABLE = "schema_revision"
"""Where Alembic notes the revision; a name of our own, for shared databases."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

registry = Table(
    "registry",
    metadata,
    Column("only_row", Integer, primary_key=True),
    Column("change_counter", BigInteger, nullable=False),
    Column("root_key_id", String(16)),
    Column("next_root_key_id", String(16)),
    Column("next_service_version", LargeBinary),
    CheckConstraint("only_row = 1", name="only_row"),
)
"""One row: the change counter, and which root key wraps (and, while re-wrapping, will).

While a re-wrap is under way ``next_service_version`` is the service version wrapped
under the next root key: whoever holds either of both can tell what is authentic.

Every write transaction updates this row first. On PostgreSQL that is the write lock
SQLite has for the whole database; one writer at a time, the same reasoning for both.
"""

key_versions = Table(
    "key_versions",
    metadata,
    Column("key_version_id", String(36), primary_key=True),
    Column("key_id", String(25), nullable=False),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("root_key_id", String(16), nullable=False, index=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("retired_at_ms", BigInteger),
    UniqueConstraint("key_id", "key_version_id"),
)

keys = Table(
    "keys",
    metadata,
    Column("key_id", String(25), primary_key=True),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("key_state", String(16), nullable=False),
    Column("key_spec", String(32), nullable=False),
    Column("key_usage", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("protection_level", String(16), nullable=False),
    Column("description", Text, nullable=False),
    Column("creator", String(64), nullable=False, server_default=""),
    Column("initial_version_id", String(36), nullable=False),
    Column("primary_version_id", String(36), nullable=False),
    Column("rotation_interval_ms", BigInteger),
    Column("last_rotation_at_ms", BigInteger, nullable=False),
    Column("delete_at_ms", BigInteger),
    Column("deletion_protection", Boolean, nullable=False),
    Column("deletion_protection_description", Text, nullable=False),
    Column("revision", BigInteger),
    Column("contents", Text),
    Column("contents_mac", LargeBinary),
    ForeignKeyConstraint(
        ["key_id", "initial_version_id"],
        ["key_versions.key_id", "key_versions.key_version_id"],
    ),
    ForeignKeyConstraint(
        ["key_id", "primary_version_id"],
        ["key_versions.key_id", "key_versions.key_version_id"],
    ),
    Index(None, "key_state", "delete_at_ms"),
)
"""``contents`` is the key with all that hangs on it, as ``contents.py`` writes it, and
``contents_mac`` authenticates that: what the columns say is believed if it fits."""

revision_pages = Table(
    "revision_pages",
    metadata,
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("entries", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)
"""Which revision of each object is the newest, see ``revisions.py``."""

changes = Table(
    "changes",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)
"""The change log: one line for each write transaction, see ``change_log.py``."""

aliases = Table(
    "aliases",
    metadata,
    Column("alias_name", String(261), primary_key=True),
    Column("key_id", ForeignKey("keys.key_id"), nullable=False, index=True),
)

tags = Table(
    "tags",
    metadata,
    Column("key_id", ForeignKey("keys.key_id"), primary_key=True),
    Column("tag_key", String(128), primary_key=True),
    Column("tag_value", String(128), nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("identity_id", String(41), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("last_used_at_ms", BigInteger),
    Column("sealed_by", ForeignKey("key_versions.key_version_id"), nullable=False),
    Column("iv", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""Client keys and access keys. Whatever decides about rights is sealed: who can write
the database but has no root key cannot make an identity or widen one."""

service_secrets = Table(
    "service_secrets",
    metadata,
    Column("secret_name", String(32), primary_key=True),
    Column("sealed_by", ForeignKey("key_versions.key_version_id"), nullable=False),
    Column("iv", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""What the server itself keeps secret, such as the key of its audit log."""

guard_slots = Table(
    "guard_slots",
    metadata,
    Column("guard_name", String(32), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("holder", String(32), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("valid_until_ms", BigInteger, nullable=False),
)
"""The concurrency guard on PostgreSQL: who holds which slot, and until when by the
database's own clock. ``epoch`` counts how often the slot was taken. SQLite's guard is
a lock file, so there the table stays empty."""
