"""Requests under way are bounded, and nobody has more than half of them."""

import asyncio
from collections.abc import Callable
from threading import Event, Thread

import pytest
from applications import Application
from signing import error_of

from pairsmith.errors import ServiceUnavailable
from pairsmith.server.audit import AuditEntry
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.path.admission import Admission
from pairsmith.server.path.refusals import QuotaExceeded
from pairsmith.server.settings import Settings, with_setting
from waiting import PATIENCE_SECONDS


def test_nobody_has_more_than_half() -> None:
    """The others find room; what has ended makes room again."""
    admission = Admission(4)
    admission.enter("a")
    admission.enter("a")
    with pytest.raises(QuotaExceeded):
        admission.enter("a")
    admission.enter("b")
    admission.leave("a")
    admission.enter("a")
    assert admission.count == 3


def test_there_is_an_end_to_all_of_them() -> None:
    """Whoever comes then is told to come again, and counts as nothing."""
    admission = Admission(4)
    for principal in ("a", "a", "b", "c"):
        admission.enter(principal)
    with pytest.raises(ServiceUnavailable):
        admission.enter("d")
    for principal in ("a", "a", "b", "c"):
        admission.leave(principal)
    assert admission.count == 0
    assert admission._of == {}


def test_one_is_always_possible() -> None:
    """Whatever the limit."""
    Admission(1).enter("a")


@pytest.mark.parametrize("length", [1, 20_000])
def test_a_client_that_waits_for_much_leaves_others_served(
    serve: Callable[[Settings], Application], key_id: str, length: int
) -> None:
    """More than half of what is under way is 429, audited; brief or in a thread."""
    application = serve(with_setting(Settings(), "limits", "requests", 2))
    hog, other = application.client(), application.client()
    request = messages.EncryptRequest(KeyId=key_id, Plaintext=bytes(length))
    for client in (hog, other):
        assert client.send("Encrypt", request).is_success
    reached, released, record = Event(), Event(), application.audit.recorded

    async def recorded(entry: AuditEntry) -> None:
        if not reached.is_set():
            reached.set()
            await asyncio.to_thread(released.wait)
        await record(entry)

    application.audit.recorded = recorded  # type: ignore[method-assign]
    waiting = Thread(target=hog.send, args=("Encrypt", request))
    waiting.start()
    try:
        assert reached.wait(PATIENCE_SECONDS)
        refused = hog.send("Encrypt", request)
        assert error_of(refused).ErrorCode == "Rejected.Throttling"
        assert refused.headers["retry-after"] == "1"
        entry = application.audit.entries[-1]
        assert (entry.principal_id, entry.http_status) == (hog.signer.key_id, 429)
        assert other.send("Encrypt", request).is_success
    finally:
        released.set()
        waiting.join()
    assert hog.send("Encrypt", request).is_success
