"""Whatever is done to the file under running servers, and between two starts."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from entries import KEY, entry, lines, write

from pairsmith.server.audit import AuditLog, AuditUnavailable
from pairsmith.server.audit.verify import AuditBroken, verify


class Server:
    """Two workers with one log; a stopped server starts with new ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.aside = path.with_name("moved")
        self.aside.mkdir()
        self.answered: list[str] = []
        self.workers = [AuditLog.open(path, KEY) for _ in range(2)]

    def serve(self) -> None:
        """Each worker answers one request."""
        for worker in self.workers:
            request = f"r{len(self.answered)}"
            worker.record(entry(request))
            self.answered.append(request)

    def refuses(self) -> bool:
        """Whether each worker refuses, and says that it is not ready."""
        refusals = 0
        for worker in self.workers:
            for attempt in (worker.check, partial(worker.record, entry("refused"))):
                try:
                    attempt()
                except AuditUnavailable:
                    refusals += 1
        assert refusals in (0, 2 * len(self.workers))
        return refusals > 0

    def replace_a_worker(self) -> None:
        """One dies and another one comes, which remembers nothing."""
        self.workers.pop(0).close()
        self.workers.append(AuditLog.open(self.path, KEY))

    def restart(self) -> None:
        """Stop, and start again."""
        self.stop()
        self.workers = [AuditLog.open(self.path, KEY) for _ in range(2)]

    def stop(self) -> None:
        """Close everything."""
        for worker in self.workers:
            worker.close()
        self.workers = []

    def move_away(self) -> None:
        """What the message asks the operator to do."""
        number = len(list(self.aside.iterdir()))
        if self.path.exists():
            self.path.rename(self.aside / f"{number}")

    def sequences(self) -> list[int]:
        """The numbers of all lines, those that were moved away included."""
        texts = [*self.aside.iterdir(), self.path]
        told = [
            json.loads(line)
            for text in texts
            if text.is_file()
            for line in text.read_bytes().splitlines()
            if line.endswith(b"}")
        ]
        return [each["sequence"] for each in told if "hash" in each]


@pytest.fixture
def server(path: Path) -> Iterator[Server]:
    """A server that has answered four requests."""
    made = Server(path)
    made.serve()
    made.serve()
    yield made
    made.stop()


def shorten(path: Path) -> None:
    """Cut off the last line."""
    os.truncate(path, path.stat().st_size - len(lines(path)[-1]))


def shorten_within_a_line(path: Path) -> None:
    """Cut off a few bytes, as a kill might have."""
    os.truncate(path, path.stat().st_size - 9)


def empty(path: Path) -> None:
    """What copytruncate does."""
    os.truncate(path, 0)


def put_an_older_copy_in_place(path: Path) -> None:
    """Another file with less in it."""
    path.with_name("copy").write_bytes(b"".join(lines(path)[:-2]))
    path.with_name("copy").replace(path)


def write_an_older_copy_over_it(path: Path) -> None:
    """The same file with less in it."""
    path.write_bytes(b"".join(lines(path)[:-2]))


def put_another_log_in_place(path: Path) -> None:
    """One that the same instance has written elsewhere, and that is longer."""
    other = path.with_name("other.log")
    write(other, 20)
    other.replace(path)


def change_the_last_line(path: Path) -> None:
    """Its length, its hash and its signature stay."""
    text = path.read_bytes()
    path.write_bytes(text[:-400] + text[-400:].replace(b'"OK"', b'"KO"'))


def append_another_s_line(path: Path) -> None:
    """A line in the form of one."""
    with path.open("ab") as file:
        file.write(b'{"sequence":9,"hash":"%b","mac":"%b"}\n' % (b"0" * 64, b"0" * 32))


def append_an_own_line_again(path: Path) -> None:
    """A line that this instance has signed, in the wrong place."""
    with path.open("ab") as file:
        file.write(lines(path)[2])


def put_a_folder_in_place(path: Path) -> None:
    """What a careless mount leaves."""
    path.unlink()
    path.mkdir()


def put_a_pipe_in_place(path: Path) -> None:
    """What is no file keeps nothing."""
    path.unlink()
    os.mkfifo(path)


def put_a_link_in_place(path: Path) -> None:
    """Even one that leads to the log itself."""
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


TAMPERINGS = [
    shorten,
    shorten_within_a_line,
    empty,
    put_an_older_copy_in_place,
    write_an_older_copy_over_it,
    put_another_log_in_place,
    change_the_last_line,
    append_another_s_line,
    append_an_own_line_again,
]


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_tampering_refuses_until_the_log_is_moved_away(
    server: Server, tamper: Callable[[Path], None], *, restarted: bool
) -> None:
    """Every worker refuses and is not ready; afterwards no number is given twice."""
    before = server.sequences()
    if restarted:
        server.stop()
    tamper(server.path)
    if restarted:
        with pytest.raises(AuditUnavailable, match="as evidence"):
            server.restart()
        server.stop()
        server.move_away()
        server.restart()
    else:
        assert server.refuses()
        assert server.refuses()
        server.move_away()
        assert not server.refuses()
    server.serve()
    ours = [json.loads(line)["sequence"] for line in lines(server.path)]
    assert min(ours) == max(before) + 1
    assert verify(server.path, KEY).first_sequence == min(ours)


@pytest.mark.parametrize(
    "replace", [put_a_folder_in_place, put_a_pipe_in_place, put_a_link_in_place]
)
def test_what_is_no_file_takes_no_lines(
    server: Server, replace: Callable[[Path], None]
) -> None:
    """Every worker refuses until it is gone; then the numbers go on."""
    replace(server.path)
    assert server.refuses()
    server.move_away()
    shutil.rmtree(server.aside)
    server.aside.mkdir()
    assert not server.refuses()
    server.serve()
    assert min(server.sequences()) == 6


@pytest.mark.parametrize("name", ["audit.log", "audit.log.head", "audit.log.lock"])
def test_what_others_may_write_takes_no_lines(server: Server, name: str) -> None:
    """Also if that was allowed to them while the servers ran."""
    file = server.path.with_name(name)
    file.chmod(0o666)
    with pytest.raises(AuditUnavailable):
        server.workers[0].record(entry("refused"))
    file.chmod(0o600)
    assert not server.refuses()
    server.serve()
    verify(server.path, KEY)


def rename(server: Server) -> None:
    """What logrotate does."""
    server.move_away()


def rename_and_create(server: Server) -> None:
    """What logrotate does with ``create``."""
    server.move_away()
    server.path.touch()


@pytest.mark.parametrize("rotate", [rename, rename_and_create])
@pytest.mark.parametrize(
    "then", [lambda _: None, Server.replace_a_worker, Server.restart]
)
def test_a_log_that_was_rotated_by_others_goes_on_without_a_gap(
    server: Server, rotate: Callable[[Server], None], then: Callable[[Server], None]
) -> None:
    """Whichever worker is first, and also if it has just been started."""
    for _ in range(2):
        rotate(server)
        then(server)
        server.serve()
    numbers = server.sequences()
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_a_deleted_log_leaves_a_trace(server: Server) -> None:
    """The next part says what it follows, and earlier parts do not fit to it."""
    part = server.path.with_name("audit.log.000000000005")
    shutil.copy(server.path, part)
    server.serve()
    server.path.unlink()
    server.serve()
    with pytest.raises(AuditBroken, match="missing before it"):
        verify(server.path, KEY)
    part.unlink()
    assert verify(server.path, KEY).first_sequence == 8


def test_an_exact_copy_is_the_log(server: Server) -> None:
    """An editor that saved it, or a move to another disk, changes nothing."""
    for _ in range(2):
        shutil.copy(server.path, server.path.with_name("copy"))
        server.path.with_name("copy").replace(server.path)
        assert not server.refuses()
        server.serve()
        server.restart()
    verify(server.path, KEY)


@pytest.mark.parametrize("name", ["audit.log.head", "audit.log.lock"])
def test_what_lies_beside_the_log_may_be_lost(server: Server, name: str) -> None:
    """Workers go on in one chain, also with those that come later."""
    server.path.with_name(name).unlink()
    server.replace_a_worker()
    server.serve()
    server.path.with_name(name).unlink()
    server.restart()
    server.serve()
    verify(server.path, KEY)
    numbers = server.sequences()
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("is_another_file", [False, True])
def test_an_older_record_is_not_believed_by_who_knows_better(
    server: Server, *, is_another_file: bool
) -> None:
    """A cut log with the record that fits to it is noticed by every running worker."""
    record = server.path.with_name("audit.log.head")
    older = server.path.read_bytes(), record.read_bytes()
    server.serve()
    server.path.write_bytes(older[0])
    if is_another_file:
        record.unlink()
    record.write_bytes(older[1])
    assert server.refuses()


def test_the_longest_line_stops_nobody(server: Server) -> None:
    """Whoever wrote it, the next group goes on after it, and so does the next start."""
    texts = ["\N{GRINNING FACE}" * 500] * 80
    for _ in range(2):
        for worker in server.workers:
            worker.record(entry("long", request={"Tags": texts}))
        server.serve()
        server.workers[0].record(entry("long", request={"Tags": texts}))
        server.restart()
    assert max(map(len, lines(server.path))) > 400_000
    verify(server.path, KEY)


def test_lines_put_in_while_a_group_is_written_are_not_answered_over(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group is refused, and so is the next one."""
    real = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        with server.path.open("ab", buffering=0) as file:
            real(file.fileno(), b"{}\n")
        return real(descriptor, data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", interrupted)
        with pytest.raises(AuditUnavailable, match="Somebody else"):
            server.workers[0].record(entry())
    assert server.refuses()


def test_a_log_of_an_earlier_version_is_taken_over(path: Path) -> None:
    """It has no record beside it: its chain is read once."""
    write(path, 5)
    path.with_name("audit.log.head").unlink()
    write(path, 5)
    assert verify(path, KEY).lines == 11
    path.with_name("audit.log.head").unlink()
    path.write_bytes(path.read_bytes().replace(b'"r1"', b'"rX"', 1))
    with pytest.raises(AuditUnavailable, match="as evidence"):
        AuditLog.open(path, KEY)
