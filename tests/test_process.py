"""What keeps other processes from reading this one's memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pairsmith import process as this_process
from pairsmith.process import ALLOW_TRACING, forbid_dumps
from traced import core_limits, may_be_traced, unprivileged
from waiting import eventually

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="what is forbidden can be seen on Linux only"
)

WAIT = "input('waits')"


def started(code: str, **variables: str) -> subprocess.Popen[str]:
    """A Python process that prints and waits for its standard input."""
    process = subprocess.Popen(
        [*unprivileged(), sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )
    assert process.stdout is not None
    assert process.stdout.read(5) == "waits"
    return process


FORBIDS = f"from pairsmith.process import forbid_dumps; forbid_dumps(); {WAIT}"


def test_a_process_that_forbids_it_is_not_traced() -> None:
    """Another process of its user cannot look into it, and it leaves no core dump."""
    with started(FORBIDS) as process:
        try:
            assert not may_be_traced(process.pid)
            assert core_limits(process.pid) == ["0", "0"]
        finally:
            process.kill()


def test_a_developer_may_allow_it() -> None:
    """With PAIRSMITH_ALLOW_TRACING=1 a debugger sees what it sees of any process."""
    with started(FORBIDS, **{ALLOW_TRACING: "1"}) as process:
        try:
            assert may_be_traced(process.pid)
        finally:
            process.kill()


@pytest.mark.parametrize("value", ["", "0", "yes", "true"])
def test_nothing_else_allows_it(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable has one value that counts."""
    asked: list[int] = []
    monkeypatch.setattr(this_process, "_forbid_dumps", lambda: asked.append(1))
    monkeypatch.setenv(ALLOW_TRACING, value)
    assert forbid_dumps()
    assert asked == [1]


def test_a_command_is_not_traced(tmp_path: Path) -> None:
    """``pairsmith`` forbids it before it reads its first input."""
    words = [*unprivileged(), sys.executable, "-m", "pairsmith"]
    words += ["--database", f"sqlite:///{tmp_path}/kms.db"]
    subprocess.run([*words, "init"], check=True, capture_output=True)
    key = subprocess.run(
        [*words, "key", "create"], check=True, capture_output=True, text=True
    ).stdout.split()[1]
    with subprocess.Popen(
        [*words, "encrypt", key, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            eventually(
                lambda: (
                    not may_be_traced(process.pid)
                    and core_limits(process.pid) == ["0", "0"]
                )
            )
            assert process.poll() is None
        finally:
            process.kill()


def test_what_it_uses_of_proc_goes_on_working() -> None:
    """Its open files, mounts and limits stay readable for the process itself."""
    code = (
        "import os; from pathlib import Path;"
        "from pairsmith.process import forbid_dumps; forbid_dumps();"
        "assert os.readlink('/proc/self/fd/0') and os.listdir('/proc/self/fd');"
        "assert Path('/proc/self/mountinfo').read_bytes()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
