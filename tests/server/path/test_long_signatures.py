"""Where a signature is verified: what is long, never on the event loop; once each."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from applications import Application

from pairsmith.server.instance_api.api import InstanceApi
from pairsmith.server.openapi.api import OpenApi
from pairsmith.server.path.hallway import SHORT_BYTES
from pairsmith.server.path.workplaces import BRIEF_BYTES

LONG = "x" * (SHORT_BYTES + 1)
"""For a text that is made canonical."""

LONG_BODY = b"x" * (BRIEF_BYTES + 1)
"""For a body that is only hashed."""


def is_on_a_loop() -> bool:
    """Whether an event loop waits for this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """Of each verification: whether with the body, and whether on an event loop."""
    seen: list[tuple[bool, bool]] = []

    def watched(verify: Callable[..., None]) -> Callable[..., None]:
        def watch(api: Any, claim: Any, sender: Any, *, with_body: bool) -> None:
            seen.append((with_body, is_on_a_loop()))
            verify(api, claim, sender, with_body=with_body)

        return watch

    for api in (InstanceApi, OpenApi):
        monkeypatch.setattr(api, "verify", watched(api.verify))
    return seen


def test_a_long_query_is_verified_in_a_thread(
    application: Application, verified: list[tuple[bool, bool]]
) -> None:
    """Of a known sender, whether the signature is right or wrong."""
    caller = application.caller()
    caller.send_v1("ListKeys", {})  # its access key is in the present view from now on
    for tampered, status in ((None, 200), ({"Signature": "AAAA"}, 400)):
        verified.clear()
        answer = caller.send_v1("ListKeys", {}, tampered=tampered)
        assert answer.status_code == status
        assert (True, True) in verified  # the short one is verified where it came
        verified.clear()
        answer = caller.send_v1("ListKeys", {"Long": LONG}, tampered=tampered)
        assert answer.status_code == status
        assert verified
        assert not any(on_loop for _, on_loop in verified)


def test_a_long_body_is_hashed_once_in_a_thread(
    application: Application, verified: list[tuple[bool, bool]]
) -> None:
    """The headers may be verified before; the body with them is, once."""
    client = application.client()
    client.send("Encrypt", b"")
    verified.clear()
    client.send("Encrypt", LONG_BODY)
    assert [on_loop for with_body, on_loop in verified if with_body] == [False]
