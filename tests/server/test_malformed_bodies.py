"""Bodies that are framed as HTTP has it not, sent to a running server byte by byte."""

import socket
from contextlib import closing

import pytest

from pairsmith.testing import RunningServer

BOTH_APIS = (b"x-kms-apiname: Encrypt\r\n", b"")

CHUNKED = b"transfer-encoding: chunked\r\n\r\n"

MALFORMED = {
    "chunk of no number": CHUNKED + b"ZZ\r\nabc\r\n0\r\n\r\n",
    "second chunk": CHUNKED + b"3\r\nabc\r\nxyz\r\n0\r\n\r\n",
    "chunk too long": CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
    "huge chunk": CHUNKED + b"FFFFFFFFFFFFFFFFFFFF\r\nabc\r\n",
    "coded twice": b"transfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "not chunked": b"transfer-encoding: gzip\r\n\r\nabc",
    "negative length": b"content-length: -1\r\n\r\nabc",
    "two lengths": b"content-length: 3\r\ncontent-length: 4\r\n\r\nabc",
}

CUT_OFF = {
    "chunk cut off": CHUNKED + b"5\r\nab",
    "body cut off": b"content-length: 9\r\n\r\nabc",
}
"""Then the client says that nothing more comes."""


@pytest.mark.parametrize("kind", [*MALFORMED, *CUT_OFF])
def test_a_malformed_body_is_answered_with_400(
    pairsmith_server: RunningServer, kind: str
) -> None:
    """By both APIs, and the connection ends; the log knows of no defect."""
    before = len(pairsmith_server.log)
    for header in BOTH_APIS:
        request = b"POST / HTTP/1.1\r\nhost: a\r\n" + header
        request += (MALFORMED | CUT_OFF)[kind]
        with closing(pairsmith_server.connect()) as connection:
            connection.connect()
            assert connection.sock is not None
            connection.sock.sendall(request)
            if kind in CUT_OFF:
                half_closed(connection.sock)
            answer = connection.sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert b"connection: close" in answer
    assert '"defect"' not in pairsmith_server.log[before:]


def half_closed(sock: socket.socket) -> None:
    """Tell the server that nothing more comes, below TLS, and go on listening."""
    socket.socket.shutdown(sock, socket.SHUT_WR)
