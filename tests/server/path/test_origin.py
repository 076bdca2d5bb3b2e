"""Whose address a request has: the peer's, or the one that a trusted proxy tells."""

from typing import Any

import pytest
from applications import Application

from pairsmith.errors import InvalidParameter
from pairsmith.server.path.origin import (
    HEADER_BYTES,
    Origin,
    find_origin,
    is_from_this_host,
    parse_networks,
)
from pairsmith.server.settings import Settings, with_setting

TRUSTED = "10.0.0.0/8, 192.0.2.7,fd00::/8"


def scope(
    peer: str | None, *forwarded: str, header: str = "x-forwarded-for"
) -> dict[str, Any]:
    """A request from there, with these lines of a header."""
    headers = [(header.encode(), line.encode("latin-1")) for line in forwarded]
    client = None if peer is None else (peer, 1234)
    return {"type": "http", "client": client, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address", "proxy"),
    [
        # Nobody who is not named is believed.
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9", ""),
        ("127.0.0.1", ["198.51.100.1"], "127.0.0.1", ""),
        ("192.0.2.8", ["198.51.100.1"], "192.0.2.8", ""),
        # A proxy that tells nothing is the client.
        ("10.1.2.3", [], "10.1.2.3", ""),
        # The rightmost that is no proxy; what stands left of it may be invented.
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1", "10.1.2.3"),
        ("192.0.2.7", ["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1", "192.0.2.7"),
        ("10.1.2.3", ["1.1.1.1", "198.51.100.1"], "198.51.100.1", "10.1.2.3"),
        ("10.1.2.3", ["junk, 198.51.100.1"], "198.51.100.1", "10.1.2.3"),
        ("10.1.2.3", ["10.7.7.7,10.8.8.8"], "10.7.7.7", "10.1.2.3"),
        # With ports, in brackets, IPv4 in IPv6.
        ("fd00::1", ["[2001:db8::5]:4711"], "2001:db8::5", "fd00::1"),
        ("fd00::1", ["198.51.100.1:80"], "198.51.100.1", "fd00::1"),
        ("fd00::1", ["2001:DB8:0::5"], "2001:db8::5", "fd00::1"),
        ("::ffff:10.1.2.3", ["::ffff:198.51.100.1"], "198.51.100.1", "10.1.2.3"),
        ("::ffff:203.0.113.9", ["198.51.100.1"], "203.0.113.9", ""),
        # What cannot be read is not believed.
        ("10.1.2.3", [""], "10.1.2.3", ""),
        ("10.1.2.3", ["unknown"], "10.1.2.3", ""),
        ("10.1.2.3", ["198.51.100.1, junk"], "10.1.2.3", ""),
        ("10.1.2.3", ["198.51.100.1,"], "10.1.2.3", ""),
        ("10.1.2.3", ['x"}\xe9'], "10.1.2.3", ""),
        ("10.1.2.3", ["1.1.1.1," * 40 + "198.51.100.1"], "10.1.2.3", ""),
        ("10.1.2.3", [" " * HEADER_BYTES + "198.51.100.1"], "10.1.2.3", ""),
        (None, ["198.51.100.1"], "", ""),
        ("unix", ["198.51.100.1"], "unix", ""),
    ],
)
def test_the_address_is_the_first_that_no_trusted_proxy_has(
    peer: str, forwarded: list[str], address: str, proxy: str
) -> None:
    """Read from the right, as far as the proxies are trusted."""
    found = find_origin(scope(peer, *forwarded), parse_networks(TRUSTED))
    assert found == Origin(address, proxy)
    assert find_origin(scope(peer, *forwarded), ()).proxy == ""


def test_without_proxies_it_is_the_other_end() -> None:
    """Nobody need have noted it."""
    assert find_origin(scope("::ffff:127.0.0.1"), ()) == Origin("127.0.0.1")


@pytest.mark.parametrize(
    "text", ["10.0.0.1/8", "10.0.0", "proxy.example", "10.0.0.0/33", "*", "10/8 fd00::"]
)
def test_a_proxy_that_is_no_address_is_refused(text: str) -> None:
    """The setting is named, and what is wrong in it."""
    with pytest.raises(InvalidParameter, match=r"listen\.trusted_proxies") as caught:
        with_setting(Settings(), "listen", "trusted_proxies", f"10.0.0.0/8,{text}")
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (scope("127.0.0.1"), True),
        (scope("127.3.2.1"), True),
        (scope("::1"), True),
        (scope("::ffff:127.0.0.1"), True),
        (scope("127.0.0.1", "a", header="x-kms-apiname"), True),
        (scope("10.0.0.1"), False),
        (scope(None), False),
        (scope("127.0.0.1", "127.0.0.1"), False),
        (scope("127.0.0.1", "", header="forwarded"), False),
        (scope("127.0.0.1", "1.1 proxy", header="via"), False),
        (scope("127.0.0.1", "https", header="x-forwarded-proto"), False),
    ],
)
def test_what_a_proxy_passes_on_is_not_from_this_host(
    given: dict[str, Any], *, expected: bool
) -> None:
    """Even one on this host, trusted or not: it would let in everybody."""
    assert is_from_this_host(given) is expected


@pytest.fixture
def behind(serve: object) -> Application:
    """An application behind a proxy on this host."""
    settings = with_setting(Settings(), "listen", "trusted_proxies", "127.0.0.0/8")
    return serve(settings)  # type: ignore[operator]


def test_audit_log_and_logs_tell_client_and_proxy(
    behind: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over both APIs, and of requests that nobody has signed."""
    told: list[dict[str, object]] = []
    name = "pairsmith.server.path.hallway.answered"
    monkeypatch.setattr(name, lambda **fields: told.append(fields))
    behind.http.headers["x-forwarded-for"] = "1.1.1.1, 198.51.100.1"
    client, caller = behind.client(), behind.caller()
    client.call("GenerateRandom", Length=8)
    caller.call("ListKeys")
    behind.http.post("/", headers={"x-kms-apiname": "GenerateRandom"})
    audited = [entry.to_dict() for entry in behind.audit.entries]
    assert len(audited) == 2
    assert len(told) == 3
    for fields in (*audited, *told):
        assert fields["remote_address"] == "198.51.100.1"
        assert fields["peer_address"] == "127.0.0.1"


def test_pages_for_this_host_are_not_for_those_behind_a_proxy(
    behind: Application, dev: Application
) -> None:
    """The figures, and the faults of a dev server."""
    assert behind.http.get("/metrics").status_code == 200
    assert dev.http.get("/_dev/faults").status_code == 200
    for address in ("198.51.100.1", "127.0.0.1"):
        headers = {"x-forwarded-for": address}
        assert behind.http.get("/metrics", headers=headers).status_code == 403
        assert dev.http.get("/_dev/faults", headers=headers).status_code == 403
        assert behind.http.get("/healthz", headers=headers).status_code == 200
