"""Network addresses: the one that is listened on, and those that requests come from."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pairsmith.errors import ServiceUnavailable

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

BACKLOG = 1024
"""Connections that wait to be accepted."""


class ListenError(ServiceUnavailable):
    """The address cannot be listened on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen on.

    Attributes:
        host: As the settings name it, without brackets.
        number: The address itself, as text.
        port: TCP.
    """

    host: str
    number: str
    port: int

    @classmethod
    def find(cls, host: str, port: int) -> Address:
        """Look up the address that a setting means.

        Args:
            host: An address, an IPv6 address in brackets, or a name. Of a name with
                several addresses the first IPv4 one is taken, else the first.
            port: TCP.

        Raises:
            ListenError: There is no such host.
        """
        plain = without_brackets(host)
        try:
            found = socket.getaddrinfo(plain, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ListenError(
                f"listen.host: {host} is no address of this host ({reason}); "
                "127.0.0.1 is for this host only, 0.0.0.0 and :: are every interface."
            ) from None
        families = [family for family, *_ in found]
        wanted = socket.AF_INET if socket.AF_INET in families else families[0]
        return cls(plain, str(found[families.index(wanted)][4][0]), port)

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can connect to it."""
        return is_loopback(self.number)

    @property
    def is_unspecified(self) -> bool:
        """Whether it is every address of this host."""
        parsed = parse_address(self.number)
        return parsed is not None and parsed.is_unspecified

    def url(self, scheme: str) -> str:
        """Where clients connect."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    def listen(self) -> socket.socket:
        """Listen, as the only one on this port.

        ``SO_REUSEPORT`` is not set, so the kernel refuses a second listener, whether
        it is a server of ours or any other. ``::`` takes IPv4 connections, too.

        Raises:
            ListenError: The port is taken, or the address is not one of this host.
        """
        family = socket.AF_INET6 if ":" in self.number else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            # Only so that connections that have ended do not block the next start.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                both = int(not self.is_unspecified)
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, both)
            listener.bind((self.number, self.port))
            listener.listen(BACKLOG)
            listener.settimeout(0)
        except OSError as error:
            listener.close()
            raise ListenError(
                f"Cannot listen on {self.number} port {self.port}: {error.strerror}. "
                "End the program that has it, or give another --host or --port."
            ) from None
        return listener


@lru_cache(maxsize=4096)
def plain_address(address: str) -> str:
    """An address as people write it; what is none stays as it is."""
    parsed = parse_address(address)
    return address if parsed is None else str(parsed)


def is_loopback(address: str) -> bool:
    """Whether an address is one by which this host reaches itself."""
    parsed = parse_address(address)
    return parsed is not None and parsed.is_loopback


def without_brackets(host: str) -> str:
    """The host of a URL as an address: ``[::1]`` is ``::1``."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with or without a zone; IPv4 within IPv6 is IPv4.

    On ``::`` the kernel shows a client at 127.0.0.1 as ``::ffff:127.0.0.1``.
    """
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    inner = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return inner or parsed
