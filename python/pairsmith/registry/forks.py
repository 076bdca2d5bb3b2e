"""What happens at ``os.fork``: no half-done write is copied, no connection shared."""

import os
from threading import Lock
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
