"""Ending connections on which the headers of a request do not come in time.

Granian has one time for two things: for the headers of a request, and for the pause
before them. It is given the longer one (``limits.idle_seconds``), so that a balancer
may keep connections; the shorter one (``limits.header_seconds``) is kept here. The
headers of the first request have that time from when the connection is there. Later on
the kernel tells when a connection last received something and when it last sent: one
that has received since is in the middle of a request, and if that request has not come
to the application, in the middle of its headers. The kernel counts in ticks of a few
milliseconds: later headers that begin within the tick of the answer before, and of
which nothing more comes, have the time of an idle connection.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.server.addresses import plain_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        self._served: set[Peer] = set()
        self._since: dict[Peer, float] = {}

    def begin(self, client: tuple[str, int | str]) -> Peer:
        """Leave a connection alone while the application has a request of it.

        Args:
            client: Address and port of the other end; Granian gives the port as text.

        Returns:
            What ``end`` is given afterwards.
        """
        peer = (plain_address(client[0]), int(client[1]))
        self._under_way.add(peer)
        return peer

    def end(self, peer: Peer) -> None:
        """Look at a connection again: its request was answered."""
        self._under_way.discard(peer)
        self._served.add(peer)
        self._since.pop(peer, None)

    async def run(self) -> None:
        """Look until cancelled."""
        while IS_KEPT:
            await asyncio.sleep(self._seconds / LOOKS)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """End every connection whose headers have been coming for too long."""
        now = self._clock()
        served, there, coming = self._served.copy(), set(), {}
        for descriptor in _descriptors():
            peer, is_coming = self._state(descriptor)
            there.add(peer)
            if peer is None or not is_coming:
                continue
            coming[peer] = self._since.get(peer, now)
            if now - coming[peer] >= self._seconds:
                self._end(descriptor)
        self._since = coming
        self._served -= served - there  # not what came while this looked

    def _end(self, descriptor: int) -> None:
        """End the connection, if the number still means one whose headers come."""
        with suppress(OSError):
            own = os.dup(descriptor)  # which nobody closes and gives to another
            try:
                if self._state(own)[1]:
                    with _borrowed(own) as connection:
                        connection.shutdown(socket.SHUT_RDWR)
            finally:
                os.close(own)

    def _state(self, descriptor: int) -> tuple[Peer | None, bool]:
        """Whose connection it is, if it is one, and whether headers are to come now."""
        with suppress(OSError), _borrowed(descriptor) as connection:
            if connection.family not in (socket.AF_INET, socket.AF_INET6):
                return None, False
            if connection.getsockname()[1] != self._port:
                return None, False
            host, port = connection.getpeername()[:2]
            peer = (plain_address(host), port)
            is_first = peer not in self._served
            if peer in self._under_way:
                return peer, False
            return peer, is_first or _has_received_since_it_sent(connection)
        return None, False


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
