"""The background pass: a daemon thread that rotates and destroys what is due.

It starts with the first use and not at import or open, so that a process which forks
early, as servers do, forks without threads. A forked child gets its own on its own use.
"""

import logging
from dataclasses import dataclass
from threading import Event, Lock, Thread, current_thread
from typing import Protocol
from weakref import ref

from pairsmith.errors import PairsmithError
from pairsmith.registry.actor import MAINTENANCE, acting

PERIOD_SECONDS = 30.0
"""What is due is also noticed on use; this is for keys that nobody uses."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What a pass did: the keys that were given a new version, and those now gone."""

    rotated: tuple[str, ...]
    destroyed: tuple[str, ...]


class Maintained(Protocol):
    """Something with a background pass."""

    def run_maintenance(self) -> object:
        """Do what is due."""


class Background:
    """At most one thread per registry and process.

    Args:
        subject: Held weakly: a registry that nobody holds ends its thread.
        period_seconds: From one pass to the next; ``PERIOD_SECONDS`` by default.
    """

    def __init__(
        self, subject: Maintained, period_seconds: float | None = None
    ) -> None:
        self._subject = ref(subject)
        self._period_seconds = period_seconds
        self._lock = Lock()
        self._stopped = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread unless it runs or was stopped."""
        if self._thread is None:
            self._start()

    def stop(self) -> None:
        """End the thread, waiting for a pass that is under way."""
        self._stopped.set()
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._stopped.is_set():
                return
            self._thread = Thread(
                target=_maintain,
                args=(self._subject, self._stopped, self._period_seconds),
                name="pairsmith-maintenance",
                daemon=True,
            )
            self._thread.start()

    def after_fork_in_child(self) -> None:
        """Forget the thread, which only the parent has."""
        was_stopped = self._stopped.is_set()
        self._lock, self._stopped, self._thread = Lock(), Event(), None
        if was_stopped:
            self._stopped.set()


def _maintain(
    subject: "ref[Maintained]", stopped: Event, period_seconds: float | None
) -> None:
    while not stopped.wait(period_seconds or PERIOD_SECONDS):
        maintained = subject()
        if maintained is None:
            return
        try:
            with acting(MAINTENANCE):
                maintained.run_maintenance()
        except PairsmithError as error:
            _log.warning("The background pass will be tried again: %s", error)
        del maintained
