"""An answer of the server, and how it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from starlette.types import Send

Headers = tuple[tuple[bytes, bytes], ...]


class Answer(NamedTuple):
    """Status, headers and content.

    Attributes:
        status: Of HTTP.
        content: The body, which may be empty.
        headers: Names in lower case; the length of the content is added.
    """

    status: int
    content: bytes = b""
    headers: Headers = ()

    def __repr__(self) -> str:
        """Without the content, which may be a private key."""
        return f"<Answer {self.status} of {len(self.content)} bytes>"

    def with_headers(self, more: Headers) -> Answer:
        """The same with further headers."""
        return Answer(self.status, self.content, self.headers + more)

    async def send(self, send: Send) -> None:
        """Send it."""
        length = (b"content-length", b"%d" % len(self.content))
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [length, *self.headers],
            }
        )
        await send({"type": "http.response.body", "body": self.content})
