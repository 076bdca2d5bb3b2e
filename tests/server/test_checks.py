"""Checks behind ``/readyz``: shared, bounded, and never more than one that hangs."""

import asyncio
from threading import Event

import pytest

from pairsmith.errors import DatabaseError
from pairsmith.server import checks
from pairsmith.server.checks import BELIEVED_SECONDS, OK, SILENT, Check

SAFETY_SECONDS = 60


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look is given up because the machine is busy."""
    monkeypatch.setattr(checks, "PATIENCE_SECONDS", SAFETY_SECONDS)


class Part:
    """Something that is looked at, and may hang."""

    def __init__(self) -> None:
        self.looks = 0
        self.error: Exception | None = None
        self.begun, self.go_on = Event(), Event()
        self.go_on.set()

    def look(self) -> None:
        """What a check does."""
        self.looks += 1
        self.begun.set()
        assert self.go_on.wait(SAFETY_SECONDS)
        if self.error is not None:
            raise self.error


def test_all_who_ask_at_a_time_share_one_look() -> None:
    """And those who ask a moment later get the same answer."""
    part, now = Part(), [0.0]
    check = Check("part", part.look, lambda: now[0])

    async def ask() -> None:
        part.go_on.clear()
        asking = [asyncio.create_task(check.outcome()) for _ in range(20)]
        await asyncio.to_thread(part.begun.wait, SAFETY_SECONDS)
        part.go_on.set()
        assert await asyncio.gather(*asking) == [OK] * 20
        now[0] = BELIEVED_SECONDS
        assert await check.outcome() == OK
        assert part.looks == 1
        now[0] = 2.5 * BELIEVED_SECONDS
        assert await check.outcome() == OK
        assert part.looks == 2

    asyncio.run(ask())


def test_a_look_that_hangs_is_said_at_once_and_takes_one_thread() -> None:
    """However often it is asked for; when it has ended another one begins."""
    part, now = Part(), [0.0]
    check = Check("part", part.look, lambda: now[0])

    async def ask() -> None:
        part.go_on.clear()
        first = asyncio.create_task(check.outcome())
        await asyncio.to_thread(part.begun.wait, SAFETY_SECONDS)
        now[0] = SAFETY_SECONDS
        for _ in range(1000):
            assert await check.outcome() == SILENT
        assert part.looks == 1
        assert not first.done()
        part.go_on.set()
        assert await first == OK
        now[0] += 2 * BELIEVED_SECONDS
        assert await check.outcome() == OK
        assert part.looks == 2

    asyncio.run(ask())


def test_the_first_who_asks_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its patience ends, whatever the look does."""
    part = Part()
    part.go_on.clear()
    monkeypatch.setattr(checks, "PATIENCE_SECONDS", 0.01)
    assert asyncio.run(Check("part", part.look).outcome()) == SILENT
    part.go_on.set()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DatabaseError("secret"), "ServiceUnavailableTemporary"),
        (ValueError("secret"), "InternalFailure"),
    ],
)
def test_an_error_is_told_by_its_code_alone(error: Exception, outcome: str) -> None:
    """Anybody may read the answer; a defect is no readiness either."""
    part = Part()
    part.error = error
    assert asyncio.run(Check("part", part.look).outcome()) == outcome
