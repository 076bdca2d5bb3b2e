"""Bodies: read whole or refused, within their bounds of size, time and memory."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from applications import Application

from pairsmith.errors import PairsmithError, ServiceUnavailable
from pairsmith.server import bodies
from pairsmith.server.bodies import (
    BodyIncomplete,
    BodyReader,
    BodyTooLarge,
    BodyTooSlow,
)
from pairsmith.server.dev.control import PATH
from pairsmith.server.settings import Limits

LIMITS = Limits(body_bytes=1024, body_seconds=1)


def receiving(chunks: Iterable[bytes], *, then: str = "end") -> Callable[..., Any]:
    """A client that sends these chunks and then ends, goes away, or stays silent."""
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        if left:
            more = len(left) > 1 or then != "end"
            return {"type": "http.request", "body": left.pop(0), "more_body": more}
        if then == "silence":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive


def read(
    receive: Callable[..., Any], length: bytes = b"", reader: BodyReader | None = None
) -> bytes:
    """Read one body."""
    headers = [(b"content-length", length)] if length else []
    reader = reader or BodyReader(LIMITS)
    return asyncio.run(reader.read({"headers": headers}, receive))


def test_chunks_are_joined() -> None:
    """A body is what came, to the byte, up to the limit."""
    assert read(receiving([b"a", b"", b"bc"])) == b"abc"
    assert read(receiving([bytes(1024)])) == bytes(1024)


def test_too_large_is_noticed_before_and_while_reading() -> None:
    """A length that is told is believed; one that is not, is found out."""
    with pytest.raises(BodyTooLarge):
        read(receiving([], then="silence"), length=b"1025")
    with pytest.raises(BodyTooLarge):
        read(receiving([bytes(1000), bytes(25)], then="silence"))


def test_a_body_that_does_not_come_is_given_up() -> None:
    """A slow client holds nothing for longer than the limit."""
    with pytest.raises(BodyTooSlow):
        read(receiving([b"a"], then="silence"))


def test_a_body_that_ends_too_early_is_refused_with_400() -> None:
    """Whether a chunk was none or the client has left: it is no defect of ours."""
    with pytest.raises(BodyIncomplete) as caught:
        read(receiving([b"a"], then="leave"))
    assert caught.value.http_status == 400


@pytest.mark.parametrize(
    "headers",
    [
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"identity")],
    ],
)
def test_a_body_of_another_transfer_encoding_is_refused_with_400(
    headers: list[tuple[bytes, bytes]],
) -> None:
    """Nobody has undone it, so what would be read is not the message."""
    reader = BodyReader(LIMITS)
    with pytest.raises(BodyIncomplete):
        asyncio.run(reader.read({"headers": headers}, receiving([b"a"])))
    chunked = {"headers": [(b"transfer-encoding", b"Chunked")]}
    assert asyncio.run(reader.read(chunked, receiving([b"a"]))) == b"a"


def test_all_bodies_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than fits is refused, and room is given back whatever happened."""
    monkeypatch.setattr(bodies, "BUFFERS", 1)
    reader = BodyReader(LIMITS)

    async def test() -> None:
        scope = {"headers": []}
        waiting = asyncio.create_task(
            reader.read(scope, receiving([bytes(600)], then="silence"))
        )
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable):
            await reader.read(scope, receiving([bytes(600)]))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await reader.read(scope, receiving([bytes(600)])) == bytes(600)

    asyncio.run(test())
    assert issubclass(BodyTooSlow, PairsmithError)


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/", (b"x-kms-apiname", b"Encrypt")),
        ("/", (b"accept", b"*/*")),
        (PATH, (b"content-type", b"application/json")),
    ],
    ids=["Instance API", "OpenAPI", "faults"],
)
def test_every_page_that_reads_a_body_answers_400(
    dev: Application, path: str, header: tuple[bytes, bytes]
) -> None:
    """A body that ends before its end is the client's mistake, wherever it is sent."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"a"), header],
        "client": ("127.0.0.1", 9),
    }
    asyncio.run(dev.http.app(scope, receiving([b"a"], then="leave"), send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 400
