"""Registries to test, on SQLite always and on PostgreSQL where one is named.

``PAIRSMITH_TEST_DATABASE=postgresql+psycopg://USER@HOST/DATABASE`` runs the tests that
take ``place`` on both; each then gets a schema of its own.
"""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from places import Place

from clock import Clock
from pairsmith.registry import Registry

POSTGRESQL = os.environ.get("PAIRSMITH_TEST_DATABASE")
BACKENDS = ["sqlite", "postgresql"] if POSTGRESQL else ["sqlite"]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Give a directory in memory, if there is one, for speed."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    with tempfile.TemporaryDirectory(dir=base, prefix="pairsmith-") as name:
        yield Path(name)


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, directory: Path) -> Iterator[Place]:
    """Give a place for a new registry on each database."""
    if request.param == "sqlite":
        url, drop = f"sqlite:///{directory}/kms.db", lambda: None
    else:
        url, drop = _new_schema()
    place = Place(url, directory)
    with place.opened:
        yield place
    drop()


@pytest.fixture
def sqlite_place(directory: Path) -> Iterator[Place]:
    """Give a place for what only an embedded database can suffer."""
    place = Place(f"sqlite:///{directory}/kms.db", directory)
    with place.opened:
        yield place


@pytest.fixture
def registry(place: Place) -> Registry:
    """Give an open registry without keys."""
    return place.open()


@pytest.fixture
def clock(place: Place) -> Clock:
    """Give the clock that the registry goes by."""
    return place.clock


def _new_schema() -> tuple[str, Callable[[], None]]:
    assert POSTGRESQL is not None
    name = f"test_{secrets.token_hex(6)}"
    server = sa.create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")

    def run(statement: str) -> None:
        with server.connect() as connection:
            connection.exec_driver_sql(statement)

    run(f"CREATE SCHEMA {name}")

    def drop() -> None:
        run(f"DROP SCHEMA {name} CASCADE")
        server.dispose()

    options = {"options": f"-csearch_path={name}"}
    url = sa.make_url(POSTGRESQL).update_query_dict(options)
    return url.render_as_string(hide_password=False), drop
