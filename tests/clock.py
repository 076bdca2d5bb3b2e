"""A moment, and a clock that shows it."""

from dataclasses import dataclass

NOON = 1_800_000_000.0
DAY = 86_400.0


@dataclass
class Clock:
    """A clock that stands still until it is told otherwise."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        self.now += days * DAY + seconds
