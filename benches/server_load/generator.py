"""wrk, told what to send by a script in Lua, and what it counted."""

import json
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from benches.server_load.processes import usage_of
from benches.server_load.requests import Prepared

from pairsmith.testing import RunningServer

TIMEOUT_SECONDS = 30
LONG_SECONDS = 86_400
"""What wrk is told where a signal ends it."""

REPORT = """
local thread
function setup(only_one)
  thread = only_one
end

function done(summary, latency, requests)
  local errors, counted = summary.errors, {}
  for status, count in pairs(thread:get("statuses") or {}) do
    counted[#counted + 1] = string.format('"%s": %d', status, count)
  end
  io.write(string.format(
    '\\nJSON {"answers": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, ' ..
    '"max_ms": %f, "refused": %d, "broken": %d, "statuses": {%s}}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    table.concat(counted, ", ")))
end
"""
IN_TURN = """
local number = 0
function request()
  number = number % #formatted + 1
  return formatted[number]
end

statuses = {}
function response(status)
  statuses[tostring(status)] = (statuses[tostring(status)] or 0) + 1
end
"""


@dataclass(frozen=True)
class Counted:
    """What wrk has counted.

    Attributes:
        answers: How many came; the samples of the percentiles.
        seconds: Between the first and the last.
        p50_ms: From sending to the whole answer.
        p99_ms: Likewise.
        max_ms: Likewise.
        refused: How many answers had a status of 400 or above.
        broken: Connections and answers that failed.
    """

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int
    broken: int


@dataclass(frozen=True)
class Measured(Counted):
    """One request, sent over several connections for some seconds.

    Attributes:
        server_us: Processor time of the server for one answer, in microseconds.
        client_us: That of wrk.
    """

    server_us: float
    client_us: float


@dataclass(frozen=True)
class Mixed(Counted):
    """Several requests, sent in turn.

    Attributes:
        statuses: How many answers had each status of HTTP.
    """

    statuses: dict[str, int]


def require_wrk() -> None:
    """End the program unless wrk is there."""
    if shutil.which("wrk") is None:
        raise SystemExit("The load is made by wrk: apt-get install wrk")


def measure(
    server: RunningServer, request: Prepared, connections: int, seconds: float
) -> Measured:
    """Send the request over so many connections, each as fast as it is answered."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(script_of(request))
        script.flush()
        before, client = usage_of(server.pid), _children_seconds()
        url = f"{server.url}{request.path}"
        command = _command(connections, seconds, script.name, url)
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        after = usage_of(server.pid)
    told = _told(ran.stdout)
    del told["statuses"]  # to count them would take time of each answer
    answers = max(1, told["answers"])
    served = after.processor_seconds - before.processor_seconds
    return Measured(
        **told,
        server_us=served / answers * 1e6,
        client_us=(_children_seconds() - client) / answers * 1e6,
    )


class Sending:
    """Sends requests in turn, each connection the next one, while the block lasts.

    Args:
        server: To which.
        requests: In their order; one that comes several times has a larger part.
        connections: How many, each as fast as it is answered.
    """

    def __init__(
        self, server: RunningServer, requests: Sequence[Prepared], connections: int
    ) -> None:
        self._server = server
        self._requests = requests
        self._connections = connections
        self._counted: Mixed | None = None

    @property
    def counted(self) -> Mixed:
        """What wrk has counted; known after the block."""
        assert self._counted is not None, "it has not ended"
        return self._counted

    def __enter__(self) -> Self:
        """Begin."""
        self._script = tempfile.NamedTemporaryFile("w", suffix=".lua")
        self._script.write(script_of_several(self._requests))
        self._script.flush()
        self._wrk = subprocess.Popen(
            _command(
                self._connections, LONG_SECONDS, self._script.name, self._server.url
            ),
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; wrk reports when it is interrupted."""
        self._wrk.send_signal(signal.SIGINT)
        output, _ = self._wrk.communicate()
        self._script.close()
        if error is None:
            self._counted = Mixed(**_told(output))


def script_of(request: Prepared) -> str:
    """The script of one request: the same bytes each time, so wrk formats them once."""
    headers = f"wrk.headers = {_table(request.headers)}\n"
    body = f"wrk.body = {_quoted(request.body)}\n" if request.body else ""
    method = f'wrk.method = "{request.method}"\n'
    return f"{method}{headers}{body}{REPORT}"


def script_of_several(requests: Iterable[Prepared]) -> str:
    """The script of requests in turn, whose answers are counted by their status."""
    formatted = "".join(
        f"  formatted[#formatted + 1] = wrk.format({_quoted(each.method.encode())}, "
        f"{_quoted(each.path.encode())}, {_table(each.headers)}, "
        f"{_quoted(each.body) if each.body else 'nil'})\n"
        for each in requests
    )
    first = f"local formatted = {{}}\nfunction init()\n{formatted}end\n"
    return f"{first}{IN_TURN}{REPORT}"


def _command(connections: int, seconds: float, script: str, url: str) -> list[str]:
    return ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
            f"--timeout={TIMEOUT_SECONDS}s", f"--script={script}", url]  # fmt: skip


def _told(output: str) -> dict[str, Any]:
    (line,) = [line for line in output.splitlines() if line.startswith("JSON ")]
    told: dict[str, Any] = json.loads(line.removeprefix("JSON "))
    return told


def _table(headers: dict[str, str]) -> str:
    pairs = (
        f"[{_quoted(name.encode())}] = {_quoted(value.encode())}"
        for name, value in headers.items()
    )
    return f"{{{', '.join(pairs)}}}"


def _quoted(content: Iterable[int]) -> str:
    """A string of Lua, whatever bytes it has."""
    return '"' + "".join(f"\\{byte:03d}" for byte in content) + '"'


def _children_seconds() -> float:
    """Processor time of the programs that have run and ended: wrk."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
