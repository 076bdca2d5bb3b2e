"""What happens at ``os.fork``: nothing half-done is copied, no connection shared."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock, local
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Something that must know about forks."""

    def before_fork(self) -> None:
        """Come to rest: in the parent, before."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Start afresh, leaving alone what belongs to the parent."""


class Turnstile:
    """Counts the threads at work, and lets nobody begin while a fork is prepared.

    SQLite, libpq and SQLAlchemy hold locks of their own while they work. A child forked
    meanwhile would inherit them locked, by a thread it does not have, and hang.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._at_work = 0
        self._forking = False
        self._own = local()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Work inside; work within work passes at once, for the fork waits for it."""
        depth = getattr(self._own, "depth", 0)
        with self._changed:
            self._changed.wait_for(lambda: depth or not self._forking)
            self._at_work += 1
        self._own.depth = depth + 1
        try:
            yield
        finally:
            self._own.depth = depth
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody begin, and wait until no other thread is at work."""
        own = getattr(self._own, "depth", 0)
        with self._changed:
            self._forking = True
            self._changed.wait_for(lambda: self._at_work == own)

    def wait_until_idle(self) -> None:
        """Wait until no other thread is at work; new ones may begin meanwhile."""
        own = getattr(self._own, "depth", 0)
        with self._changed:
            self._changed.wait_for(lambda: self._at_work <= own)

    def reopen(self) -> None:
        """Let the waiting go on."""
        with self._changed:
            self._forking = False
            self._changed.notify_all()


_gate = Lock()
_watched: WeakSet[Forkable] = WeakSet()
_resting: list[Forkable] = []


def watch_forks(subject: Forkable) -> None:
    """Tell the subject about forks for as long as it lives."""
    with _gate:
        _watched.add(subject)


def _before() -> None:
    _gate.acquire()
    _resting.extend(_watched)
    for subject in _resting:
        subject.before_fork()


def _after_in_parent() -> None:
    for subject in _resting:
        subject.after_fork_in_parent()
    _resting.clear()
    _gate.release()


def _after_in_child() -> None:
    for subject in _resting:
        subject.after_fork_in_child()
    _resting.clear()
    _gate.release()


os.register_at_fork(
    before=_before,
    after_in_parent=_after_in_parent,
    after_in_child=_after_in_child,
)
