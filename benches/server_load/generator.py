"""wrk, told what to send by a script in Lua, and what it counted."""

import json
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

from benches.server_load.processes import usage_of
from benches.server_load.requests import Prepared

from pairsmith.testing import RunningServer

TIMEOUT_SECONDS = 30
REPORT = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\nJSON {"answers": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, ' ..
    '"max_ms": %f, "refused": %d, "broken": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Measured:
    """One request, sent over several connections for some seconds.

    Attributes:
        answers: How many came; the samples of the percentiles.
        seconds: Between the first and the last.
        p50_ms: From sending to the whole answer.
        p99_ms: Likewise.
        max_ms: Likewise.
        refused: How many answers had a status of 400 or above.
        broken: Connections and answers that failed.
        server_us: Processor time of the server for one answer, in microseconds.
        client_us: That of wrk.
    """

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int
    broken: int
    server_us: float
    client_us: float


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
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
                   f"--timeout={TIMEOUT_SECONDS}s", f"--script={script.name}",
                   f"{server.url}{request.path}"]  # fmt: skip
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        after = usage_of(server.pid)
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("JSON ")]
    told = json.loads(line.removeprefix("JSON "))
    answers = max(1, told["answers"])
    served = after.processor_seconds - before.processor_seconds
    return Measured(
        **told,
        server_us=served / answers * 1e6,
        client_us=(_children_seconds() - client) / answers * 1e6,
    )


def script_of(request: Prepared) -> str:
    """The script: the same bytes each time, so wrk formats them once."""
    headers = "".join(
        f"wrk.headers[{_quoted(name.encode())}] = {_quoted(value.encode())}\n"
        for name, value in request.headers.items()
    )
    body = f"wrk.body = {_quoted(request.body)}\n" if request.body else ""
    method = f'wrk.method = "{request.method}"\n'
    return f"{method}{headers}{body}{REPORT}"


def _quoted(content: Iterable[int]) -> str:
    """A string of Lua, whatever bytes it has."""
    return '"' + "".join(f"\\{byte:03d}" for byte in content) + '"'


def _children_seconds() -> float:
    """Processor time of the programs that have run and ended: wrk."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
