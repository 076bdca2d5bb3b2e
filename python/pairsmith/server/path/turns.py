"""Whose turn it is to make a pair: no client keeps the slots from the others.

The guard knows slots, not clients: whoever asks next after a pair has ended gets its
slot, and one who asks without a pause gets nearly all of them. So, in each worker:

- A request that finds the slot taken by another client's pair waits for its turn, one
  of each client and in the order in which they came. Meanwhile no RSA pair of anybody
  else begins. (A pair of an elliptic curve takes less than handing over the slot.)
- After an RSA pair its client pauses for a while, as long as others ask for pairs:
  at a share of 50 % for as long as the pair took. Until then it is refused.

A client that is alone waits and pauses for nobody. What other workers and hosts do is
not seen here: a slot that is taken there refuses at once, as the guard does. So that a
client has its share of the time once and not in each worker, every worker grants its
part of it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Self

from pairsmith.errors import Throttled
from pairsmith.server.path.refusals import QuotaExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pairsmith.server.settings import Pairs

ASKING_SECONDS = 10.0
"""For how long after a request for a pair its client counts as one of the others."""

CLIENTS = 1024
"""How many clients are remembered before those that ask no more are forgotten."""


class Turns:
    """The turns of one worker; safe for threads, waited for in one event loop.

    Args:
        pairs: How long requests wait, how many, and what the share of each client is.
        workers: How many there are, each of which has turns of its own.
        clock: Gives the time.
    """

    def __init__(
        self,
        pairs: Pairs,
        workers: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wait_seconds = pairs.turn_ms / 1000
        self._places = pairs.waiting
        part = pairs.share_percent / 100
        self._pause_per_second = workers / part - 1 if part < 1 else 0.0
        self._clock = clock
        self._lock = Lock()
        self._line: list[Turn] = []
        self._ended = 0
        self._clients: dict[str, _Client] = {}

    def of(self, principal_id: str, *, is_long: bool) -> Turn:
        """The turn of one request for a pair.

        Args:
            principal_id: Whose.
            is_long: Whether it is for an RSA pair.
        """
        return Turn(self, principal_id, is_long=is_long)

    def begin(self, turn: Turn) -> None:
        """Let an attempt begin, see ``Turn.attempt``."""
        now = self._clock()
        with self._lock:
            client = self._client(turn.principal_id, now)
            client.asked_at = turn.began = now
            turn.others_ended = self._ended - client.ended
            if turn.is_long:
                self._require_turn(turn)
                self._require_share(turn, client.paused_until - now, now)
            self._remove(turn)
            client.running += 1

    def end(self, turn: Turn, *, refused: bool) -> None:
        """Let the next one have the slot, if there was one."""
        now = self._clock()
        with self._lock:
            client = self._clients[turn.principal_id]
            client.running -= 1
            if not refused:
                client.ended += 1
                self._ended += 1
                if turn.is_long:
                    pause = (now - turn.began) * self._pause_per_second
                    client.paused_until = max(client.paused_until, now + pause)
            # Where the slot is held elsewhere, nobody here would end and wake others.
            if not refused or not any(each.running for each in self._clients.values()):
                self._wake_next()

    async def wait(self, turn: Turn) -> bool:
        """Wait until a pair ends, see ``Turn.wait``."""
        now, woken = self._clock(), asyncio.Event()
        loop = asyncio.get_running_loop()
        with self._lock:
            if not self._may_wait(turn, now):
                return False
            if self._ended_since(turn, now):
                return True  # the slot may be free already
            turn.wake = partial(loop.call_soon_threadsafe, woken.set)
            turn.is_woken = False
            # Who waits again waits at the front: a shorter pair has passed it.
            self._line.insert(0 if turn.has_waited else len(self._line), turn)
            turn.has_waited = True
        try:
            async with asyncio.timeout((turn.patient_until or now) - now):
                await woken.wait()
        except TimeoutError:
            return False
        return True

    def leave(self, turn: Turn) -> None:
        """Let a request stand in nobody's way any more."""
        with self._lock:
            if self._remove(turn) and turn.is_woken:
                self._wake_next()

    # The rest is called by one who holds the lock.

    def _client(self, principal_id: str, now: float) -> _Client:
        if principal_id not in self._clients:
            if len(self._clients) >= CLIENTS:
                self._clients = {
                    name: each
                    for name, each in self._clients.items()
                    if each.running or each.asks(now)
                }
            self._clients[principal_id] = _Client()
        return self._clients[principal_id]

    def _others(self, principal_id: str) -> Iterator[_Client]:
        return (each for name, each in self._clients.items() if name != principal_id)

    def _require_turn(self, turn: Turn) -> None:
        for ahead in self._line:
            if ahead is turn:
                return
            if ahead.principal_id != turn.principal_id:
                raise Throttled

    def _require_share(self, turn: Turn, left: float, now: float) -> None:
        if left > 0 and any(each.asks(now) for each in self._others(turn.principal_id)):
            raise QuotaExceeded(
                left, "Its RSA pairs take more than pairs.share_percent of the time."
            )

    def _may_wait(self, turn: Turn, now: float) -> bool:
        if turn.patient_until is None:
            turn.patient_until = now + self._wait_seconds
        if now >= turn.patient_until or len(self._line) >= self._places:
            return False
        name = turn.principal_id
        if self._client(name, now).running:
            return False
        if any(each.principal_id == name for each in self._line):
            return False
        is_taken = any(each.running for each in self._others(name))
        return is_taken or self._ended_since(turn, now)

    def _ended_since(self, turn: Turn, now: float) -> bool:
        """Whether another client's pair has ended since this one asked."""
        own = self._client(turn.principal_id, now).ended
        return self._ended - own != turn.others_ended

    def _remove(self, turn: Turn) -> bool:
        if turn not in self._line:
            return False
        self._line.remove(turn)
        return True

    def _wake_next(self) -> None:
        for turn in self._line:
            if not turn.is_woken:
                turn.is_woken = True
                with suppress(RuntimeError):  # the loop has ended, and who waited in it
                    turn.wake()
                return


class Turn:
    """The turn of one request; as a block, it stands in nobody's way afterwards."""

    def __init__(self, turns: Turns, principal_id: str, *, is_long: bool) -> None:
        self.principal_id = principal_id
        self.is_long = is_long
        self.began = 0.0
        self.others_ended = 0
        self.patient_until: float | None = None
        self.has_waited = self.is_woken = False
        self.wake: Callable[[], object] = lambda: None
        self._turns = turns

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the line."""
        self._turns.leave(self)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Try to make the pair, within this block, on any thread.

        Raises:
            QuotaExceeded: It is an RSA pair, and its client has to pause.
            Throttled: It is an RSA pair, and another client waits for the slot.
        """
        self._turns.begin(self)
        refused = False
        try:
            yield
        except Throttled:
            refused = True
            raise
        finally:
            self._turns.end(self, refused=refused)

    async def wait(self) -> bool:
        """Wait, after an attempt that was refused, until another may succeed.

        ``False`` says that there is nothing to wait for, or not longer: this client has
        a pair or a request in the line already, or the slot is taken elsewhere.
        """
        return await self._turns.wait(self)


@dataclass(slots=True)
class _Client:
    """What is known of one client.

    Attributes:
        asked_at: When it asked for a pair, the last time.
        paused_until: When its share allows the next RSA pair.
        running: Its attempts that have begun and not ended.
        ended: Its pairs that have.
    """

    asked_at: float = float("-inf")
    paused_until: float = float("-inf")
    running: int = 0
    ended: int = 0

    def asks(self, now: float) -> bool:
        """Whether it has asked for a pair lately."""
        return now - self.asked_at < ASKING_SECONDS
