"""Bodies that are framed as HTTP has it not, sent to a running server byte by byte."""

import socket
from contextlib import closing

import pytest

from pairsmith.testing import RunningServer

BOTH_APIS = (b"x-kms-apiname: Encrypt\r\n", b"")


@pytest.mark.parametrize(
    "rest",
    [
        b"transfer-encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\nabc\r\n",
        b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        b"transfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"transfer-encoding: gzip\r\n\r\nabc",
        b"content-length: 9\r\n\r\nabc",
        b"content-length: -1\r\n\r\nabc",
        b"content-length: 3\r\ncontent-length: 4\r\n\r\nabc",
    ],
    ids=["no number", "second chunk", "too long", "huge", "cut", "coded twice",
         "not chunked", "short", "negative", "two lengths"],
)  # fmt: skip
def test_a_malformed_body_is_answered_with_400(
    pairsmith_server: RunningServer, rest: bytes
) -> None:
    """By both APIs, without a body; the log knows of no defect."""
    before = len(pairsmith_server.log)
    for header in BOTH_APIS:
        request = b"POST / HTTP/1.1\r\nhost: a\r\n" + header + rest
        with closing(pairsmith_server.connect()) as connection:
            connection.connect()
            assert connection.sock is not None
            connection.sock.sendall(request)
            half_closed(connection.sock)  # that is all that will ever come
            connection.sock.settimeout(60)
            answer = connection.sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert b"connection: close" in answer
    assert '"defect"' not in pairsmith_server.log[before:]


def half_closed(sock: socket.socket) -> None:
    """Tell the server that nothing more comes, below TLS, and go on listening."""
    socket.socket.shutdown(sock, socket.SHUT_WR)
