"""What tests share: databases, an instance in a folder of its own, and a key in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import postgresql as postgresql_server
from pairsmith import Instance

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
def instance(url: str) -> Iterator[Instance]:
    """A new instance, closed afterwards."""
    with Instance.open(url) as opened:
        yield opened


@pytest.fixture
def key_id(instance: Instance) -> str:
    """A new key of that instance, with the alias ``alias/test``."""
    key_id = instance.create_key("for a test").key_id
    instance.create_alias("alias/test", key_id)
    return key_id
