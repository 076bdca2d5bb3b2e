"""Bring the database's schema up to this package's, on every open."""

from math import inf
from pathlib import Path

import sqlalchemy as sa

from pairsmith.errors import DatabaseError, SchemaTooNew
from pairsmith.registry.engine import Database
from pairsmith.registry.schema import REVISION_TABLE, REVISIONS, metadata

ADVISORY_LOCK = 0x7061697273  # "pairs"; PostgreSQL has no write lock without a table

_revision = sa.table(REVISION_TABLE, sa.column("version_num", sa.String))


def migrate(database: Database) -> None:
    """Create or upgrade the schema; two processes may do so at once.

    Raises:
        SchemaTooNew: A newer Pairsmith wrote the database.
        DatabaseError: The database holds tables of something else.
    """
    with database.reading() as connection:
        if _present_revision(connection) == REVISIONS[-1]:
            return
    # Without a limit: a large database takes its time.
    with database.locked(seconds=inf) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        # Looked at again: another process may have migrated while this one waited.
        revision = _present_revision(connection)
        if revision is None:
            _refuse_foreign_tables(connection, database.name)
        if revision != REVISIONS[-1]:
            _upgrade(connection)


def require_present_schema(connection: sa.Connection) -> None:
    """Refuse a database that this package would have to migrate, or cannot read.

    Raises:
        SchemaTooNew: A newer Pairsmith wrote it.
        DatabaseError: An older one did, or none.
    """
    revision = connection.execute(sa.select(_revision)).scalar_one_or_none()
    _require_known(revision)
    if revision != REVISIONS[-1]:
        raise DatabaseError(
            f"The database was replaced by one of an older Pairsmith (schema {revision}"
            f"; this one writes {REVISIONS[-1]}): start again to bring it up to date.",
            retryable=False,
        )


def _present_revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(REVISION_TABLE):
        return None
    revision = connection.execute(sa.select(_revision)).scalar_one_or_none()
    _require_known(revision)
    return revision


def _require_known(revision: str | None) -> None:
    if revision is not None and revision not in REVISIONS:
        raise SchemaTooNew(
            f"A newer Pairsmith has written this database (schema {revision}; this one "
            f"knows {REVISIONS[-1]}): install that version, nothing was changed."
        )


def _refuse_foreign_tables(connection: sa.Connection, name: str) -> None:
    ours = set(metadata.tables) & set(sa.inspect(connection).get_table_names())
    if ours:
        raise DatabaseError(
            f"{name}: The database holds tables of something else "
            f"({', '.join(sorted(ours))}): give Pairsmith a database of its own.",
            retryable=False,
        )


def _upgrade(connection: sa.Connection) -> None:
    # Alembic takes a tenth of a second to import, and most opens do not need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
