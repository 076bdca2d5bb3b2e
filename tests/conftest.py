"""What tests share: an instance in a folder of its own, and a key in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pairsmith import Instance

pytest_plugins = ["pairsmith.testing"]  # also in a checkout that is not installed


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'kms.db'}"


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
