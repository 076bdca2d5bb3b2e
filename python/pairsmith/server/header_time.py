"""Ending connections on which the headers of a request do not come in time.

Granian has one time for two things: for the headers of a request, and for the pause
before them. It is given the longer one (``limits.idle_seconds``), so that a balancer
may keep connections; the shorter one (``limits.header_seconds``) is kept here. The
kernel tells when a connection last received something and when it last sent: one that
has received since is in the middle of a request, and if that request has not come to
the application, in the middle of its headers. The kernel counts in ticks of a few
milliseconds: headers that began within the tick of the last answer, or of the TLS
handshake, and of which nothing more comes, have the time of an idle connection.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.server.addresses import plain_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from pairsmith.server.settings import Limits

    Peer = tuple[str, int]

DESCRIPTORS = Path("/proc/self/fd")

IS_KEPT = hasattr(socket, "TCP_INFO") and DESCRIPTORS.exists()
"""Whether this system tells what is needed; if not, Granian keeps the shorter time."""

LOOKS = 5
"""How often connections are looked at within the time that they have."""

_LAST_SENT, _LAST_RECEIVED = slice(44, 48), slice(52, 56)
"""Milliseconds since then, in ``struct tcp_info`` of Linux."""


class HeaderWatch:
    """Looks at the connections of this process.

    Args:
        port: Where the server listens.
        seconds: The time for headers.
        clock: Gives the time.
    """

    def __init__(
        self, port: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._port = port
        self._seconds = seconds
        self._clock = clock
        self._under_way: set[Peer] = set()
        self._since: dict[Peer, float] = {}

    @contextmanager
    def under_way(self, client: tuple[str, int]) -> Iterator[None]:
        """Leave a connection alone while the application has a request of it."""
        peer = (plain_address(client[0]), client[1])
        self._under_way.add(peer)
        try:
            yield
        finally:
            self._under_way.discard(peer)
            self._since.pop(peer, None)

    async def run(self) -> None:
        """Look until cancelled."""
        while IS_KEPT:
            await asyncio.sleep(self._seconds / LOOKS)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """End every connection whose headers have been coming for too long."""
        now = self._clock()
        coming = {}
        for descriptor in _descriptors():
            peer = self._whose_headers_come(descriptor)
            if peer is None:
                continue
            coming[peer] = self._since.get(peer, now)
            if now - coming[peer] >= self._seconds:
                self._end(descriptor)
        self._since = coming

    def _end(self, descriptor: int) -> None:
        """End the connection, if the number still means one whose headers come."""
        with suppress(OSError):
            own = os.dup(descriptor)  # which nobody closes and gives to another
            try:
                if self._whose_headers_come(own) is not None:
                    with _borrowed(own) as connection:
                        connection.shutdown(socket.SHUT_RDWR)
            finally:
                os.close(own)

    def _whose_headers_come(self, descriptor: int) -> Peer | None:
        with suppress(OSError), _borrowed(descriptor) as connection:
            if connection.family not in (socket.AF_INET, socket.AF_INET6):
                return None
            if connection.getsockname()[1] != self._port:
                return None
            if _has_received_since_it_sent(connection):
                host, port = connection.getpeername()[:2]
                peer = (plain_address(host), port)
                return None if peer in self._under_way else peer
        return None


class Watched:
    """An ASGI application that tells a watch which requests have arrived.

    Args:
        app: The next one.
        watch: Is told.
    """

    def __init__(self, app: ASGIApp, watch: HeaderWatch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        client = scope.get("client")
        with self._watch.under_way(client) if client else nullcontext():
            await self._app(scope, receive, send)


def granian_milliseconds(limits: Limits) -> int:
    """The time that Granian keeps for both, where the shorter one is kept here."""
    seconds = limits.header_seconds
    if IS_KEPT:
        seconds = max(seconds, limits.idle_seconds)
    return seconds * 1000


def _descriptors() -> list[int]:
    return [int(entry.name) for entry in DESCRIPTORS.iterdir()]


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """A socket of Granian's; it stays open. Raises OSError if it is none."""
    connection = socket.socket(fileno=descriptor)
    try:
        yield connection
    finally:
        connection.detach()


def _has_received_since_it_sent(connection: socket.socket) -> bool:
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 60)
    sent_ms = int.from_bytes(told[_LAST_SENT], "little")
    received_ms = int.from_bytes(told[_LAST_RECEIVED], "little")
    return received_ms < sent_ms
