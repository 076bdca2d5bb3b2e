"""Registries to test, on SQLite and on PostgreSQL."""

import pytest

from clock import Clock
from pairsmith.registry import Registry
from places import Place


@pytest.fixture
def registry(place: Place) -> Registry:
    """Give an open registry without keys."""
    return place.open()


@pytest.fixture
def clock(place: Place) -> Clock:
    """Give the clock that the registry goes by."""
    return place.clock
