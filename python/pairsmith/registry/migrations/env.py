"""Alembic's entry: runs inside the transaction that ``migrate.py`` has opened."""

from alembic import context

from pairsmith.registry.schema import REVISION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=REVISION_TABLE,
)
context.run_migrations()
