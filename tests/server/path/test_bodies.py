"""Bodies: read whole or refused, within their bounds of size, time and memory."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from applications import Application

from pairsmith.errors import ServiceUnavailable
from pairsmith.server.dev.control import PATH
from pairsmith.server.instance_api.failures import SignatureNotMatch
from pairsmith.server.path.bodies import (
    FEW_PIECES,
    NOBODY,
    SMALL_BYTES,
    Body,
    BodyIncomplete,
    BodyInPieces,
    BodyTime,
    BodyTooLarge,
    BodyTooSlow,
    Room,
)
from pairsmith.server.path.refusals import QuotaExceeded

LIMIT = 1024
ROOM = 64 * SMALL_BYTES


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


def body(
    receive: Callable[..., Any],
    length: int | None = None,
    room: Room | None = None,
    seconds: float = 1,
) -> Body:
    """One body that is still to come."""
    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    return Body({"headers": headers}, receive, room or Room(ROOM), BodyTime(seconds))


def read(receive: Callable[..., Any], length: int | None = None) -> bytes:
    """Read one body of at most ``LIMIT`` bytes."""
    return asyncio.run(body(receive, length).read(LIMIT))


def test_chunks_are_joined() -> None:
    """A body is what came, to the byte, up to the limit."""
    assert read(receiving([b"a", b"", b"bc"])) == b"abc"
    assert read(receiving([bytes(1024)])) == bytes(1024)


def test_too_large_is_noticed_before_and_while_reading() -> None:
    """A length that is told is believed; one that is not, is found out."""
    with pytest.raises(BodyTooLarge):
        read(receiving([], then="silence"), length=1025)
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

    def told(headers: list[tuple[bytes, bytes]]) -> bytes:
        scope = {"headers": headers}
        return asyncio.run(
            Body(scope, receiving([b"a"]), Room(ROOM), BodyTime(1)).read(LIMIT)
        )

    with pytest.raises(BodyIncomplete):
        told(headers)
    assert told([(b"transfer-encoding", b"Chunked")]) == b"a"


LONG = 2 * SMALL_BYTES
"""Of which half is accounted."""


async def known() -> str:
    """Recognise somebody."""
    return "somebody"


async def unknown() -> str:
    """Recognise nobody."""
    raise SignatureNotMatch


def test_what_a_body_takes_is_accounted_until_its_request_ends() -> None:
    """Not until it was read: a request that waits holds its body all the while."""
    room = Room(ROOM)

    async def test() -> None:
        with body(receiving([bytes(LONG)]), room=room) as held:
            assert len(await held.read(LONG, known)) == LONG
            assert room.taken == {"somebody": LONG - SMALL_BYTES}
        assert room.taken == {}
        for how in ("leave", "silence"):
            pieces = receiving([bytes(LONG)], then=how)
            with (
                pytest.raises((BodyIncomplete, BodyTooSlow)),
                body(pieces, room=room, seconds=0.001) as held,
            ):
                await held.read(2 * LONG, known)
            assert room.taken == {}

    asyncio.run(test())


def test_strangers_fill_their_own_room_only() -> None:
    """When it is full, long ones of theirs are 503; all others are read as before."""
    room = Room(ROOM)
    room.take(NOBODY, ROOM // 4)

    async def test() -> None:
        with pytest.raises(ServiceUnavailable):
            await body(receiving([bytes(LONG)]), room=room).read(LONG)
        small = body(receiving([bytes(SMALL_BYTES)]), room=room)
        assert len(await small.read(LONG)) == SMALL_BYTES
        recognised = body(receiving([bytes(LONG)]), room=room)
        assert len(await recognised.read(LONG, known)) == LONG

    asyncio.run(test())


def test_nobody_has_more_than_half_of_the_room() -> None:
    """Who has it is refused with 429, and the next one finds the other half."""
    room = Room(ROOM)
    half = (ROOM - ROOM // 4) // 2
    room.take("somebody", half)
    with pytest.raises(QuotaExceeded) as refused:
        room.take("somebody", 1)
    assert (refused.value.http_status, refused.value.code) == (
        429,
        "Rejected.Throttling",
    )
    room.take("another", half)
    with pytest.raises(ServiceUnavailable):
        room.take("a third", 1)
    room.give_back("somebody", half)
    room.take("a third", half)


@pytest.mark.parametrize("length", [None, LONG], ids=["found out", "said"])
def test_a_long_body_is_not_kept_before_its_sender_is_recognised(
    length: int | None,
) -> None:
    """A stranger's is thrown away as it comes, so that the refusal can be read."""
    room = Room(ROOM)
    pieces = [bytes(SMALL_BYTES // 4)] * 8
    held_when_asked = []

    async def asked() -> str:
        held_when_asked.append(sum(room.taken.values()))
        return await unknown()

    async def test() -> None:
        with body(receiving(pieces), length, room) as held:
            with pytest.raises(SignatureNotMatch):
                await held.read(LONG, asked)
            assert held.is_whole
            assert room.taken == {}

    asyncio.run(test())
    assert held_when_asked == [0]


def test_what_is_thrown_away_is_bounded_too() -> None:
    """A stranger that goes on for ever is cut off at the limit, or when it is slow."""

    async def endless() -> dict[str, Any]:
        count.append(1)
        return {"type": "http.request", "body": bytes(SMALL_BYTES), "more_body": True}

    count: list[int] = []
    with pytest.raises(SignatureNotMatch):
        asyncio.run(body(endless).read(LONG, unknown))
    assert len(count) <= LONG // SMALL_BYTES + 2
    silent = body(receiving([bytes(LONG)], then="silence"), seconds=0.001)
    with pytest.raises(BodyTooSlow):
        asyncio.run(silent.read(2 * LONG, unknown))


@pytest.mark.parametrize("recognise", [None, known, unknown])
def test_a_body_in_pieces_of_a_few_bytes_is_refused(recognise: Any) -> None:
    """Each piece is work: sixty thousand of one byte took a second of processor."""
    taken: list[int] = []

    async def receive() -> dict[str, Any]:
        taken.append(1)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with pytest.raises(BodyInPieces) as refused:
        asyncio.run(body(receive, 60_000).read(60_000, recognise))
    assert refused.value.http_status == 400
    assert len(taken) <= FEW_PIECES + 2


@pytest.mark.parametrize("size", [536, 1460])
def test_a_body_in_pieces_as_networks_make_them_is_read(size: int) -> None:
    """However long: the smallest are those of a network of 576 bytes."""
    pieces = [bytes(size)] * (3 * 1024 * 1024 // size)
    whole = body(receiving(pieces), room=Room(2**24))
    assert len(asyncio.run(whole.read(3 * 1024 * 1024))) == size * len(pieces)


def test_a_short_body_needs_nobody_recognised() -> None:
    """What most requests are costs no look at its sender before it is read."""
    with pytest.raises(SignatureNotMatch):
        asyncio.run(body(receiving([bytes(LONG)])).read(LONG, unknown))
    short = body(receiving([bytes(SMALL_BYTES)]), SMALL_BYTES)
    assert len(asyncio.run(short.read(LONG, unknown))) == SMALL_BYTES


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
