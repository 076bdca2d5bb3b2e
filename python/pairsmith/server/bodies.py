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
from pairsmith.server.refusals import SOON_SECONDS, QuotaExceeded

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


class Body:
    """The body of one request; what it takes is given back when its block ends.

    Attributes:
        is_whole: Whether all of it has come; if not, the connection cannot go on.

    Args:
        scope: Of the request.
        receive: Gives the pieces.
        room: Where long bodies are accounted.
        seconds: The time for it to come.
    """

    def __init__(
        self, scope: Scope, receive: Receive, room: Room, seconds: float
    ) -> None:
        self.is_whole = False
        self._scope = scope
        self._receive = receive
        self._room = room
        self._seconds = seconds
        self._came = self._pieces = 0
        self._recognise: Recognise | None = None
        self._principal_id = NOBODY
        self._held = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what it took: nobody needs the bytes any more."""
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
        _require_plain_chunks(self._scope)
        said = _said_length(self._scope)
        if said > limit:
            raise BodyTooLarge
        pieces: list[bytes] = []
        taken = 0
        self._recognise = recognise
        try:
            async with asyncio.timeout(self._seconds) as time:
                await self._require_known(said, time, limit)
                while not self.is_whole:
                    pieces.append(await self._piece())
                    taken += len(pieces[-1])
                    if taken > limit:
                        raise BodyTooLarge
                    await self._require_known(taken, time, limit - taken)
                    self._hold(taken)
        except TimeoutError:
            raise BodyTooSlow from None
        return b"".join(pieces)

    async def _require_known(
        self, count: int, time: asyncio.Timeout, left: int
    ) -> None:
        """Find out who sends so many bytes, once, in a time that is not the body's."""
        if self._recognise is None or count <= SMALL_BYTES:
            return
        recognise, self._recognise = self._recognise, None
        time.reschedule(None)
        try:
            self._principal_id = await recognise()
        except PairsmithError:
            # A client that is still sending would not read why it is refused.
            self._rescheduled(time)
            await self._throw_away(left)
            raise
        self._rescheduled(time)

    def _rescheduled(self, time: asyncio.Timeout) -> None:
        time.reschedule(asyncio.get_running_loop().time() + self._seconds)

    async def _throw_away(self, limit: int) -> None:
        """Read the rest and keep nothing of it."""
        while not self.is_whole and limit >= 0:
            limit -= len(await self._piece())

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise BodyIncomplete
        self.is_whole = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        self._came += len(piece)
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
    """What ``Content-Length`` says; without one, the reading finds out."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _require_plain_chunks(scope: Scope) -> None:
    """Refuse a transfer encoding that nobody has undone (RFC 9112, section 6.1).

    The server below takes chunks apart, and lets them win over a length.
    """
    codings = [
        value.strip().lower()
        for name, value in scope["headers"]
        if name == b"transfer-encoding"
    ]
    if codings not in ([], [b"chunked"]):
        raise BodyIncomplete
