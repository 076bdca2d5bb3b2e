"""Drives the official SDK of the OpenAPI; the lines are those of ``driver.py``.

Fields are named as on the wire; the answer is its body, as the SDK has parsed it. The
option ``config`` changes the client's ``Config`` for one line.
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions


def main() -> None:
    """Answer until the input ends."""
    config = json.loads(sys.argv[1])
    usual = Client(Config(**config))
    for line in sys.stdin:
        order = json.loads(line)
        changed = order["options"].pop("config", None)
        client = Client(Config(**(config | changed))) if changed else usual
        print(json.dumps(answer(client, order)), flush=True)


def answer(client: Client, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Do what one line asks for."""
    times = order.get("times", 1)
    if order.get("asynchronous"):
        return asyncio.run(call_tasks(client, order, times))
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(lambda _: call(client, order), range(times)))


def call(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    """Call once, in this thread."""
    try:
        method = getattr(client, order["method"] + "_with_options")
        return {"answer": method(*arguments(order)).body.to_map()}
    except Exception as error:  # noqa: BLE001 -- told, whatever it is
        return {"error": described(error)}


async def call_tasks(
    client: Client, order: dict[str, Any], times: int
) -> list[dict[str, Any]]:
    """Call from several tasks."""
    return await asyncio.gather(*(call_async(client, order) for _ in range(times)))


async def call_async(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    """Call once, awaited."""
    try:
        method = getattr(client, order["method"] + "_with_options_async")
        return {"answer": (await method(*arguments(order))).body.to_map()}
    except Exception as error:  # noqa: BLE001 -- told, whatever it is
        return {"error": described(error)}


def arguments(order: dict[str, Any]) -> tuple[Any, ...]:
    """The SDK's request of that method, if it has one, and how to call."""
    name = "".join(word.capitalize() for word in order["method"].split("_")) + "Request"
    kind = getattr(models, name, None)
    request = [] if kind is None else [kind().from_map(order["fields"])]
    return *request, RuntimeOptions(**order["options"])


def described(error: Exception) -> dict[str, Any]:
    """What a program can learn from the SDK's exception."""
    return {
        "type": type(error).__name__,
        "code": getattr(error, "code", None),
        "message": getattr(error, "message", None) or str(error),
        "status": getattr(error, "status_code", None),
        "request_id": getattr(error, "request_id", None),
    }


if __name__ == "__main__":
    main()
