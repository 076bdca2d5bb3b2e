"""What ``serve`` does so that nobody reads its memory."""

import json
import os
import subprocess
import sys

import pytest

from traced import unprivileged

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="what is forbidden can be seen on Linux only"
)

LOOK = """
import json, sys
from pathlib import Path
from pairsmith.testing import RunningServer
from traced import core_limits, may_be_traced
from waiting import eventually
text, times, *variables = sys.argv[1:]
environment = dict(word.split("=") for word in variables)

def processes():
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return [server.pid, *(
        int(child) for child in children.split()
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    )]

server = RunningServer.start(
    tls_insecure_http=True, listen_workers=2, environment=environment
)
try:
    # It serves as soon as one worker does; the other one may still begin.
    found = eventually(processes, lambda found: len(found) == 3)
    eventually(lambda: server.log.count(text) >= int(times))
    if not environment:
        eventually(lambda: not any(map(may_be_traced, found)))
    print(json.dumps({
        "traced": [may_be_traced(process) for process in found],
        "limits": [core_limits(process) for process in found],
        "metrics": server.get("/metrics")[0],
        "log": server.log,
    }))
finally:
    server.discard()
"""


def looked_at(text: str, times: int, *variables: str) -> dict[str, object]:
    """What another process of its user sees of a server with two workers.

    Args:
        text: What its log says before that is looked at.
        times: How often.
        variables: Of its environment.
    """
    words = [*unprivileged(), sys.executable, "-c", LOOK, text, str(times), *variables]
    looked = subprocess.run(
        words,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    found: dict[str, object] = json.loads(looked.stdout)
    return found


def test_no_process_of_a_server_is_traced_or_dumped() -> None:
    """Neither the first process nor a worker; it serves and counts as ever."""
    found = looked_at("Started worker", 2)
    assert found["traced"] == [False] * 3
    assert found["limits"] == [["0", "0"]] * 3
    assert found["metrics"] == 200
    assert "core dumps" not in str(found["log"])


def test_a_developer_may_trace_it_and_the_log_says_so() -> None:
    """With PAIRSMITH_ALLOW_TRACING=1 every process warns of what that means."""
    warning = "may read every key"
    found = looked_at(warning, 3, "PAIRSMITH_ALLOW_TRACING=1")
    assert found["traced"] == [True] * 3
    assert str(found["log"]).count(warning) == 3
