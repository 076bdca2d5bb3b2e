"""What the Instance API keeps and does for a sender whom it does not know."""

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from applications import Application
from signing import Client, error_of

from pairsmith.server.access import rows
from pairsmith.server.instance_api import api
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.path import bodies
from pairsmith.server.path.bodies import SMALL_BYTES
from pairsmith.server.settings import Settings, with_setting

MOST = 3 * 1024 * 1024
PIECE = 64 * 1024
STRANGER = "KAAP.00000000-0000-4000-8000-000000000000"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """For whom room was taken, each time."""
    takers: list[str] = []
    take = bodies.Room.take

    def noted(room: bodies.Room, principal_id: str, count: int) -> None:
        takers.append(principal_id)
        take(room, principal_id, count)

    monkeypatch.setattr(bodies.Room, "take", noted)
    return takers


def send(client: Client, body: bytes, **headers: str) -> Any:
    """Send a body under signed headers, of which some are then changed."""
    signed = client.signer.headers("Encrypt", body)
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.http.post("/", content=body, headers=signed | changed)


WRONG = [
    ({"x_kms_acccesskeyid": STRANGER}, (404, "Unauthorized")),
    ({"x_kms_apiname": "Decrypt"}, (401, "SignatureNotMatch")),
    ({"content_sha256": "00" * 32}, (401, "SignatureNotMatch")),
    ({"date": "Mon, 03 Jan 2010 00:00:00 GMT"}, (400, "RequestTimeTooSkewed")),
    ({"content_type": "text/plain"}, (415, "InvalidContentType")),
]


@pytest.mark.parametrize(("headers", "error"), WRONG)
def test_nothing_long_is_kept_before_its_sender_is_known(
    client: Client, kept: list[str], headers: dict[str, str], error: tuple[int, str]
) -> None:
    """The signature is over the headers: who has not signed them is refused by them."""
    response = send(client, bytes(MOST), **headers)
    assert (response.status_code, error_of(response).ErrorCode) == error
    assert "connection" not in response.headers  # all of it was thrown away
    assert kept == []


def test_what_a_known_sender_sends_is_accounted_for_it(
    client: Client, kept: list[str], key_id: str
) -> None:
    """As long as its request takes; short bodies take nothing of anybody's room."""
    plaintext = bytes(MOST - 1024)
    assert client.call("Encrypt", KeyId=key_id, Plaintext=plaintext).Iv
    assert set(kept) == {client.signer.key_id}
    kept.clear()
    assert client.call("Encrypt", KeyId=key_id, Plaintext=bytes(1024)).Iv
    assert kept == []


def test_a_long_body_is_still_compared_with_its_hash(client: Client) -> None:
    """Who may send it is known by the headers, what was sent is not."""
    body = bytes(2 * SMALL_BYTES)
    signed = client.signer.headers("Encrypt", body)
    other = body[:-1] + b"\1"
    response = client.http.post("/", content=other, headers=signed)
    assert error_of(response).ErrorCode == "SignatureNotMatch"


def test_a_strangers_body_takes_no_memory(application: Application) -> None:
    """Of three megabytes no more is there at a time than came last."""
    pieces = [PIECE] * (MOST // PIECE)
    status: list[int] = []

    async def receive() -> dict[str, Any]:
        size = pieces.pop()
        more = bool(pieces)
        return {"type": "http.request", "body": bytes(size), "more_body": more}

    async def answered(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    signed = application.client().signer.headers("Encrypt", b"")
    headers = signed | {"x-kms-acccesskeyid": STRANGER, "content-length": str(MOST)}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        "client": ("127.0.0.1", 9),
    }
    tracemalloc.start()
    try:
        asyncio.run(application.http.app(scope, receive, answered))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (status, pieces) == ([404], [])
    assert peak < MOST // 2


def test_when_the_room_is_taken_long_bodies_are_503_and_short_ones_served(
    serve: Callable[[Settings], Application],
    monkeypatch: pytest.MonkeyPatch,
    key_id: str,
) -> None:
    """With the time to ask again, and the documented code."""
    rooms: list[bodies.Room] = []
    begin = bodies.Room.__init__

    def noted(room: bodies.Room, total: int) -> None:
        begin(room, total)
        rooms.append(room)

    monkeypatch.setattr(bodies.Room, "__init__", noted)
    total = 16 * 1024 * 1024
    application = serve(with_setting(Settings(), "limits", "bodies_bytes", total))
    client, (room,) = application.client(), rooms
    half = (total - total // 4) // 2
    long = messages.EncryptRequest(KeyId=key_id, Plaintext=bytes(1024 * 1024))

    def refused() -> tuple[int, str]:
        response = client.send("Encrypt", long)
        assert response.headers["retry-after"] == "1"
        assert client.call("Encrypt", KeyId=key_id, Plaintext=b"a").Iv
        return response.status_code, error_of(response).ErrorCode

    room.take("one", half)
    room.take(client.signer.key_id, half)
    assert refused() == (429, "Rejected.Throttling")
    room.give_back(client.signer.key_id, half)
    room.take("two", half)
    assert refused() == (503, "ServiceUnavailableTemporary")
    room.give_back("one", half)
    assert client.send("Encrypt", long).status_code == 200


def test_a_short_request_of_a_stranger_costs_one_look_up(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No signature is checked and no message decoded for a key that nobody has."""
    looked_up: list[str] = []
    look_up = rows.find

    def find(connection: Any, revisions: Any, identity_id: str) -> Any:
        looked_up.append(identity_id)
        return look_up(connection, revisions, identity_id)

    def never(*_: object) -> None:
        raise AssertionError("this is for those who are known")

    monkeypatch.setattr(rows, "find", find)
    for name in ("verifying_key", "is_hash_of", "find_operation"):
        monkeypatch.setattr(api, name, never)
    response = send(application.client(), b"", x_kms_acccesskeyid=STRANGER)
    assert error_of(response).ErrorCode == "Unauthorized"
    assert looked_up == [STRANGER]
