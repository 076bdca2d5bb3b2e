"""Where a request came from: the other end of the connection, or behind a proxy.

A header can be written by anybody. So only where the other end of the connection is a
proxy that the operator has named (``listen.trusted_proxies``), its ``X-Forwarded-For``
is read, from the right: each proxy has appended the address that it saw, and the first
one that is no trusted proxy is the client's.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pairsmith.errors import InvalidParameter
from pairsmith.server.addresses import is_loopback, parse_address, plain_address

if TYPE_CHECKING:
    from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HEADER = b"x-forwarded-for"

PROXY_HEADERS = frozenset(
    {
        HEADER,
        b"forwarded",
        b"via",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
    }
)
"""What shows that a request came through a proxy, trusted or not."""

HEADER_BYTES = 2048
HOPS = 32
"""How much of the header is read at most; more is no chain of proxies."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from.

    Attributes:
        address: Of the client, as far as it is known; empty if it has none.
        proxy: The trusted proxy that told it; empty without one.
    """

    address: str = ""
    proxy: str = ""


def find_origin(scope: Scope, trusted: tuple[Network, ...]) -> Origin:
    """Find out where a request came from.

    Args:
        scope: Of the request.
        trusted: Whose header is believed.
    """
    peer = _peer(scope)
    if not trusted or not _is_trusted(peer, trusted):
        return Origin(peer)
    farthest = Origin(peer)
    for hop in _hops(scope):
        address = _hop_address(hop)
        if address is None:
            return Origin(peer)
        farthest = Origin(address, peer)
        if not _is_trusted(address, trusted):
            break
    return farthest


def is_from_this_host(scope: Scope) -> bool:
    """Whether it came from this host, and directly.

    What any proxy passed on did not: a proxy on this host would let in everybody.
    """
    if any(name in PROXY_HEADERS for name, _ in scope["headers"]):
        return False
    return is_loopback(_peer(scope))


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read ``listen.trusted_proxies``: addresses and networks with commas between.

    Raises:
        InvalidParameter: Names what is neither.
    """
    return tuple(_network(part.strip()) for part in text.split(",") if part.strip())


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidParameter(
            "listen.trusted_proxies",
            f"{text!r} is no address and no network such as 10.0.0.0/8 ({error}).",
        ) from None


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return plain_address(str(client[0])) if client else ""


def _hops(scope: Scope) -> list[str]:
    """Every address of the header, the nearest first; none if there is too much."""
    lines = [value for name, value in scope["headers"] if name == HEADER]
    text = b",".join(lines)
    if len(text) > HEADER_BYTES or text.count(b",") >= HOPS:
        return []
    return [hop.strip() for hop in reversed(text.decode("latin-1").split(","))]


def _hop_address(text: str) -> str | None:
    """Read an address of the header, which may have a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = parse_address(text)
    return None if address is None else str(address)


def _is_trusted(text: str, trusted: tuple[Network, ...]) -> bool:
    address = parse_address(text)
    return address is not None and any(address in network for network in trusted)
