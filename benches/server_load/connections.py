"""Many idle connections: what they take of the server's memory, and its health then.

``python -m benches.server_load.connections PORT COUNT`` is the helper that holds them,
in a process of its own for the sake of its descriptors: each has been served once and
is kept open. It says "held" and lets go when its standard input ends.
"""

import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benches.server_load.checkouts import present
from benches.server_load.processes import usage_of

from pairsmith.testing import RunningServer

WAVES = 3
HEALTH_CHECKS = 20
IDLE_SECONDS = 60
"""How long the server keeps an idle connection; no setting allows more."""

RENEWAL_SECONDS = 20
"""After which each connection is used again, so that it is kept."""
SPARE_DESCRIPTORS = 100
AT_ONCE = 100
"""Connections that wait for their answer at the same time."""
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True)
class Held:
    """What was seen with so many connections.

    Attributes:
        count: How many.
        before_mb: Resident memory of all processes of the server, before.
        held_mb: While they were open, for each wave.
        after_mb: After each wave.
        health_ms: Each check of ``/healthz`` while they were open.
    """

    count: int
    before_mb: float
    held_mb: list[float]
    after_mb: list[float]
    health_ms: list[float]


def measure(count: int) -> Held:
    """Open so many connections several times over, to a server of two workers."""
    with present().running(limits_header_seconds=IDLE_SECONDS) as server:
        for _ in range(HEALTH_CHECKS):  # what is made at the first request is made now
            server.get("/healthz")
        before, held, after, health = resident_mb(server), [], [], []
        for _ in range(WAVES):
            with holding(server.port, count):
                held.append(resident_mb(server))
                health += [health_ms(server) for _ in range(HEALTH_CHECKS)]
            after.append(resident_mb(server))
    return Held(count, before, held, after, health)


def print_report(held: Held) -> None:
    """Two lines."""
    each = (held.held_mb[0] - held.before_mb) * 1000 / held.count
    print(f"\n{held.count:,} idle connections: {held.before_mb:.0f} MB before, "
          f"{listed(held.held_mb)} MB while open, {listed(held.after_mb)} MB after, "
          f"in {len(held.held_mb)} waves: {each:.1f} kB for each.")  # fmt: skip
    print(f"/healthz meanwhile, {len(held.health_ms)} times on a new connection: "
          f"{min(held.health_ms):.1f} to {max(held.health_ms):.1f} ms.")  # fmt: skip


def listed(values: list[float]) -> str:
    """Whole numbers with commas between."""
    return ", ".join(f"{value:.0f}" for value in values)


def resident_mb(server: RunningServer) -> float:
    """The memory of all processes of a server."""
    return usage_of(server.pid).resident_bytes / 1e6


def health_ms(server: RunningServer) -> float:
    """How long an answer takes, with its connection."""
    begun = time.perf_counter()
    status, _ = server.get("/healthz")
    assert status == 200
    return (time.perf_counter() - begun) * 1e3


@contextmanager
def holding(port: int, count: int) -> Iterator[None]:
    """Have a helper hold so many connections, each of which was served once."""
    helper = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "benches.server_load.connections",
            str(port),
            str(count),
        ],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with helper:
        assert helper.stdout is not None
        said = helper.stdout.readline()
        if said != "held\n":
            raise RuntimeError(f"the connections could not be opened: {said}")
        yield
        helper.communicate()
    assert helper.returncode == 0, "connections were lost"


def hold(port: int, count: int) -> None:
    """Open them, say so, and keep them until the standard input ends."""
    allow_descriptors(count + SPARE_DESCRIPTORS)
    opened: list[socket.socket] = []
    while len(opened) < count:
        several = [
            socket.create_connection(("127.0.0.1", port), timeout=IDLE_SECONDS)
            for _ in range(min(AT_ONCE, count - len(opened)))
        ]
        use(several)
        opened += several
    print("held", flush=True)
    while not select.select([sys.stdin], [], [], RENEWAL_SECONDS)[0]:
        use(opened)
    use(opened)  # to see that none was lost
    for connection in opened:
        connection.close()


def use(connections: list[socket.socket]) -> None:
    """Have one request served on each."""
    for several in batched(connections, AT_ONCE):
        for connection in several:
            connection.sendall(REQUEST)
        for connection in several:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200"), "not served"


def batched(
    connections: list[socket.socket], count: int
) -> Iterator[list[socket.socket]]:
    """So many at a time; that of itertools is younger than Python 3.11."""
    for begin in range(0, len(connections), count):
        yield connections[begin : begin + count]


def allow_descriptors(count: int) -> None:
    """Let this process have so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise SystemExit(f"{count} descriptors are needed: raise ulimit -Hn ({hard})")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


if __name__ == "__main__":
    hold(int(sys.argv[1]), int(sys.argv[2]))
