"""Requests that no client would send, and what must be true of every answer.

``python tests/server/fuzzing.py 200000 [SEED]`` sends that many to an application in
this process and reports answers by status, the slowest, and the memory on the way.
Every case follows from the seed and its number.
"""

import asyncio
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doubles import MemoryAudit, MemoryMetrics
from signing import Signer

from pairsmith import Instance
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.app import Application
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.operations import ELSEWHERE, OPERATIONS
from pairsmith.server.path import hallway
from pairsmith.server.services import Services
from pairsmith.server.settings import Settings, with_setting
from waiting import PATIENCE_SECONDS

DOCUMENTED = {
    200: {"OK"},
    400: {
        "InvalidApiName",
        "InvalidApiVersion",
        "InvalidParam",
        "InvalidParameter",
        "MissingParameter",
        "RequestTimeTooSkewed",
        "UnsupportedOperation",
    },
    401: {"SignatureNotMatch"},
    403: {"Forbidden.NoPermission"},
    404: {"Forbidden.KeyNotFound", "Unauthorized"},
    409: {"Rejected.Disabled"},
    415: {"InvalidContentType"},
    429: {"Rejected.Throttling"},
    500: {"InternalFailure"},
}
"""Codes of the Instance API that these requests may be answered with."""


SLOWEST_SECONDS = float(PATIENCE_SECONDS)
NAMES = [
    *OPERATIONS,
    *OPERATIONS,
    *OPERATIONS,
    *ELSEWHERE,
    "",
    "Error",
    "generaterandom",
    "Decrypt\u00e9",
]
TEXTS = ["", "alias/test", "alias/disabled", "PEM", "DER", "EC_P256", "EC_P256K"]
BYTES = [b"", b"\x00", b"$", b"$\x00\x02", bytes(12), bytes(16), bytes(64)]


@dataclass
class Defects:
    """Stands in for the log: keeps the exceptions that nobody expected."""

    found: list[BaseException | None] = field(default_factory=list)

    def info(self, *_: object, **__: object) -> None:
        """Forget what is as it should be."""

    def exception(self, *_: object, **__: object) -> None:
        """Keep what is being handled."""
        self.found.append(sys.exception())


class Fuzzer:
    """An application and cases for it.

    Args:
        instance: With a key ``alias/test`` and a disabled one, ``alias/disabled``.
        seed: Cases follow from it.
        folder: For the server's own files.
    """

    def __init__(self, instance: Instance, seed: int, folder: Path) -> None:
        self.seed = seed
        self.defects = Defects()
        self.audit = MemoryAudit()
        self.answers: Counter[tuple[int, str]] = Counter()
        self.slowest = 0.0
        access = AccessStore(instance.registry)
        client = access.create_client("fuzz", parse_policy(["*"]))
        self._signer = Signer.of(client)
        self._metrics = MemoryMetrics()
        settings = with_setting(Settings(), "files", "folder", str(folder))
        settings = with_setting(settings, "limits", "refused_signatures", 0)
        self.app = Application(
            Services(
                instance,
                instance.registry,
                access,
                self.audit,  # type: ignore[arg-type]
                self._metrics,  # type: ignore[arg-type]
                settings,
            )
        )
        hallway.logger = lambda **_: self.defects  # type: ignore[attr-defined, assignment, misc]

    async def run(self, first: int, count: int) -> None:
        """Send ``count`` cases, the first of this number."""
        for number in range(first, first + count):
            scope, body = self.case(number)
            begun = time.perf_counter()
            try:
                async with asyncio.timeout(SLOWEST_SECONDS):
                    status, content = await answered(self.app, scope, body)
                self.judge(scope, status, content)
            except BaseException:
                print(f"case {number} of seed {self.seed}", file=sys.stderr)
                raise
            self.slowest = max(self.slowest, time.perf_counter() - begun)
            self.audit.entries.clear()
            self._metrics.observed.clear()

    def case(self, number: int) -> tuple[dict[str, Any], bytes]:
        """One request, as ASGI has it."""
        chance = random.Random(f"{self.seed} {number}")  # noqa: S311 -- repeatable
        name = chance.choice(NAMES)
        body = self._body(chance, name)
        headers = self._headers(chance, name, body)
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "scheme": "http",
            "http_version": "1.1",
        }
        if chance.random() < 0.15:
            self._disturb(chance, scope)
        return scope, body

    def judge(self, scope: dict[str, Any], status: int, content: bytes) -> None:
        """Every answer is a documented one; a defect is none."""
        assert not self.defects.found, self.defects.found
        names = [name for name, _ in scope["headers"]]
        if scope["method"] != "POST" or scope["path"] != "/":
            assert status in {200, 400, 401, 403, 404, 405, 503}, status
            code = ""
        elif not any(name.startswith(b"x-kms-a") for name in names):
            assert status < 500, status
            code = ""
        elif status == 200:
            code = "OK"
        else:
            error = messages.Error.FromString(content)
            assert error.StatusCode == status
            assert len(error.RequestId) == 36
            code = error.ErrorCode
            assert code in DOCUMENTED[status], (status, code)
        self.answers[status, code] += 1

    def _body(self, chance: random.Random, name: str) -> bytes:
        kind = getattr(messages, f"{name}Request", messages.EncryptRequest)
        message = kind()
        for each in kind.DESCRIPTOR.fields:
            if chance.random() < 0.85:
                setattr(message, each.name, self._value(chance, each))
        body = bytearray(message.SerializeToString())
        for _ in range(chance.choice([0, 0, 1, 2, 8])):
            mutate(chance, body)
        return bytes(body)

    def _value(self, chance: random.Random, of: Any) -> Any:
        if of.cpp_type == of.CPPTYPE_STRING and of.type == of.TYPE_BYTES:
            return chance.choice([*BYTES, chance.randbytes(chance.randrange(200))])
        if of.cpp_type == of.CPPTYPE_STRING:
            likely = {
                "KeyId": "alias/test",
                "KeyPairSpec": "EC_P256",
                "KeyFormat": "DER",
                "Algorithm": "AES_GCM",
                "PaddingMode": "",
            }
            other = chance.choice([*TEXTS, "\x00", "\u00e9" * 9, "k" * 300])
            return likely.get(of.name, other) if chance.random() < 0.8 else other
        if of.cpp_type == of.CPPTYPE_BOOL:
            return True
        return chance.choice([0, 1, 32, 64, 1024, -1, 2**31 - 1, -(2**31)])

    def _headers(
        self, chance: random.Random, name: str, body: bytes
    ) -> list[tuple[bytes, bytes]]:
        ascii_name = name.encode("ascii", "ignore").decode()
        headers = self._signer.headers(ascii_name, body)
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
        for _ in range(chance.choice([0, 0, 0, 0, 1, 2])):
            index = chance.randrange(len(pairs))
            key, value = pairs[index]
            kind = chance.randrange(5)
            if kind == 0:
                del pairs[index]
            elif kind == 1:
                pairs.append((key, value))
            elif kind == 2:
                changed = bytearray(value)
                mutate(chance, changed)
                pairs[index] = (key, bytes(changed).replace(b"\n", b"").strip())
            elif kind == 3:
                pairs[index] = (key, chance.randbytes(chance.randrange(30)))
            else:
                pairs.append((b"x-kms-" + key, chance.randbytes(9)))
            if not pairs:
                break
        return pairs

    def _disturb(self, chance: random.Random, scope: dict[str, Any]) -> None:
        """Another method, path or query, or a request of the other API."""
        scope["query_string"] = chance.choice(
            [b"", b"Action=ListKeys", b"Action=", b"%", b"a=%ff&a=%00", b"&" * 99]
        ) + chance.randbytes(chance.randrange(9))
        if chance.random() < 0.5:
            scope["headers"] = [
                (name, value)
                for name, value in scope["headers"]
                if not name.startswith(b"x-kms-")
            ]
        if chance.random() < 0.3:
            scope["method"] = chance.choice(["GET", "PUT", "HEAD", "OPTIONS", "X"])
        if chance.random() < 0.3:
            scope["path"] = chance.choice(
                ["/healthz", "/readyz", "/none", "//", "/\x00"]
            )


def mutate(chance: random.Random, content: bytearray) -> None:
    """Flip, cut, insert or repeat some bytes in place."""
    where = chance.randrange(len(content) + 1)
    kind = chance.randrange(4)
    if kind == 0 and content:
        content[where % len(content)] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del content[where : where + chance.randrange(9)]
    elif kind == 2:
        content[where:where] = chance.randbytes(chance.randrange(9))
    else:
        content[where:where] = content[: chance.randrange(40)]


async def answered(
    app: Application, scope: dict[str, Any], body: bytes
) -> tuple[int, bytes]:
    """Status and content of the one answer to a request."""
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(dict(scope), receive, send)
    assert [each["type"] for each in sent[:2]] == [
        "http.response.start",
        "http.response.body",
    ]
    assert all(
        b"\n" not in value and b"\x00" not in value for _, value in sent[0]["headers"]
    )
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


def prepared(instance: Instance) -> Instance:
    """An instance with the two keys that cases name."""
    instance.create_alias("alias/test", instance.create_key().key_id)
    disabled = instance.create_key().key_id
    instance.create_alias("alias/disabled", disabled)
    instance.disable_key(disabled)
    return instance


def main() -> None:
    """Run many cases and report."""
    count = int(sys.argv[1])
    seed = (
        int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().getrandbits(32)
    )
    print(f"seed {seed}")
    with (
        tempfile.TemporaryDirectory() as folder,
        Instance.open(f"sqlite:///{folder}/kms.db") as instance,
    ):
        fuzzer = Fuzzer(prepared(instance), seed, Path(folder))
        tenth = count // 10

        async def run() -> None:
            for part in range(10):
                await fuzzer.run(part * tenth, tenth)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                print(
                    f"{(part + 1) * tenth:>8} cases, peak memory {peak} MiB", flush=True
                )

        asyncio.run(run())
    for (status, code), times in sorted(fuzzer.answers.items()):
        print(f"{times:>8}  {status} {code}")
    print(f"slowest answer: {fuzzer.slowest:.3f} s")


if __name__ == "__main__":
    main()
