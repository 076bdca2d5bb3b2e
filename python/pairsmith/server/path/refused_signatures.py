"""Refused signatures: how many of them a client address may have.

Each costs a look-up and a check, and anybody can send them. So an address that has used
up its allowance is refused before either. But others may be behind the same address: on
a network with one way out, or behind a proxy that ``listen.trusted_proxies`` does not
name. Therefore a sender who was verified from an address lately has an allowance of
their own there, which nobody uses up who does not know the sender's id.
"""

from __future__ import annotations

import socket
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pairsmith.server.path.refusals import QuotaExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    Place = str | bytes
    """An address of IPv4, or the packed /64 of one of IPv6."""
    Sender = tuple[Place, str]
    """Who was verified from where."""

BURST_SECONDS = 10
"""An allowance that was not used lately is that of so many seconds."""

KNOWN_SECONDS = 600.0
"""For how long a sender is known at an address after a signature that was right."""

ALLOWANCES = 4096
"""How many of them are remembered; then the one that was used least lately goes.

It begins anew when its address comes back. An attacker gains nothing by that: to push
one out takes as many addresses as these, each of which has an allowance itself.
"""

SENDERS = 4096
"""How many known senders are remembered, over all addresses.

Only signatures that are right make one, so strangers push none of them out, and there
is no need to bound them for each address: behind a proxy all may have the same.
"""

NETWORK_BYTES = 8
"""A /64, which is the least that a subscriber of IPv6 is given (RFC 6177)."""


class TooManyRefused(QuotaExceeded):
    """From its address, too many signatures have been refused lately.

    Args:
        seconds: When the next one is looked at.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(
            seconds,
            "From its address, more signatures were wrong or of unknown senders than "
            "limits.refused_signatures allows.",
        )


class RefusedSignatures:
    """The allowances of one worker; used from its event loop only.

    Addresses are texts, as ``origin.Origin`` has them. One of IPv6 stands for its /64.
    What one address may use goes down by one with each refused signature, and up again
    steadily. No step grows with the number of addresses.

    Args:
        per_second: How many an address may have in the long run; 0 for any number.
        clock: Gives the time, in seconds.
    """

    def __init__(
        self, per_second: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = per_second * BURST_SECONDS
        self._clock = clock
        self._used: OrderedDict[Place | Sender, _Used] = OrderedDict()
        self._verified_at: OrderedDict[Sender, float] = OrderedDict()

    def require(self, address: str, claimed_id: str) -> None:
        """Refuse a request whose signature is not to be looked at.

        Args:
            address: Where it came from.
            claimed_id: Whose it says it is.

        Raises:
            TooManyRefused: The allowance is used up.
        """
        used = self._used
        if not used:
            return
        place = _place(address)
        if place in used or (place, claimed_id) in used:
            self._require((place, claimed_id))

    def refused(self, address: str, claimed_id: str) -> None:
        """Count a signature that was wrong, or of a sender who does not exist."""
        if not self._per_second:
            return
        now = self._clock()
        owner = self._owner((_place(address), claimed_id), now)
        used = self._used.get(owner)
        if used is None:
            _make_room(self._used, ALLOWANCES)
            self._used[owner] = _Used(1.0, now)
            return
        used.count, used.at = self._still_used(used, now) + 1, now
        self._used.move_to_end(owner)

    def verified(self, address: str, claimed_id: str) -> None:
        """Note that a signature was right."""
        if not self._per_second:
            return
        sender = _place(address), claimed_id
        if sender not in self._verified_at:
            _make_room(self._verified_at, SENDERS)
        self._verified_at[sender] = self._clock()
        self._verified_at.move_to_end(sender)

    def _require(self, sender: Sender) -> None:
        now = self._clock()
        used = self._used.get(self._owner(sender, now))
        if used is None:
            return
        beyond = self._still_used(used, now) + 1 - self._burst
        if beyond > 0:
            raise TooManyRefused(beyond / self._per_second)

    def _owner(self, sender: Sender, now: float) -> Place | Sender:
        """Whose allowance counts: their own if they are known there, or that of all."""
        verified_at = self._verified_at.get(sender)
        if verified_at is None or now - verified_at >= KNOWN_SECONDS:
            return sender[0]
        return sender

    def _still_used(self, used: _Used, now: float) -> float:
        return max(0.0, used.count - (now - used.at) * self._per_second)


@dataclass(slots=True)
class _Used:
    """How much of an allowance was used, and when that was so.

    It may be more than there was: requests that were under way together had all been
    let in. That is paid for by the time until the next one.
    """

    count: float
    at: float


@lru_cache(ALLOWANCES)
def _place(address: str) -> Place:
    if ":" not in address:
        return address
    try:
        return socket.inet_pton(socket.AF_INET6, address)[:NETWORK_BYTES]
    except OSError:  # it is no address at all
        return address


def _make_room(entries: OrderedDict[Any, Any], most: int) -> None:
    if len(entries) >= most:
        entries.popitem(last=False)
