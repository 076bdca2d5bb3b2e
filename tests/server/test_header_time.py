"""Which connections are ended: those whose headers come, and for too long."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pairsmith.server.header_time import IS_KEPT, HeaderWatch, granian_milliseconds
from pairsmith.server.settings import Limits

SECONDS = 10.0
SAFETY_SECONDS = 60

pytestmark = pytest.mark.skipif(not IS_KEPT, reason="Granian keeps the time here")


class Connection:
    """Both ends of a connection to this process."""

    def __init__(self, listener: socket.socket) -> None:
        self.client = socket.create_connection(listener.getsockname()[:2])
        self.server, address = listener.accept()
        self.address = (str(address[0]), int(address[1]))
        for each in (self.client, self.server):
            each.settimeout(SAFETY_SECONDS)

    def receive(self, text: bytes) -> None:
        """The server gets this, later than whatever it sent."""
        self._until_the_clock_of_the_kernel_went_on()
        self.client.sendall(text)
        assert self.server.recv(100) == text

    def answer(self) -> None:
        """The server sends something, later than whatever it received."""
        self._until_the_clock_of_the_kernel_went_on()
        self.server.sendall(b"answer")
        assert self.client.recv(100) == b"answer"

    def is_ended(self) -> bool:
        """Whether the server has hung up."""
        self.client.settimeout(0)
        try:
            return self.client.recv(1) == b""
        except BlockingIOError:
            return False
        finally:
            self.client.settimeout(SAFETY_SECONDS)

    def _until_the_clock_of_the_kernel_went_on(self) -> None:
        """Both moments must be past, as the kernel counts them."""
        while True:
            told = self.server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 60)
            if any(told[44:48]) and any(told[52:56]):
                return

    def close(self) -> None:
        """Close both ends."""
        self.client.close()
        self.server.close()


@contextmanager
def under_way(watch: HeaderWatch, client: tuple[str, int | str]) -> Iterator[None]:
    """Let the application have a request of that connection."""
    peer = watch.begin(client)
    yield
    watch.end(peer)


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A server of this process."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as made:
        made.bind((request.param, 0))
        made.listen()
        yield made


@pytest.fixture
def connect(listener: socket.socket) -> Iterator[Callable[[], Connection]]:
    """Makes connections to it."""
    made: list[Connection] = []

    def connection() -> Connection:
        made.append(Connection(listener))
        return made[-1]

    yield connection
    for each in made:
        each.close()


def test_only_headers_that_come_for_too_long_end_a_connection(
    listener: socket.socket, connect: Callable[[], Connection]
) -> None:
    """Not an idle one, nor one whose request is being worked on, nor another port's."""
    now = [0.0]
    port = listener.getsockname()[1]
    watch = HeaderWatch(port, SECONDS, lambda: now[0])
    other = HeaderWatch(port + 1 if port < 65535 else port - 1, SECONDS, lambda: now[0])
    idle, busy, slow = connect(), connect(), connect()
    for each in (idle, busy, slow):
        each.receive(b"GET / HTTP/1.1")
        with under_way(watch, each.address):
            each.answer()
    for each in (busy, slow):
        each.receive(b"GET / HTTP/1.1")
    with under_way(watch, busy.address):
        for _ in range(5):
            other.look()
            watch.look()
            assert not any(each.is_ended() for each in (idle, busy, slow))
            slow.receive(b"x")
            now[0] += SECONDS / 5
        watch.look()
        other.look()
        assert slow.is_ended()
        now[0] += 10 * SECONDS
        watch.look()
    assert not any(each.is_ended() for each in (idle, busy))


def test_the_first_headers_have_their_time_from_the_start(
    listener: socket.socket, connect: Callable[[], Connection]
) -> None:
    """Whatever the kernel tells, as after a TLS handshake; a request ends that."""
    now = [0.0]
    watch = HeaderWatch(listener.getsockname()[1], SECONDS, lambda: now[0])
    silent, shaken, asking = connect(), connect(), connect()
    shaken.receive(b"hello")
    shaken.answer()
    watch.look()
    now[0] += SECONDS * 0.9
    watch.look()
    with under_way(watch, asking.address):
        now[0] += SECONDS * 0.1
        watch.look()
    assert silent.is_ended()
    assert shaken.is_ended()
    assert not asking.is_ended()


@pytest.mark.parametrize(
    "spelt", ["::ffff:127.0.0.1", "::ffff:7f00:1", "127.0.0.1", "127.0.0.1%lo"]
)
def test_a_request_is_known_by_any_spelling_of_its_address(spelt: str) -> None:
    """A long request must not be ended because two programs write IPv6 differently."""
    now = [0.0]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        watch = HeaderWatch(listener.getsockname()[1], SECONDS, lambda: now[0])
        connection = Connection(listener)
        connection.receive(b"GET / HTTP/1.1")
        with under_way(watch, (spelt, str(connection.address[1]))):
            watch.look()
            now[0] = 2 * SECONDS
            watch.look()
            assert not connection.is_ended()
        connection.close()


def test_each_request_has_its_own_time(
    listener: socket.socket, connect: Callable[[], Connection]
) -> None:
    """What was served in between begins the time anew."""
    now = [0.0]
    watch = HeaderWatch(listener.getsockname()[1], SECONDS, lambda: now[0])
    connection = connect()
    for _ in range(3):
        connection.receive(b"GET / HTTP/1.1")
        watch.look()
        now[0] += SECONDS * 0.9
        watch.look()
        with under_way(watch, connection.address):
            watch.look()
        connection.answer()
    assert not connection.is_ended()


def test_granian_keeps_the_longer_time() -> None:
    """Idle connections outlive the minute of a balancer by default."""
    assert granian_milliseconds(Limits()) == 75_000
    assert granian_milliseconds(Limits(header_seconds=20, idle_seconds=5)) == 20_000
