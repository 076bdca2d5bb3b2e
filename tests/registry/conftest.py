"""Registries to test, on SQLite and on PostgreSQL."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from places import Place

from clock import Clock
from pairsmith.registry import Registry
from pairsmith.registry.engine import Database
from pairsmith.registry.migrate import migrate
from postgresql import Postgresql


@pytest.fixture
def directory() -> Iterator[Path]:
    """Give a directory in memory, if there is one, for speed."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    with tempfile.TemporaryDirectory(dir=base, prefix="pairsmith-") as name:
        yield Path(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """Give a place for a new registry on each database."""
    place: Place = request.getfixturevalue(f"{request.param}_place")
    return place


@pytest.fixture
def sqlite_place(directory: Path) -> Iterator[Place]:
    """Give a place for what only an embedded database can suffer."""
    place = Place(f"sqlite:///{directory}/kms.db", directory)
    with place.opened:
        yield place


@pytest.fixture(scope="session")
def migrated(postgresql: Postgresql) -> Iterator[str]:
    """Name a PostgreSQL database with our tables, to copy: faster than to migrate."""
    with postgresql.database() as url:
        with closing(Database(url)) as database:
            migrate(database)
        yield str(sa.make_url(url).database)


@pytest.fixture
def postgresql_place(
    postgresql: Postgresql, migrated: str, directory: Path
) -> Iterator[Place]:
    """Give a place for what only a database server can suffer."""
    with postgresql.database(migrated) as url:
        place = Place(url, directory)
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
