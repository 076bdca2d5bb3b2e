"""What is known of the registry, kept for as long as nothing has changed.

Three things end it. A write in this process replaces it before the call returns. A
write by any other process is noticed by the change mark, which is read again when
``POLL_SECONDS`` have passed. And it does not outlive the moment a key is to rotate.

All that is known at a time was found under one and the same change mark: whoever keeps
to one ``Known`` sees keys, aliases, tags and identities as they were at one moment.
"""

from collections.abc import Callable
from math import inf
from threading import Lock
from time import monotonic
from typing import Any

from pairsmith.registry.resolved import ResolvedKey

POLL_SECONDS = 0.25
"""How old the knowledge about other processes may be; promised is a second."""

ENTRIES = 10_000
"""How many names of each kind are kept; the oldest makes room."""

Entries = dict[str, ResolvedKey]


class Known:
    """What was found under one change mark. It grows, and nothing in it ever changes.

    Attributes:
        initial: The initial versions of keys, by id and alias.
        primary: Their primary versions, likewise.
        versions: Key versions by their ids.
        identities: What stands on the registry keeps here whoever may ask, by id.
    """

    __slots__ = ("identities", "initial", "primary", "versions")

    def __init__(self) -> None:
        self.initial: Entries = {}
        self.primary: Entries = {}
        self.versions: Entries = {}
        self.identities: dict[str, Any] = {}


class Cache:
    """What is known at present; ``fresh_until`` says how long that may be believed.

    Args:
        clock: Gives milliseconds since 1970; rotation goes by it.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.known = Known()
        self.fresh_until = -inf
        self.generation = 0
        self._mark: object = None
        self._rotates_at_ms = inf
        self._clock = clock
        self._lock = Lock()

    def present(self) -> Known | None:
        """Give what is known, if it may be believed now."""
        known = self.known  # first: what replaces it is not believed by its own time
        return known if monotonic() < self.fresh_until else None

    def renew(self, generation: int, mark: object, started: float) -> Known:
        """Believe what is known for a while, or begin anew if the mark is another.

        Args:
            generation: Read before the mark was.
            mark: The change mark, see ``engine.change_mark``.
            started: The monotonic time before the mark was read.

        Returns:
            What is known under this mark; of nobody else's concern if this process has
            changed something since the generation was read.
        """
        with self._lock:
            if generation != self.generation:
                return Known()
            now_ms = self._clock()
            if mark != self._mark or now_ms >= self._rotates_at_ms:
                self._begin()
                self._mark = mark
            until_rotation = (self._rotates_at_ms - now_ms) / 1000
            self.fresh_until = started + min(POLL_SECONDS, until_rotation)
            return self.known

    def bound(self, known: Known, rotates_at_ms: int) -> None:
        """Believe what is known no longer than until a key rotates."""
        with self._lock:
            if known is self.known and rotates_at_ms < self._rotates_at_ms:
                self._rotates_at_ms = rotates_at_ms
                until_rotation = (rotates_at_ms - self._clock()) / 1000
                self.fresh_until = min(self.fresh_until, monotonic() + until_rotation)

    def empty(self) -> None:
        """Believe nothing any more: this process has changed something."""
        with self._lock:
            self.generation += 1
            self._mark = None
            self.fresh_until = -inf
            self._begin()

    def after_fork_in_child(self) -> None:
        """Start empty: a thread of the parent may have been half through a change."""
        self._lock = Lock()
        self.empty()

    def _begin(self) -> None:
        self.known = Known()
        self._rotates_at_ms = inf


def keep(entries: dict[str, Any], name: str, found: object) -> None:
    """Keep an entry; the oldest makes room."""
    if len(entries) >= ENTRIES:
        entries.pop(next(iter(entries)), None)
    entries[name] = found
