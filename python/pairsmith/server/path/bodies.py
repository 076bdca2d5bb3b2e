"""Reading the body of a request within bounds of size, of time, and of memory.

Whoever sends it is not known yet. So a worker holds the first ``SMALL_BYTES`` of a body
for each connection and asks nobody, which most requests need no more than. Whatever is
longer takes room, of which there is a bounded amount, until its request ends:

- a sender who can be recognised by the headers alone is, before more is read, and takes
  of the room for those who are known, of which nobody gets more than half;
- others take of a smaller room, which they cannot leave.
"""

# ruff: noqa: N818 -- named after what they are told as, like those of errors.py.

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from pairsmith.errors import PairsmithError, ServiceUnavailable
from pairsmith.server.deadlines import Deadlines
from pairsmith.server.path.refusals import SOON_SECONDS, QuotaExceeded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope

    Recognise = Callable[[], Awaitable[str]]

SMALL_BYTES = 16 * 1024
"""Held for each connection without being counted: twice the longest Aad."""

FEW_PIECES = 256
PIECE_BYTES = 512
"""A body may come in so many pieces, and one more for so many bytes of it. Each costs
as much as some kilobytes; a network gives pieces of a kilobyte or more."""

STRANGERS = 4
"""One part in so many of the room is for those who are not recognised yet."""

NOBODY = ""


class BodyTooLarge(PairsmithError):
    """The body is larger than it may be; the answer has no body at all."""

    code = "none"
    http_status = 413
    wire_message = ""


class BodyTooSlow(PairsmithError):
    """The body did not come in time; the answer is empty and ends the connection."""

    code = "none"
    http_status = 408
    wire_message = ""


class BodyIncomplete(PairsmithError):
    """The body ended before its end, or is not framed as HTTP has it.

    A chunk that is none, a shorter body than was announced and a client that has left
    look alike from here; so it is answered, though nobody may be there to read it.
    """

    code = "none"
    http_status = 400
    wire_message = ""


class BodyInPieces(PairsmithError):
    """The body comes in pieces of a few bytes, each of which is work."""

    code = "none"
    http_status = 400
    wire_message = ""


class Room:
    """The memory of one worker for long bodies, in bytes.

    Args:
        total: How much there is, for all of them together.
    """

    def __init__(self, total: int) -> None:
        strangers = total // STRANGERS
        self._free = {False: strangers, True: total - strangers}
        self._share = (total - strangers) // 2
        self._taken: dict[str, int] = {}

    @property
    def taken(self) -> dict[str, int]:
        """Bytes by whom they are held for; ``NOBODY`` is all who are not known."""
        return dict(self._taken)

    def take(self, principal_id: str, count: int) -> None:
        """Take some of it, or none.

        Args:
            principal_id: For whom; ``NOBODY`` for one who is not recognised.
            count: How many bytes.

        Raises:
            QuotaExceeded: One who is known has their half already.
            ServiceUnavailable: There is no more.
        """
        is_known, taken = bool(principal_id), self._taken.get(principal_id, 0)
        if is_known and taken + count > self._share:
            raise QuotaExceeded(
                SOON_SECONDS,
                "Its bodies take half of what limits.bodies_bytes keeps for clients.",
            )
        if count > self._free[is_known]:
            raise ServiceUnavailable("Long bodies take all of limits.bodies_bytes.")
        self._free[is_known] -= count
        self._taken[principal_id] = taken + count

    def give_back(self, principal_id: str, count: int) -> None:
        """Give back what was taken."""
        self._free[bool(principal_id)] += count
        left = self._taken.pop(principal_id, 0) - count
        if left > 0:
            self._taken[principal_id] = left


class BodyTime:
    """The time that bodies have to come, in the event loop where they are read.

    Args:
        seconds: For each of them.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadlines: Deadlines | None = None

    def begin(self) -> _Time:
        """Begin the time of one body, within a ``with`` block."""
        if self._deadlines is None:
            self._deadlines = Deadlines(self._seconds)
        return _Time(self._deadlines)


class _Time:
    """The time of one body: when it is over, the block ends with ``BodyTooSlow``."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._task: asyncio.Task[object] | None = None
        self._handle = 0
        self._is_over = False

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self.go_on()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.pause()
        if self._is_over and self._task is not None:
            self._task.uncancel()
            if kind is asyncio.CancelledError:
                raise BodyTooSlow from None

    def pause(self) -> None:
        """Let no time pass."""
        self._deadlines.discard(self._handle)

    def go_on(self) -> None:
        """Begin it anew."""
        self._handle = self._deadlines.add(self._end)

    def _end(self) -> None:
        self._is_over = True
        if self._task is not None:
            self._task.cancel()


class Body:
    """The body of one request; what it takes is given back when its block ends.

    Attributes:
        is_whole: Whether all of it has come; if not, the connection cannot go on.

    Args:
        scope: Of the request.
        receive: Gives the pieces.
        room: Where long bodies are accounted.
        time: The time for it to come.
    """

    def __init__(
        self, scope: Scope, receive: Receive, room: Room, time: BodyTime
    ) -> None:
        self.is_whole = False
        self._scope = scope
        self._receive = receive
        self._room = room
        self._time = time
        self._said = self._came = self._pieces = 0
        self._recognise: Recognise | None = None
        self._principal_id = NOBODY
        self._held = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what it took: nobody needs the bytes any more."""
        if self._held:
            self._room.give_back(self._principal_id, self._held)
            self._held = 0

    async def read(self, limit: int, recognise: Recognise | None = None) -> bytes:
        """Read all of it, once.

        Args:
            limit: How long it may be, in bytes.
            recognise: Finds out by the headers who sends it and gives their id, before
                more than ``SMALL_BYTES`` are kept. What it raises refuses the body.

        Raises:
            BodyTooLarge: Its length is said to be, or is, beyond the limit.
            BodyTooSlow: It did not come in time.
            QuotaExceeded, ServiceUnavailable: There is no room for it.
            BodyInPieces: It comes in far too many pieces.
            BodyIncomplete: It ended too early, or is encoded in some other way.
        """
        self._said = _said_length(self._scope)
        if self._said > limit:
            raise BodyTooLarge
        self._recognise = recognise
        with self._time.begin() as time:
            if self._said > SMALL_BYTES:
                await self._require_known(time, limit)
            first = await self._piece()
            if self.is_whole and len(first) <= min(limit, SMALL_BYTES):
                return first
            return await self._rest(first, limit, time)

    async def _rest(self, first: bytes, limit: int, time: _Time) -> bytes:
        """Read what comes after the first piece, or refuse what is too long."""
        pieces = [first]
        while True:
            if self._came > limit:
                raise BodyTooLarge
            if self._came > SMALL_BYTES:
                await self._require_known(time, limit - self._came)
                self._hold(self._came)
            if self.is_whole:
                return b"".join(pieces)
            pieces.append(await self._piece())

    async def _require_known(self, time: _Time, left: int) -> None:
        """Find out who sends it, once, in a time that is not the body's."""
        if self._recognise is None:
            return
        recognise, self._recognise = self._recognise, None
        time.pause()
        try:
            self._principal_id = await recognise()
        except PairsmithError:
            # A client that is still sending would not read why it is refused.
            time.go_on()
            await self._throw_away(left)
            raise
        time.go_on()

    async def _throw_away(self, limit: int) -> None:
        """Read the rest and keep nothing of it."""
        while not self.is_whole and limit >= 0:
            limit -= len(await self._piece())

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise BodyIncomplete
        piece: bytes = message.get("body", b"")
        self._came += len(piece)
        # What was said to come has come: the server below lets no more of it through,
        # and to wait until it says that this was the end takes as long as the rest.
        is_end = not message.get("more_body", False)
        self.is_whole = is_end or 0 < self._said == self._came
        self._pieces += 1
        if self._pieces > FEW_PIECES + self._came // PIECE_BYTES:
            self.is_whole = False
            raise BodyInPieces
        return piece

    def _hold(self, taken: int) -> None:
        """Take room for so many bytes of it."""
        more = taken - SMALL_BYTES - self._held
        if more > 0:
            self._room.take(self._principal_id, more)
            self._held += more


def _said_length(scope: Scope) -> int:
    """What ``Content-Length`` says; without one, the reading finds out.

    Refuses a transfer encoding that nobody has undone (RFC 9112, section 6.1). The
    server below takes chunks apart, and lets them win over a length: so does this.
    """
    said = codings = 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            said = said or int(value[:20])
        elif name == b"transfer-encoding":
            codings += 1
            if value.strip().lower() != b"chunked" or codings > 1:
                raise BodyIncomplete
    return 0 if codings else said
