"""What the tests of access share: identities over a registry on either database."""

from collections.abc import Iterator

import pytest

from clock import Clock
from pairsmith.registry import Registry
from pairsmith.server.access.store import AccessStore
from places import Place


@pytest.fixture
def clock(place: Place) -> Clock:
    """The clock that the registry goes by."""
    return place.clock


@pytest.fixture
def registry(place: Place) -> Registry:
    """An open registry without keys."""
    return place.open()


@pytest.fixture
def store(registry: Registry) -> Iterator[AccessStore]:
    """Its identities: none so far."""
    opened = AccessStore(registry)
    yield opened
    opened.close()
