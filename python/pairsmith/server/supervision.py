"""Supervision: the first process keeps as many workers serving as it was told to.

A worker that ends is replaced however often that happens: at once the first time, then
after pauses that double up to a minute, until one has served for a minute again. A
reload starts new workers beside the old ones; an old one is told to stop when its
successor serves. If the successor does not come to serve, the old ones stay.

Nothing here waits or looks at a clock of its own: ``step`` is told what is and acts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pairsmith.server.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[[int], "Worker"]
    """Starts a worker; its argument is a number that no other living one has."""

LONGEST_PAUSE = 60.0
STABLE_SECONDS = 60.0
"""A worker that served and lived for this long lets the pauses begin anew."""

READY_SECONDS = 120.0
"""In which a worker that starts has to serve; else it is killed."""


class Worker(Protocol):
    """A process that serves, or is about to."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def number(self) -> int:
        """What it was started with."""

    def is_ready(self) -> bool:
        """Whether it has come to serve."""

    def has_ended(self) -> bool:
        """Whether its process is gone."""

    def ending(self) -> str:
        """How it ended, for the log."""

    def terminate(self) -> None:
        """Tell it to finish what it accepted and to end."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(eq=False)
class Place:
    """One of the workers that there are to be.

    Attributes:
        worker: The one there is.
        successor: A new one that is to take over as soon as it serves.
        born: When the newest of them was started.
        failures: How many in a row ended early.
        due: When the next may be started.
    """

    worker: Worker | None = None
    successor: Worker | None = None
    born: float = 0.0
    failures: int = 0
    due: float = 0.0

    def workers(self) -> Iterator[Worker]:
        """Those there are."""
        yield from (each for each in (self.worker, self.successor) if each is not None)


@dataclass(eq=False)
class Leaving:
    """A worker that was told to stop, and when it will be killed."""

    worker: Worker
    deadline: float


@dataclass
class Supervisor:
    """Keeps workers serving.

    Args:
        start: Starts one; what it raises (``OSError``) counts as a death.
        places: One for each of those that there are to be.
        patience: Seconds in which a worker has to finish when told to stop.
    """

    start: Start
    places: list[Place]
    patience: float
    _leaving: list[Leaving] = field(init=False, default_factory=list)
    _outdated: list[Place] = field(init=False, default_factory=list)
    _next_start: Start | None = field(init=False, default=None)
    _stopping: bool = field(init=False, default=False)

    def reload(self, start: Start, now: float) -> None:
        """Replace every worker, one after the other, by one started like this.

        What an earlier reload has not finished is given up for this one.
        """
        self._next_start = start
        self._outdated = list(self.places)
        for place in self.places:
            place.due, place.failures = 0.0, 0
            if place.successor is not None:
                self._dismiss(place.successor, now)
                place.successor = None

    def stop(self, now: float) -> None:
        """Tell every worker to stop; no other is started."""
        self._stopping = True
        for place in self.places:
            for worker in place.workers():
                self._dismiss(worker, now)
            place.worker = place.successor = None

    def workers(self) -> Iterator[Worker]:
        """Every worker that there is, those that were told to stop included."""
        for place in self.places:
            yield from place.workers()
        yield from (leaving.worker for leaving in self._leaving)

    def is_done(self) -> bool:
        """Whether it was told to stop and nobody is left."""
        return self._stopping and not self._leaving

    def is_refusing(self) -> bool:
        """Whether connections should be refused rather than kept waiting.

        So it is when all workers were told to stop, and when there is none after
        several came to nothing.
        """
        if self._stopping:
            return True
        failing = any(place.failures > 1 for place in self.places)
        serving = (worker for place in self.places for worker in place.workers())
        return failing and not any(worker.is_ready() for worker in serving)

    def step(self, now: float) -> float | None:
        """Do what there is to do; give when to look again if nothing happens before.

        Args:
            now: Seconds of a clock that only goes forward.
        """
        self._see_off(now)
        if self._stopping:
            return min((each.deadline for each in self._leaving), default=None)
        for place in self.places:
            self._look_after(place, now)
        self._replace_next(now)
        for place in self.places:
            if place.worker is None and place.successor is None and place.due <= now:
                place.worker = self._started(place, self.start, now)
        return min(self._moments(), default=None)

    def _look_after(self, place: Place, now: float) -> None:
        """Notice deaths, successors that serve, and those that never come to serve."""
        for worker in place.workers():
            late = place.born + READY_SECONDS <= now and not worker.is_ready()
            if late and not worker.has_ended() and worker is self._newest(place):
                logger().error("killed: it did not come to serve", pid=worker.pid)
                worker.kill()
        if place.worker is not None and place.worker.has_ended():
            logger().error(
                "a worker ended by itself",
                pid=place.worker.pid,
                reason=place.worker.ending(),
            )
            if place.worker.is_ready() and now - place.born >= STABLE_SECONDS:
                place.failures = 0
            place.worker = None
            if place.successor is None:
                self._pause(place, now)
        if place.successor is not None:
            self._follow(place, place.successor, now)

    def _follow(self, place: Place, successor: Worker, now: float) -> None:
        """Let a successor take over if it serves; give the reload up if it died."""
        if successor.has_ended():
            logger().error(
                "reload given up: the new worker did not start, see above; "
                "workers go on with what they had",
                pid=successor.pid,
            )
            place.successor, self._outdated, self._next_start = None, [], None
            if place.worker is None:
                self._pause(place, now)
        elif successor.is_ready():
            if place.worker is not None:
                self._dismiss(place.worker, now)
            place.worker, place.successor = successor, None
            self.start = self._next_start or self.start
            self._outdated.remove(place)
            if not self._outdated:
                logger().info("reloaded")

    def _replace_next(self, now: float) -> None:
        if self._outdated and self._next_start is not None:
            place = self._outdated[0]
            if place.successor is None:
                place.successor = self._started(place, self._next_start, now)
                if place.successor is None:
                    self._outdated, self._next_start = [], None

    def _started(self, place: Place, start: Start, now: float) -> Worker | None:
        taken = {worker.number for worker in self.workers()}
        number = next(free for free in range(len(taken) + 1) if free not in taken)
        place.born = now
        try:
            worker = start(number)
        except OSError as error:
            logger().error("a worker cannot be started", reason=str(error))
            self._pause(place, now)
            return None
        logger().info("a worker was started", pid=worker.pid)
        return worker

    def _pause(self, place: Place, now: float) -> None:
        """Let the next one wait, the longer the more often this has happened."""
        pause = min(2.0 ** (place.failures - 1), LONGEST_PAUSE) if place.failures else 0
        place.failures = min(place.failures + 1, 16)  # where the pause is the longest
        place.due = now + pause
        if pause:
            logger().warning("the next worker waits", duration_seconds=pause)

    def _dismiss(self, worker: Worker, now: float) -> None:
        worker.terminate()
        self._leaving.append(Leaving(worker, now + self.patience))

    def _see_off(self, now: float) -> None:
        for leaving in list(self._leaving):
            if leaving.worker.has_ended():
                self._leaving.remove(leaving)
            elif leaving.deadline <= now:
                logger().warning(
                    "killed: it did not finish in time", pid=leaving.worker.pid
                )
                leaving.worker.kill()
                leaving.deadline = now + self.patience  # the kernel may take a moment

    def _newest(self, place: Place) -> Worker | None:
        return place.worker if place.successor is None else place.successor

    def _moments(self) -> Iterator[float]:
        """When something is to be done even if nothing happens."""
        yield from (leaving.deadline for leaving in self._leaving)
        for place in self.places:
            newest = self._newest(place)
            if newest is None:
                yield place.due
            elif not newest.is_ready():
                yield place.born + READY_SECONDS
