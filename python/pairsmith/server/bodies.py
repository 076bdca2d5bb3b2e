"""Reading the body of a request within bounds of size, of time, and of memory."""

# ruff: noqa: N818 -- named after what they are told as, like those of errors.py.

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pairsmith.errors import PairsmithError, ServiceUnavailable

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

    from pairsmith.server.settings import Limits

BUFFERS = 64
"""How many bodies of the greatest size a worker holds at a time; more get 503."""


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


class BodyReader:
    """Reads bodies, all of them together within a bound of memory.

    Args:
        limits: Bytes and seconds for each.
    """

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.body_bytes
        self._seconds = limits.body_seconds
        self._free = limits.body_bytes * BUFFERS

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """Read all of it.

        Raises:
            BodyTooLarge: Its length is said to be, or is, beyond the limit.
            BodyTooSlow: It did not come in time.
            ServiceUnavailable: Too many others are being read.
            BodyIncomplete: It ended too early, or is encoded in some other way.
        """
        _require_plain_chunks(scope)
        if _said_length(scope) > self._limit:
            raise BodyTooLarge
        chunks: list[bytes] = []
        taken = 0
        try:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    message = await receive()
                    chunk, more = _content(message)
                    self._free -= len(chunk)
                    taken += len(chunk)
                    chunks.append(chunk)
                    if taken > self._limit:
                        raise BodyTooLarge
                    if self._free < 0:
                        raise ServiceUnavailable
        except TimeoutError:
            raise BodyTooSlow from None
        finally:
            self._free += taken
        return b"".join(chunks)


def replay(body: bytes) -> Receive:
    """A ``receive`` that gives this body, once."""
    messages: list[Message] = [{"type": "http.disconnect"}]
    messages.append({"type": "http.request", "body": body, "more_body": False})

    async def receive() -> Message:
        return messages.pop() if len(messages) > 1 else messages[0]

    return receive


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


def _content(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise BodyIncomplete
    return message.get("body", b""), message.get("more_body", False)
