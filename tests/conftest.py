"""What tests share: databases, an instance in a folder of its own, and a key in it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa

import old_database
import postgresql as postgresql_server
from pairsmith import Instance
from pairsmith.registry.engine import Database
from pairsmith.registry.migrate import migrate
from places import Place

# Hypothesis would take a slow machine for a slow test.
hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")

pytest_plugins = ["pairsmith.testing"]  # also in a checkout that is not installed


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own


@pytest.fixture(scope="session")
def postgresql(run_folder: Path) -> Iterator[postgresql_server.Postgresql]:
    """A PostgreSQL server; what needs one is skipped, and counted, where none is."""
    with postgresql_server.running(run_folder) as server:
        if server is None:
            pytest.skip(postgresql_server.MISSING)
        yield server


@pytest.fixture
def postgresql_url(postgresql: postgresql_server.Postgresql) -> Iterator[str]:
    """A new and empty PostgreSQL database."""
    with postgresql.database() as url:
        yield url


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'kms.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def each_url(request: pytest.FixtureRequest) -> str:
    """A new database of each kind, for what must be true of both."""
    name = "url" if request.param == "sqlite" else "postgresql_url"
    return str(request.getfixturevalue(name))


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


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name an SQLite database with our tables, to copy: faster than to migrate."""
    file = tmp_path_factory.mktemp("migrated") / "kms.db"
    with closing(Database(f"sqlite:///{file}")) as database:
        migrate(database)
    return file


@pytest.fixture
def sqlite_place(directory: Path, migrated_file: Path) -> Iterator[Place]:
    """Give a place for what only an embedded database can suffer."""
    shutil.copy(migrated_file, directory)
    place = Place(f"sqlite:///{directory}/kms.db", directory)
    with place.opened:
        yield place


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_place(request: pytest.FixtureRequest, directory: Path) -> Iterator[Place]:
    """Give a place where nothing was opened yet, for what a first open does."""
    url = f"sqlite:///{directory}/kms.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    place = Place(url, directory)
    with place.opened:
        yield place


@pytest.fixture(scope="session")
def migrated(postgresql: postgresql_server.Postgresql) -> Iterator[str]:
    """Name a PostgreSQL database with our tables, to copy: faster than to migrate."""
    with postgresql.database() as url:
        with closing(Database(url)) as database:
            migrate(database)
        yield str(sa.make_url(url).database)


@pytest.fixture
def postgresql_place(
    postgresql: postgresql_server.Postgresql, migrated: str, directory: Path
) -> Iterator[Place]:
    """Give a place for what only a database server can suffer."""
    with postgresql.database(migrated) as url:
        place = Place(url, directory)
        with place.opened:
            yield place


@pytest.fixture(params=["sqlite", "postgresql"])
def old_places(
    request: pytest.FixtureRequest, directory: Path
) -> Iterator[Callable[[str], Place]]:
    """Makes places where a database of 70dde76 lies that was not yet opened by us."""
    with ExitStack() as stack:

        def make(database: str = "kms") -> Place:
            own = Path(tempfile.mkdtemp(dir=directory))
            old_database.copy_files(own, database)
            url = f"sqlite:///{own}/kms.db"
            if request.param == "postgresql":
                server = request.getfixturevalue("postgresql")
                url = stack.enter_context(server.database())
                old_database.copy_rows(own / "kms.db", url)
            place = Place(url, own)
            stack.enter_context(place.opened)
            return place

        yield make


@pytest.fixture
def old_place(old_places: Callable[[str], Place]) -> Place:
    """Give a place where a database of 70dde76 lies."""
    return old_places("kms")


@pytest.fixture
def rewrapping_place(old_places: Callable[[str], Place]) -> Place:
    """The same, in the middle of a re-wrap to ``next-root-key``."""
    return old_places("rewrapping")


@pytest.fixture
def instance(url: str, tmp_path: Path, migrated_file: Path) -> Iterator[Instance]:
    """A new instance, closed afterwards."""
    shutil.copy(migrated_file, tmp_path)
    with Instance.open(url) as opened:
        yield opened


@pytest.fixture
def key_id(instance: Instance) -> str:
    """A new key of that instance, with the alias ``alias/test``."""
    key_id = instance.create_key("for a test").key_id
    instance.create_alias("alias/test", key_id)
    return key_id
