"""What was read from the database, believed for as long as nothing has changed.

A change by this process ends every entry before the call that made it returns. One by
another process is noticed by the change mark, which is read again after
``believe_seconds``. What is not there is never remembered.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Generic, TypeVar

import sqlalchemy as sa

from pairsmith.registry.access import Access
from pairsmith.registry.cache import ENTRIES
from pairsmith.registry.engine import change_mark

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class _Epoch(Generic[Fact]):
    """A time in which nothing changed. Its entries grow; the rest is for ever."""

    generation: int = -1
    mark: object = None
    fresh_until: float = -inf
    entries: dict[str, Fact] = field(default_factory=dict)


class Memory(Generic[Fact]):
    """Facts by name. Without locks: an epoch is replaced, never changed.

    Args:
        access: Whose changes end an epoch.
        believe_seconds: How old the knowledge about other processes may be.
    """

    def __init__(self, access: Access, believe_seconds: float) -> None:
        self._access = access
        self._believe_seconds = believe_seconds
        self._epoch: _Epoch[Fact] = _Epoch()

    def recall(
        self, name: str, read: Callable[[sa.Connection], Fact | None]
    ) -> Fact | None:
        """Give what is remembered, or read it and remember."""
        epoch, generation = self._epoch, self._access.cache.generation
        if time.monotonic() < epoch.fresh_until and epoch.generation == generation:
            fact = epoch.entries.get(name)
            if fact is not None:
                return fact
        self._access.begin_use()
        started = time.monotonic()
        with self._access.database.reading() as connection:
            epoch = self._renewed(epoch, generation, change_mark(connection))
            fact = epoch.entries.get(name)
            if fact is None:
                fact = read(connection)
        if fact is not None:
            epoch.entries[name] = fact
        self._epoch = _Epoch(
            generation,
            epoch.mark,
            started + self._believe_seconds,
            epoch.entries,
        )
        return fact

    def _renewed(
        self, epoch: _Epoch[Fact], generation: int, mark: object
    ) -> _Epoch[Fact]:
        unchanged = (epoch.generation, epoch.mark) == (generation, mark)
        if unchanged and len(epoch.entries) < ENTRIES:
            return epoch
        return _Epoch(generation, mark)
