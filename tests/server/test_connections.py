"""Very many clients at once, and clients that never come to an end."""

import resource
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress

import pytest
from benches.server_load.connections import holding
from benches.server_load.processes import usage_of

from pairsmith.testing import RunningServer
from waiting import PATIENCE_SECONDS

CONNECTIONS = 2_000
USUAL_SOFT_LIMIT = 1024
HELD_BYTES = 100_000_000
"""What 2,000 connections may cost at most, in all processes."""

WAVES = 5
GROWTH_BYTES = 16_000_000
"""What may come to be while they come twice more, once the allocator has its pools."""

HEADERS = b"POST / HTTP/1.1\r\nhost: a\r\nx-kms-apiname: "
BODY = b"POST / HTTP/1.1\r\nhost: a\r\nx-kms-apiname: a\r\ncontent-length: 9999\r\n\r\n"


def test_idle_connections_cost_little_memory_and_leave_none_behind(
    pairsmith_servers: Callable[..., RunningServer],
) -> None:
    """2,000 are served and kept, from a soft limit below that; the page answers."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL_SOFT_LIMIT, before[1]))
    try:
        server = pairsmith_servers(
            tls_insecure_http=True, limits_header_seconds=60, listen_connections=3000
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert server.get("/healthz") == (200, b"ok\n")
    at_rest = usage_of(server.pid).resident_bytes
    held = []
    for _ in range(WAVES):
        with holding(server.port, CONNECTIONS):
            assert server.get("/healthz") == (200, b"ok\n")
            held.append(usage_of(server.pid).resident_bytes)
    assert held[-1] - at_rest < HELD_BYTES
    assert held[-1] - held[-3] < GROWTH_BYTES


@pytest.fixture(scope="module")
def impatient(pairsmith_servers: Callable[..., RunningServer]) -> RunningServer:
    """A server that waits a second for headers, and for a body."""
    return pairsmith_servers(
        tls_insecure_http=True, limits_header_seconds=1, limits_body_seconds=1
    )


@pytest.mark.parametrize(
    ("beginning", "answer"), [(HEADERS, b""), (BODY, b"HTTP/1.1 408")]
)
def test_clients_that_trickle_are_cut_off(
    impatient: RunningServer, beginning: bytes, answer: bytes
) -> None:
    """The time is for the whole of headers or body: one byte more does not renew it."""
    address = ("127.0.0.1", impatient.port)
    with socket.create_connection(address, timeout=0.05) as connection:
        connection.sendall(beginning)
        assert trickled(connection).startswith(answer)
    assert impatient.get("/healthz") == (200, b"ok\n")


def test_idle_connections_are_kept_longer_than_headers_may_take(
    impatient: RunningServer,
) -> None:
    """One is served, another cut off for slow headers, and the first served again."""
    idle, address = impatient.connect(), ("127.0.0.1", impatient.port)
    with closing(idle):
        idle.request("GET", "/healthz")
        assert idle.getresponse().read() == b"ok\n"
        kept = idle.sock
        with socket.create_connection(address, timeout=0.05) as slow:
            slow.sendall(HEADERS)
            assert trickled(slow) == b""
        idle.request("GET", "/healthz")
        assert idle.getresponse().read() == b"ok\n"
        assert idle.sock is kept


def trickled(connection: socket.socket) -> bytes:
    """What a client is answered that sends a byte after each pause, until it is cut."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return connection.recv(4096)
        except TimeoutError:
            with suppress(ConnectionError):  # then there may still be an answer to read
                connection.sendall(b"a")
        except ConnectionError:
            return b""
    raise AssertionError("the server has all the time in the world")
