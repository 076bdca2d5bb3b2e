"""Resolved keys, kept for as long as nothing has changed.

Three things end an entry. A write in this process empties the cache before it returns.
A write by any other process is noticed by the change mark, which is read again when
``POLL_SECONDS`` have passed. And no entry outlives the moment a key is to rotate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from threading import Lock
from time import monotonic

from pairsmith._core import WrappingKey

POLL_SECONDS = 0.25
"""How old the knowledge about other processes may be; promised is a second."""

ENTRIES = 10_000
"""How many names of each kind are kept; the oldest makes room."""


@dataclass(frozen=True, slots=True)
class ResolvedKey:
    """A key version, ready for use."""

    key_id: str
    key_version_id: str
    wrapping_key: WrappingKey


@dataclass(frozen=True, slots=True)
class Resolution:
    """A resolved key, and when it will rotate: then its primary version is another."""

    resolved: ResolvedKey
    rotates_at_ms: int | None


Entries = dict[str, ResolvedKey]


class Cache:
    """What names resolve to; ``fresh_until`` says for how long that may be believed.

    Args:
        clock: Gives milliseconds since 1970; rotation goes by it.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.initial: Entries = {}
        self.primary: Entries = {}
        self.versions: Entries = {}
        self.fresh_until = -inf
        self.generation = 0
        self._mark: object = None
        self._rotates_at_ms = inf
        self._clock = clock
        self._lock = Lock()

    def renew(self, generation: int, mark: object, started: float) -> None:
        """Believe the entries for a while, or drop them if the mark is another.

        Args:
            generation: Read before the mark was; an older one changes nothing.
            mark: The change mark, see ``engine.change_mark``.
            started: The monotonic time before the mark was read.
        """
        with self._lock:
            if generation != self.generation:
                return
            now_ms = self._clock()
            if mark != self._mark or now_ms >= self._rotates_at_ms:
                self._clear()
                self._mark = mark
            until_rotation = (self._rotates_at_ms - now_ms) / 1000
            self.fresh_until = started + min(POLL_SECONDS, until_rotation)

    def store(
        self,
        entries: Entries,
        name: str,
        found: Resolution,
        *,
        generation: int,
        mark: object,
    ) -> None:
        """Keep an entry, unless something changed while it was being read."""
        with self._lock:
            if generation != self.generation or mark != self._mark:
                return
            if len(entries) >= ENTRIES:
                entries.pop(next(iter(entries)))
            entries[name] = found.resolved
            rotates_at_ms = found.rotates_at_ms
            if rotates_at_ms is not None and rotates_at_ms < self._rotates_at_ms:
                self._rotates_at_ms = rotates_at_ms
                until_rotation = (rotates_at_ms - self._clock()) / 1000
                self.fresh_until = min(self.fresh_until, monotonic() + until_rotation)

    def empty(self) -> None:
        """Believe nothing any more: this process has changed something."""
        with self._lock:
            self.generation += 1
            self._mark = None
            self.fresh_until = -inf
            self._clear()

    def after_fork_in_child(self) -> None:
        """Start empty: a thread of the parent may have been half through a change."""
        self._lock = Lock()
        self.empty()

    def _clear(self) -> None:
        self.initial.clear()
        self.primary.clear()
        self.versions.clear()
        self._rotates_at_ms = inf
