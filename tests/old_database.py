"""Copies of the database that 70dde76 wrote, on SQLite and on PostgreSQL."""

import base64
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from pairsmith.registry import migrations

FIXTURE = Path(__file__).parent / "fixtures" / "written_by_70dde76"
REVISION = "0003"
"""The schema of 70dde76."""

TABLES = ("key_versions", "keys", "aliases", "tags", "identities", "service_secrets")
"""In an order that foreign keys allow."""


def told(name: str) -> Any:
    """What the fixture says about itself: registry, identities or blobs."""
    return json.loads((FIXTURE / f"{name}.json").read_text())


def binary(text: str) -> bytes:
    """Read Base64."""
    return base64.b64decode(text, validate=True)


def copy_files(directory: Path, database: str = "kms") -> None:
    """Copy a database as ``kms.db`` with the root keys, as a careful person does."""
    for source, target in {
        f"{database}.db": "kms.db",
        "kms.db.audit.log": "kms.db.audit.log",
        "kms.db.root-key": "root-key",
        "rewrapping.root-key": "next-root-key",
    }.items():
        shutil.copyfile(FIXTURE / source, directory / target)
        (directory / target).chmod(0o600)


def copy_rows(source: Path, url: str) -> None:
    """Write the rows of an SQLite file into an empty PostgreSQL database."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with closing(sa.create_engine(f"sqlite:///{source}").connect()) as rows:
        with engine.begin() as connection:
            upgrade(connection, REVISION)
            present = rows.execute(sa.text("SELECT * FROM registry")).mappings().one()
            connection.execute(sa.update(_table(connection, "registry")), dict(present))
            for name in TABLES:
                found = rows.execute(sa.text(f"SELECT * FROM {name}")).mappings()  # noqa: S608 -- a name from above
                connection.execute(
                    sa.insert(_table(connection, name)), [dict(row) for row in found]
                )
        rows.engine.dispose()
    engine.dispose()


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Bring the schema up to a revision that need not be the newest."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _table(connection: sa.Connection, name: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=connection)
