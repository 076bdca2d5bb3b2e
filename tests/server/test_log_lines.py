"""Log lines: written together and in order, lost by nobody's fault but a reader's."""

import asyncio
import errno
import io
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from log_recorder import Recorder

from pairsmith.server import log_lines
from pairsmith.server.log_lines import ROOM_BYTES, SPARE_BYTES, LogLines
from pairsmith.server.log_output import FILE_PIECE_BYTES, Output
from waiting import PATIENCE_SECONDS, eventually

Make = Callable[[Recorder], LogLines]


def loss(count: int) -> bytes:
    """The line that tells of a loss."""
    return b"lost %d\n" % count


@pytest.fixture
def made() -> Iterator[Make]:
    """Makes lines that wait until somebody flushes them; ends their threads."""
    with ExitStack() as stack:

        def make(output: Recorder) -> LogLines:
            lines = LogLines(output, loss, PATIENCE_SECONDS, PATIENCE_SECONDS)
            stack.callback(lines.close)
            stack.callback(output.gate.set)
            return lines

        yield make


def numbered(count: int, first: int = 0) -> list[bytes]:
    """So many lines that differ."""
    return [b"line %d\n" % number for number in range(first, first + count)]


def test_a_group_of_lines_is_one_write(made: Make) -> None:
    """However many have gathered; the next group is another."""
    output = Recorder()
    lines = made(output)
    for line in numbered(500):
        lines.add(line)
    assert output.written == []
    lines.flush()
    assert output.written == [b"".join(numbered(500))]
    lines.add(b"next\n")
    lines.flush()
    assert output.written[1:] == [b"next\n"]


def test_lines_are_written_without_being_asked_for() -> None:
    """After a moment, by a thread that then waits for the next."""
    output = Recorder()
    lines = LogLines(output, loss, moment_seconds=0)
    for number in range(3):
        lines.add(b"line %d\n" % number)
        eventually(lambda: output.lines, lambda seen, n=number: len(seen) == n + 1)
    assert output.lines == numbered(3)
    lines.close()


def test_lines_stay_whole_in_pieces_that_a_pipe_keeps_whole(made: Make) -> None:
    """What is longer than a piece goes alone."""
    output = Recorder(piece_bytes=30)
    lines = made(output)
    given = [*numbered(20), b"x" * 100 + b"\n", *numbered(20, first=20)]
    for line in given:
        lines.add(line)
    lines.flush()
    assert output.lines == given
    assert all(piece.endswith(b"\n") for piece in output.written)
    long = [piece for piece in output.written if len(piece) > 30]
    assert long == [b"x" * 100 + b"\n"]
    assert len(output.written) < 20


def test_threads_that_log_at_once_lose_nothing(made: Make) -> None:
    """And each thread's lines keep their order."""
    output = Recorder()
    lines = made(output)

    def work(number: int) -> None:
        for count in range(500):
            lines.add(b"%d %d\n" % (number, count))
            if count % 100 == 0:
                lines.flush()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines.flush()
    for number in range(4):
        mine = [line for line in output.lines if line.startswith(b"%d " % number)]
        assert mine == [b"%d %d\n" % (number, count) for count in range(500)]


def test_nobody_waits_for_a_reader_and_the_loss_is_told(made: Make) -> None:
    """Lines wait within bounds; those beyond are counted; other lines have room yet."""
    output = Recorder()
    output.gate.clear()
    lines = made(output)
    line = b"x" * 1023 + b"\n"
    lines.add(b"first\n")
    lines.flush(0)  # gives up at once
    assert output.reached.wait(PATIENCE_SECONDS)  # the thread is stopped in its write
    fit = ROOM_BYTES // len(line) + 1
    for _ in range(fit + 100):
        lines.add(line)
    lines.add(b"a warning\n", ROOM_BYTES + SPARE_BYTES)
    assert lines._waiting_bytes <= ROOM_BYTES + len(line) + len(b"a warning\n")
    lines.flush(threading.TIMEOUT_MAX)  # would wait for ever, but nothing moves
    assert output.written == []
    output.gate.set()
    lines.flush()
    told = [b"first\n", *[line] * fit, b"a warning\n", b"lost 100\n"]
    eventually(lambda: output.lines == told)
    lines.add(b"again\n")
    lines.flush()
    assert output.lines == [*told, b"again\n"]


def test_other_lines_are_bounded_too(made: Make) -> None:
    """Else a flood of warnings would fill the memory."""
    output = Recorder()
    output.gate.clear()
    lines = made(output)
    line, room = b"w" * 1023 + b"\n", ROOM_BYTES + SPARE_BYTES
    for _ in range(room // len(line) + 100):
        lines.add(line, room)
    assert lines._waiting_bytes <= room + len(line)
    assert lines._lost == 99


def test_an_event_loop_waits_for_no_reader(made: Make) -> None:
    """It lets the line be written at once, and goes on."""
    output = Recorder()
    output.gate.clear()
    lines = made(output)

    async def warn() -> None:
        lines.add(b"a warning\n")
        lines.flush(threading.TIMEOUT_MAX)  # would wait for ever
        assert output.reached.wait(PATIENCE_SECONDS)

    asyncio.run(warn())
    assert output.written == []
    output.gate.set()
    lines.flush()
    assert output.lines == [b"a warning\n"]


def test_what_cannot_be_written_is_lost_and_told_later(made: Make) -> None:
    """A full disk ends neither the thread nor anybody's request, and is tried again."""
    output = Recorder()
    lines = made(output)
    output.failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for _ in range(3):
        lines.add(b"lost\n")
        lines.flush()
    output.failure = None
    lines.add(b"found\n")
    lines.flush()
    eventually(lambda: output.lines == [b"found\n", b"lost 3\n"])


def test_what_is_logged_while_a_line_is_written_deadlocks_nobody(made: Make) -> None:
    """The garbage collector may run anything anywhere, and that may log."""

    class Collecting(Recorder):
        def write(self, content: bytes) -> None:
            super().write(content)
            if content == b"first\n":
                lines.add(b"second\n")
                lines.flush(threading.TIMEOUT_MAX)

    output = Collecting()
    lines = made(output)
    lines.add(b"first\n")
    lines.flush()
    lines.flush()
    assert output.lines == [b"first\n", b"second\n"]
    lines.close()
    lines.add(b"first\n")
    lines.flush()  # in this thread now
    lines.flush()
    assert output.lines == [b"first\n", b"second\n"] * 2


def test_without_a_thread_lines_are_written_by_who_flushes(
    made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There can be no more threads, or the interpreter ends."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    output = Recorder()
    lines = made(output)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        lines.add(b"one\n")
        lines.add(b"two\n")
        lines.flush()
        assert output.written == [b"one\ntwo\n"]
    lines.add(b"three\n")
    assert lines._thread is not None
    lines.close()
    assert output.lines == [b"one\n", b"two\n", b"three\n"]
    lines.add(b"four\n")
    assert lines._thread is None
    lines.flush()
    assert output.lines[3:] == [b"four\n"]


def test_the_end_waits_only_while_somebody_reads(
    made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that nobody reads does not keep a process from ending."""
    monkeypatch.setattr(log_lines, "END_SECONDS", 0)
    output = Recorder()
    output.gate.clear()
    lines = made(output)
    lines.add(b"line\n")
    lines.close()
    lines.flush(threading.TIMEOUT_MAX)
    assert output.written == []


def test_a_stream_without_a_descriptor_is_written_as_one() -> None:
    """Such as what a test puts in the place of stderr."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    output = Output(stream)
    output.write(output.encoded("\u00e9 \ud800\n"))
    stream.seek(0)
    assert stream.read() == "\\xe9 \\ud800\n"
    assert output.piece_bytes == FILE_PIECE_BYTES


def test_files_take_more_at_once_than_pipes(tmp_path: Path) -> None:
    """Of what a pipe takes at once, nothing comes between."""
    with (tmp_path / "log").open("w") as file:
        assert Output(file).piece_bytes == FILE_PIECE_BYTES
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "w") as pipe:
        assert Output(pipe).piece_bytes == select.PIPE_BUF
    with pytest.raises(ValueError, match="closed"):
        Output(pipe).write(b"x")


def test_a_pipe_that_somebody_made_non_blocking_is_waited_for() -> None:
    """Whoever shares it may have done so."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    content = b"x" * 1_000_000
    with os.fdopen(reading, "rb") as read, os.fdopen(writing, "w") as pipe:
        output = Output(pipe)
        thread = threading.Thread(target=output.write, args=(content,))
        thread.start()
        assert read.read(len(content)) == content
        thread.join()


BEGINNING = """
import os, sys
from pairsmith.server import log_lines, logs
log_lines.END_SECONDS = 180
logs._lines._moment_seconds = 3600  # only what asks for it is written before the end
logs.configure()

def tell(code, **more):
    logs.answered(
        request_id="r", operation="Encrypt", principal_id="p", key_id="k", code=code,
        http_status=200, remote_address="127.0.0.1", duration_seconds=0.5, **more
    )
"""


def run(program: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """What a process of its own says that logs."""
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + program],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        **options,
    )


def codes(said: str) -> list[str]:
    """The code, or the event, of each line."""
    lines = map(json.loads, said.splitlines())
    return [line.get("code", line["event"]) for line in lines]


ENDS = {
    "the end of the program": "",
    "an exit": "sys.exit(3)",
    "an exit on a thread's order": "logs._lines.flush(180); os._exit(3)",
    "a line of another exit function": (
        "import atexit; atexit._run_exitfuncs(); logs.logger().warning('late')"
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_lost_at_the_end_of_a_process(end: str) -> None:
    """Of a thousand lines that were told just before."""
    ended = run(f"for n in range(1000): tell(str(n))\n{ENDS[end]}")
    seen = codes(ended.stderr)
    assert seen[:1000] == [str(number) for number in range(1000)]
    assert seen[1000:] == (["late"] if "late" in ENDS[end] else [])


WORKER = """
import asyncio, multiprocessing, signal, threading
{beginning}
async def serve(pipe):
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    tell("while it serves")
    pipe.send("serving")
    await stopped.wait()
    tell("while it ends")

def work(pipe):
    asyncio.run(serve(pipe))
    tell("when it has ended")

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    worker = context.Process(target=work, args=(there,))
    worker.start()
    here.recv()
    worker.terminate()
    worker.join()
    sys.exit(worker.exitcode)
"""


def test_nothing_is_lost_when_a_signal_ends_a_worker(tmp_path: Path) -> None:
    """A process that was spawned finishes what it accepted, and ends."""
    program = tmp_path / "worker.py"
    program.write_text(WORKER.format(beginning=BEGINNING))
    ended = subprocess.run(
        [sys.executable, program],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    assert codes(ended.stderr) == [
        "while it serves", "while it ends", "when it has ended",
    ]  # fmt: skip


def test_a_child_begins_without_the_lines_of_its_parent() -> None:
    """Each line is written once, by whoever told it; both have a thread."""
    ended = run("""
import threading
tell("parent's")
before = logs._lines._thread
if child := os.fork():
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    tell("parent's, too")
    assert logs._lines._thread is before
else:
    assert logs._lines._thread is None
    tell("child's")
    assert logs._lines._thread.is_alive()
    logs.logger().warning("child's, too")
    os._exit(0)
""")
    assert codes(ended.stderr) == [
        "child's", "child's, too", "parent's", "parent's, too",
    ]  # fmt: skip


def test_a_pipe_that_nobody_reads_stops_nobody() -> None:
    """All that was told is written, or counted as soon as somebody reads."""
    program = """
for n in range(30_000):
    tell(str(n), reason="x" * 500)
logs.logger().warning("waits a second at most")
logs.logger().warning("waits for nothing")
print("done", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGINNING + program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert process.stdout.read(5) == b"done\n"
        answers: list[dict[str, Any]] = []
        others: list[dict[str, Any]] = []
        while len(others) < 3:
            line = json.loads(process.stderr.readline())
            (answers if line["event"] == "answered" else others).append(line)
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE_SECONDS) == 0
    assert [line["code"] for line in answers] == list(map(str, range(len(answers))))
    (lost,) = [line for line in others if "count" in line]
    warnings = [line["event"] for line in others if line is not lost]
    assert warnings == ["waits a second at most", "waits for nothing"]
    assert lost["event"].startswith("log lines were lost")
    assert lost["level"] == "warning"
    assert lost["count"] > 0
    assert len(answers) + lost["count"] == 30_000
