"""What the tests of the server share: identities over a registry of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clock import Clock
from pairsmith.registry import Registry
from pairsmith.server.access.store import AccessStore


@pytest.fixture
def clock() -> Clock:
    """The clock that the registry goes by."""
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    """An open registry without keys."""
    url = f"sqlite:///{tmp_path / 'kms.db'}"
    with Registry.open(url, clock=clock, background=False) as opened:
        yield opened


@pytest.fixture
def store(registry: Registry) -> Iterator[AccessStore]:
    """Its identities: none so far."""
    opened = AccessStore(registry)
    yield opened
    opened.close()
