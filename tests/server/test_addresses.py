"""What is listened on, alone, and how addresses are told."""

import socket
from contextlib import closing

import pytest

from pairsmith.server import addresses
from pairsmith.server.addresses import Address, ListenError, is_loopback, plain_address


@pytest.fixture
def port() -> int:
    """A port that is free on every address of this host."""
    with socket.create_server(("::", 0), family=socket.AF_INET6) as probe:
        return int(probe.getsockname()[1])


def with_reuse_port(family: int, host: str, port: int) -> socket.socket:
    """A listener as other servers open it: it would share its port."""
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


@pytest.mark.parametrize("first", ["127.0.0.1", "0.0.0.0", "::"])
@pytest.mark.parametrize("second", ["127.0.0.1", "0.0.0.0", "::", "localhost"])
def test_a_port_has_one_listener(first: str, second: str, port: int) -> None:
    """On one address or on all of them, in either version of the protocol."""
    with (
        closing(Address.find(first, port).listen()),
        pytest.raises(ListenError, match=f"port {port}"),
    ):
        Address.find(second, port).listen()


def test_a_port_is_not_shared_with_one_who_would(port: int) -> None:
    """Other servers ask the kernel for sharing; both have to."""
    with (
        with_reuse_port(socket.AF_INET, "127.0.0.1", port),
        pytest.raises(ListenError),
    ):
        Address.find("127.0.0.1", port).listen()
    with closing(Address.find("127.0.0.1", port).listen()), pytest.raises(OSError):  # noqa: PT011 -- the kernel's
        with_reuse_port(socket.AF_INET, "127.0.0.1", port)


def test_a_port_is_free_again_while_old_connections_linger(port: int) -> None:
    """A server that starts anew does not wait for the kernel to forget them."""
    address = Address.find("127.0.0.1", port)
    with closing(address.listen()) as listener:
        listener.settimeout(60)
        client = socket.create_connection(("127.0.0.1", port), timeout=60)
        listener.accept()[0].close()  # the side that closes first is the one to linger
        client.close()
    address.listen().close()


def test_every_interface_takes_both_versions_of_the_protocol(port: int) -> None:
    """On ``::``, IPv4 clients connect, too, and are told by their IPv4 address."""
    with closing(Address.find("::", port).listen()) as listener:
        listener.settimeout(60)
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            with socket.socket(family) as client:
                client.connect((host, port))
                accepted, peer = listener.accept()
                accepted.close()
                assert plain_address(peer[0]) == host
                assert is_loopback(peer[0])


@pytest.mark.parametrize(
    ("host", "number", "url"),
    [
        ("127.0.0.1", "127.0.0.1", "https://127.0.0.1:8443"),
        ("[::1]", "::1", "https://[::1]:8443"),
        ("::1", "::1", "https://[::1]:8443"),
        ("localhost", "127.0.0.1", "https://localhost:8443"),
    ],
)
def test_hosts_are_resolved(host: str, number: str, url: str) -> None:
    """Brackets are those of URLs; of several addresses an IPv4 one is taken."""
    address = Address.find(host, 8443)
    assert (address.number, address.url("https")) == (number, url)
    assert address.is_loopback
    assert not address.is_unspecified


def test_a_host_that_does_not_exist_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names it; nobody has to know what a resolver says."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", unknown)
    with pytest.raises(ListenError, match=r"listen\.host: kms\.example"):
        Address.find("kms.example", 8443)


def test_an_address_of_another_host_is_refused(port: int) -> None:
    """It is one of those that are for documents only."""
    with pytest.raises(ListenError, match=r"192\.0\.2\.1"):
        Address.find("192.0.2.1", port).listen()


@pytest.mark.parametrize(
    ("address", "plain", "own"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::ffff:192.0.2.7", "192.0.2.7", False),
        ("192.0.2.7", "192.0.2.7", False),
        ("2001:db8::1", "2001:db8::1", False),
        ("testclient", "testclient", False),
        ("", "", False),
    ],
)
def test_ipv4_within_ipv6_is_told_as_ipv4(address: str, plain: str, own: bool) -> None:  # noqa: FBT001
    """In logs and audit, and where this host may do more than others."""
    assert plain_address(address) == plain
    assert is_loopback(address) is own
