"""Drives the official SDK for a test: requests in, answers out, as JSON lines.

Runs in the SDK's own environment, one process for each way to connect, because the SDK
keeps one session per address for the life of a process. Bytes are ``{"b64": ...}``.

    {"method": "generate_data_key_pair", "fields": {"KeyId": ...},
     "options": {"autoretry": false}, "asynchronous": false, "times": 1}

is answered with as many outcomes as ``times`` says, made at once from as many threads
or tasks: ``{"answer": {...}}``, or ``{"error": {"type", "code", "message", ...}}``.
"""

import asyncio
import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from openapi.models import Config
from openapi_util.models import RuntimeOptions
from sdk import models
from sdk.client import Client
from Tea.exceptions import UnretryableException

Order = dict[str, Any]
Outcome = dict[str, Any]


def main() -> None:
    """Answer until the input ends."""
    client = Client(Config(**json.loads(sys.argv[1])))
    for line in sys.stdin:
        outcomes = answer(client, json.loads(line))
        print(json.dumps(outcomes, default=encoded), flush=True)


def answer(client: Client, order: Order) -> list[Outcome]:
    """Do what one line asks for."""
    times = order.get("times", 1)
    if order.get("asynchronous"):
        return asyncio.run(call_tasks(client, order, times))
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(lambda _: call(client, order), range(times)))


def call(client: Client, order: Order) -> Outcome:
    """Call once, in this thread."""
    try:
        method = getattr(client, order["method"] + "_with_options")
        return {"answer": plain(method(request_of(order), options_of(order)))}
    except Exception as error:  # noqa: BLE001 -- the test judges it
        return {"error": described(error)}


async def call_tasks(client: Client, order: Order, times: int) -> list[Outcome]:
    """Call from several tasks."""
    return await asyncio.gather(*(call_async(client, order) for _ in range(times)))


async def call_async(client: Client, order: Order) -> Outcome:
    """Call once, awaited."""
    try:
        method = getattr(client, order["method"] + "_with_options_async")
        return {"answer": plain(await method(request_of(order), options_of(order)))}
    except Exception as error:  # noqa: BLE001 -- the test judges it
        return {"error": described(error)}


def request_of(order: Order) -> Any:
    """The SDK's request of that method; the last part of the name says which."""
    name = "".join(word.capitalize() for word in order["method"].split("_")) + "Request"
    request = getattr(models, name)()
    return request.from_map({k: decoded(v) for k, v in order["fields"].items()})


def options_of(order: Order) -> RuntimeOptions:
    """How the SDK is to call."""
    options = {"response_headers": ["x-kms-migrationkeyversionid"]}
    return RuntimeOptions(**(options | order.get("options", {})))


def plain(response: Any) -> dict[str, Any]:
    """The answer under its names on the wire, and the headers that came with it."""
    return dict(response.to_map(), responseHeaders=response.response_headers)


def described(error: Exception) -> dict[str, Any]:
    """What a program can learn from the SDK's exception."""
    cause = error.inner_exception if isinstance(error, UnretryableException) else error
    data = getattr(cause, "data", None) or {}
    return {
        "type": type(error).__name__,
        "code": getattr(cause, "code", None),
        "message": getattr(cause, "message", None) or str(cause),
        "status": data.get("httpCode"),
        "request_id": data.get("requestId"),
    }


def encoded(value: bytes) -> dict[str, str]:
    """Bytes as JSON."""
    return {"b64": base64.b64encode(value).decode()}


def decoded(value: Any) -> Any:
    """Bytes from JSON."""
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


if __name__ == "__main__":
    main()
