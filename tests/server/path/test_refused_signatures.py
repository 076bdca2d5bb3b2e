"""Refused signatures: an address has so many, and others behind it do not pay."""

import pytest

from clock import Clock
from pairsmith.errors import InvalidParameter
from pairsmith.server.path import refused_signatures as module
from pairsmith.server.path.refusals import retry_headers
from pairsmith.server.path.refused_signatures import (
    BURST_SECONDS,
    KNOWN_SECONDS,
    RefusedSignatures,
    TooManyRefused,
)
from pairsmith.server.settings import Settings, with_setting

RATE = 4
BURST = RATE * BURST_SECONDS
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def clock() -> Clock:
    """Stands still until told otherwise; its steps are exact in binary."""
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> RefusedSignatures:
    """Four for each second and address."""
    return RefusedSignatures(RATE, clock)


def is_refused(limit: RefusedSignatures, address: str, claimed_id: str = "any") -> bool:
    """Whether a signature would not be looked at."""
    try:
        limit.require(address, claimed_id)
    except TooManyRefused:
        return True
    return False


def use_up(limit: RefusedSignatures, address: str, claimed_id: str = "any") -> None:
    """Send wrong signatures until there are no more, and see how many there were."""
    count = 0
    while not is_refused(limit, address, claimed_id):
        limit.refused(address, claimed_id)
        count += 1
        assert count <= BURST
    assert count == BURST


def test_an_address_has_ten_seconds_worth_at_once(limit: RefusedSignatures) -> None:
    """Then it is refused as the documented service throttles; others are not."""
    use_up(limit, HERE)
    with pytest.raises(TooManyRefused) as refused:
        limit.require(HERE, "another name")
    error = refused.value
    assert (error.http_status, error.code) == (429, "Rejected.Throttling")
    assert "limits.refused_signatures" in str(error)
    assert not is_refused(limit, ELSEWHERE)


def test_it_is_told_when_the_next_one_is_looked_at(
    limit: RefusedSignatures, clock: Clock
) -> None:
    """Not earlier, and exactly then; in whole seconds on the wire."""
    use_up(limit, HERE)
    with pytest.raises(TooManyRefused) as refused:
        limit.require(HERE, "any")
    assert refused.value.seconds == 1 / RATE
    assert retry_headers(refused.value) == ((b"retry-after", b"1"),)
    clock.advance(seconds=1 / RATE / 2)
    assert is_refused(limit, HERE)
    clock.advance(seconds=1 / RATE / 2)
    assert not is_refused(limit, HERE)
    limit.refused(HERE, "any")
    assert is_refused(limit, HERE)


def test_an_allowance_comes_back_at_its_rate_and_never_above_its_burst(
    limit: RefusedSignatures, clock: Clock
) -> None:
    """However long nothing happens."""
    use_up(limit, HERE)
    clock.advance(seconds=2)
    for _ in range(2 * RATE):
        assert not is_refused(limit, HERE)
        limit.refused(HERE, "any")
    assert is_refused(limit, HERE)
    clock.advance(days=1)
    use_up(limit, HERE)


def test_what_was_under_way_together_is_paid_for(limit: RefusedSignatures) -> None:
    """Requests that had all been let in count, though they are more than allowed."""
    for _ in range(BURST + 3 * RATE):
        limit.refused(HERE, "any")
    with pytest.raises(TooManyRefused) as refused:
        limit.require(HERE, "any")
    assert refused.value.seconds == 3 + 1 / RATE
    assert retry_headers(refused.value) == ((b"retry-after", b"4"),)


def test_an_honest_client_beside_a_flooding_stranger_is_served(
    limit: RefusedSignatures, clock: Clock
) -> None:
    """Behind the same address, as long as the stranger does not know its id."""
    limit.verified(HERE, "honest")
    use_up(limit, HERE)
    for _ in range(10 * BURST):
        limit.refused(HERE, "guessed")
        assert not is_refused(limit, HERE, "honest")
        limit.verified(HERE, "honest")
        clock.advance(seconds=1 / RATE / 8)
        assert is_refused(limit, HERE)


def test_a_known_sender_has_an_allowance_of_its_own(limit: RefusedSignatures) -> None:
    """Not an unlimited one, and not that of the others behind its address."""
    limit.verified(HERE, "known")
    use_up(limit, HERE, "known")
    assert not is_refused(limit, HERE)
    use_up(limit, HERE)


def test_a_sender_is_known_where_it_was_verified_only(limit: RefusedSignatures) -> None:
    """A stranger elsewhere who claims its id has the allowance of a stranger."""
    limit.verified(HERE, "known")
    use_up(limit, ELSEWHERE, "stranger")
    assert is_refused(limit, ELSEWHERE, "known")
    assert not is_refused(limit, HERE, "known")


def test_a_sender_is_known_for_ten_minutes(
    limit: RefusedSignatures, clock: Clock
) -> None:
    """After its last right signature, that is."""

    def flooded() -> None:
        for _ in range(2 * BURST):
            limit.refused(HERE, "stranger")

    limit.verified(HERE, "known")
    clock.advance(seconds=KNOWN_SECONDS / 2)
    limit.verified(HERE, "known")
    clock.advance(seconds=KNOWN_SECONDS - 1)
    flooded()
    assert not is_refused(limit, HERE, "known")
    clock.advance(seconds=1)
    flooded()
    assert is_refused(limit, HERE, "known")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.3", False),
        ("", "", True),
        ("no:address", "no:other", False),
    ],
)
def test_an_ipv6_address_stands_for_its_network_of_64_bits(
    limit: RefusedSignatures, one: str, other: str, *, same: bool
) -> None:
    """One subscriber has all of it. Of IPv4, or of what is no address, each is one."""
    use_up(limit, one)
    assert is_refused(limit, other) == same


def test_known_senders_of_ipv6_are_known_in_their_network(
    limit: RefusedSignatures,
) -> None:
    """Hosts change the lower half of their addresses by themselves."""
    limit.verified("2001:db8::1", "known")
    use_up(limit, "2001:db8::2")
    assert not is_refused(limit, "2001:db8::3", "known")


def test_a_flood_from_many_addresses_takes_bounded_memory(
    limit: RefusedSignatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The allowance used least lately makes room, and begins anew."""
    monkeypatch.setattr(module, "ALLOWANCES", 8)
    use_up(limit, "first")
    use_up(limit, "second")
    for number in range(100):
        limit.refused(f"address {number}", f"id {number}")
        limit.refused("second", "any")
        assert len(limit._used) <= 8
    assert is_refused(limit, "second")
    use_up(limit, "first")


def test_strangers_push_out_no_known_sender(
    limit: RefusedSignatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From however many addresses, and by however many ids."""
    monkeypatch.setattr(module, "ALLOWANCES", 8)
    monkeypatch.setattr(module, "SENDERS", 8)
    limit.verified(HERE, "honest")
    for number in range(100):
        limit.refused(f"address {number}", f"id {number}")
        limit.refused(HERE, f"id {number}")
    assert is_refused(limit, HERE)
    assert not is_refused(limit, HERE, "honest")


def test_known_senders_take_bounded_memory(
    limit: RefusedSignatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one verified least lately is forgotten, wherever it was."""
    monkeypatch.setattr(module, "SENDERS", 8)
    use_up(limit, HERE)
    limit.verified(HERE, "idle")
    limit.verified(HERE, "busy")
    for number in range(100):
        limit.verified(HERE, f"id {number}")
        if number % 5 == 0:
            assert not is_refused(limit, HERE, "busy")
            limit.verified(HERE, "busy")
        assert len(limit._verified_at) <= 8
    assert is_refused(limit, HERE, "idle")


def test_an_address_without_refusals_costs_no_look_at_the_clock(clock: Clock) -> None:
    """It is not among those that are counted, and that is all there is to find out."""
    looks = 0

    def counted() -> float:
        nonlocal looks
        looks += 1
        return clock()

    limit = RefusedSignatures(RATE, counted)
    limit.refused(ELSEWHERE, "any")
    looks = 0
    limit.require(HERE, "any")
    assert not looks


def test_at_zero_there_is_no_limit(clock: Clock) -> None:
    """And nothing is remembered."""
    limit = RefusedSignatures(0, clock)
    limit.verified(HERE, "known")
    for _ in range(1000):
        limit.refused(HERE, "any")
        limit.require(HERE, "any")
    assert not limit._used
    assert not limit._verified_at


def test_the_setting_can_be_zero_and_not_less() -> None:
    """A hundred for each second, unless it is said otherwise."""
    settings = Settings()
    assert settings.limits.refused_signatures == 100
    off = with_setting(settings, "limits", "refused_signatures", "0")
    assert off.limits.refused_signatures == 0
    for wrong in (-1, "some", 1.5):
        with pytest.raises(InvalidParameter, match="refused_signatures"):
            with_setting(settings, "limits", "refused_signatures", wrong)
