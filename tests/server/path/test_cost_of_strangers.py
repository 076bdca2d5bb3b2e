"""What a request costs of which nobody knows who has sent it: counted, not timed.

Steps are calls of functions, in Python and in C, in whatever thread; bytes are those
that Python has allocated at a time. Neither may grow with what a stranger sends.
"""

import asyncio
import gc
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from applications import NOW, Application
from signing import http_date

from pairsmith.model import wire_date
from pairsmith.server.openapi import signature as openapi_signature
from pairsmith.server.path import threads

MOST = 3 * 1024 * 1024
PIECE = 64 * 1024
CLIENT = "KAAP.00000000-0000-4000-8000-000000000000"
ACCESS_KEY = "LTAI" + "0" * 20
FORM = ("content-type", "application/x-www-form-urlencoded")

STEPS = 8000
"""Of a short form with 256 parameters, which is decoded at once; others take a tenth.
A form of 3 MB took 400,000 once."""

STEPS_FOR_A_PIECE = 40
"""For each piece of a body that is read to be thrown away."""

KEPT_BYTES = 1024 * 1024


@dataclass
class Stranger:
    """A request that nobody who is known has signed.

    Attributes:
        headers: Besides those of the body.
        body: Of what it is sent, in pieces of 64 KB.
        query: Likewise.
    """

    headers: dict[str, str]
    body: bytes = b""
    query: bytes = b""


def instance_api(**headers: str) -> dict[str, str]:
    """The headers of the Instance API."""
    return {
        "date": http_date(NOW),
        "x-kms-apiversion": "dkms-gcs-0.2",
        "x-kms-apiname": "Encrypt",
        "x-kms-signaturemethod": "RSA_PKCS1_SHA_256",
        "x-kms-acccesskeyid": CLIENT,
        "content-type": "application/x-protobuf",
        "authorization": "Bearer " + "A" * 344,
    } | {name.replace("_", "-"): value for name, value in headers.items()}


def acs3(
    names: str = ";".join(sorted(openapi_signature.ALWAYS_SIGNED)),
) -> dict[str, str]:
    """The headers of the OpenAPI's newer way of signing."""
    proof = f"Credential={ACCESS_KEY},SignedHeaders={names},Signature={'0' * 64}"
    return {
        "authorization": f"ACS3-HMAC-SHA256 {proof}",
        "x-acs-date": wire_date(NOW),
        "x-acs-signature-nonce": "x",
    }


def rpc(rest: str) -> bytes:
    """A form of the older way, with so much more in it."""
    fields = {
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "AccessKeyId": ACCESS_KEY,
        "Signature": "AAAA",
        "Timestamp": wire_date(NOW).replace(":", "%3A"),
        "SignatureNonce": "x",
    }
    return (
        "&".join(f"{name}={value}" for name, value in fields.items()) + rest
    ).encode()


MANY = "".join(f"&a{number}=1" for number in range(240))
LONG = "&a=" + "x" * 60_000
ESCAPED = "&a=" + "%01" * 20_000

STRANGERS = {
    "nothing": Stranger({}),
    "instance, short": Stranger(instance_api()),
    "instance, long": Stranger(instance_api(), bytes(MOST)),
    "instance, no signature": Stranger(instance_api(authorization="x"), bytes(MOST)),
    "instance, long signature": Stranger(
        instance_api(authorization="Bearer " + "A" * 60_000)
    ),
    "instance, many headers": Stranger(
        instance_api() | {f"x-kms-{number}": "x" * 500 for number in range(90)}
    ),
    "rpc, many": Stranger(dict([FORM]), rpc(MANY)),
    "rpc, long": Stranger(dict([FORM]), rpc(LONG)),
    "rpc, escaped": Stranger(dict([FORM]), rpc(ESCAPED)),
    "rpc, too long": Stranger(dict([FORM]), rpc(LONG * 40)),
    "rpc, in the query": Stranger({}, query=rpc(LONG)),
    "rpc, thousands": Stranger(dict([FORM]), rpc("&a=1" * 15_000)),
    "unsigned form": Stranger(dict([FORM]), b"&".join([b"a=%01"] * 10_000)),
    "acs3, short": Stranger(acs3()),
    "acs3, long": Stranger(acs3() | {"content-type": "text/plain"}, bytes(MOST)),
    "acs3, long form": Stranger(acs3() | dict([FORM]), b"a=" + b"%01" * 1_000_000),
    "acs3, long query": Stranger(acs3(), query=ESCAPED[1:].encode()),
    "acs3, many names": Stranger(acs3(";".join(f"h{n:03}" for n in range(900)))),
}  # fmt: skip


@contextmanager
def counted_steps() -> Iterator[list[int]]:
    """Count calls in this thread, in new ones, and in what older ones are handed."""
    steps = [0]

    def count(_frame: object, event: str, _argument: object) -> None:
        if event in ("call", "c_call"):
            steps[0] += 1

    do = threads._Call.do

    def counted(call: threads._Call[Any]) -> None:
        sys.setprofile(count)
        try:
            do(call)
        finally:
            sys.setprofile(None)

    threading.setprofile(count)
    sys.setprofile(count)
    threads._Call.do = counted  # type: ignore[method-assign]
    try:
        yield steps
    finally:
        threads._Call.do = do  # type: ignore[method-assign]
        sys.setprofile(None)
        threading.setprofile(None)


def send(application: Application, stranger: Stranger) -> int:
    """Send it to the application, past every client; give the status."""
    starts = iter(range(0, max(1, len(stranger.body)), PIECE))
    headers = stranger.headers | {"content-length": str(len(stranger.body))}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": stranger.query,
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        "client": ("192.0.2.7", 9),
    }
    status: list[int] = []

    async def receive() -> dict[str, Any]:
        end = next(starts) + PIECE
        piece = stranger.body[end - PIECE : end]
        is_last = end >= len(stranger.body)
        return {"type": "http.request", "body": piece, "more_body": not is_last}

    async def answered(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    asyncio.run(application.http.app(scope, receive, answered))  # type: ignore[arg-type]
    return status[0]


@pytest.mark.parametrize("name", STRANGERS)
def test_it_is_bounded(application: Application, name: str) -> None:
    """However long it is, and whatever is wrong with it."""
    stranger = STRANGERS[name]
    assert 400 <= send(application, stranger) < 500  # what is made once is made now
    gc.collect()
    tracemalloc.start()
    try:
        send(application, stranger)
        _, kept = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with counted_steps() as steps:
        send(application, stranger)
    pieces = len(stranger.body) // PIECE
    assert steps[0] < STEPS + STEPS_FOR_A_PIECE * pieces
    assert kept < KEPT_BYTES
    assert application.audit.attempts == 0
