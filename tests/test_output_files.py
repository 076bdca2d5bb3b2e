"""Where files may be written: over nothing, over files, into streams, nowhere else."""

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from pairsmith import output_files
from pairsmith.output_files import (
    Target,
    Unwritable,
    own_descriptor,
    place,
    target_at,
    write_files,
)


def kinds(folder: Path) -> dict[str, int]:
    """What there is in a folder, and of which kind."""
    return {each.name: stat.S_IFMT(each.lstat().st_mode) for each in folder.iterdir()}


def make(path: Path, kind: str) -> None:
    """Put something that is no file at a path."""
    if kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        goals = {
            "dangling": "none",
            "loop": path.name,
            "link": "file",
            "chain": "link2",
        }
        path.symlink_to(goals[kind])
        path.with_name("file").write_text("mine")
        path.with_name("link2").symlink_to("file")


@pytest.mark.parametrize(
    "kind", ["folder", "socket", "fifo", "dangling", "loop", "link", "chain"]
)
@pytest.mark.parametrize("replace", [False, True])
def test_what_is_no_file_is_never_replaced(
    tmp_path: Path, kind: str, *, replace: bool
) -> None:
    """It stays what it is, what a link leads to stays, and nothing else is left.

    A FIFO that nobody reads is refused, too: waiting for a reader could last for ever.
    """
    path = tmp_path / "x"
    make(path, kind)
    before = kinds(tmp_path)
    with pytest.raises(Unwritable) as caught:
        write_files({tmp_path / "first": b"1", path: b"2"}, replace=replace)
    assert caught.value.filename == str(path)
    assert kinds(tmp_path) == before
    if (tmp_path / "file").exists():
        assert (tmp_path / "file").read_text() == "mine"


def test_a_fifo_with_a_reader_gets_the_bytes(tmp_path: Path) -> None:
    """All of them, before any file has its name; it stays a FIFO."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_files({path: b"secret", tmp_path / "file": b"f"})
        assert os.read(reader, 100) == b"secret"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert (tmp_path / "file").read_bytes() == b"f"


def test_a_fifo_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever put it in a shared folder would read the key."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    os.chown(path, 1234, -1) if os.geteuid() == 0 else monkeypatch.setattr(
        os, "geteuid", lambda: 1234
    )
    with pytest.raises(Unwritable, match="another user"):
        target_at(path)


def test_a_device_is_written_to(tmp_path: Path) -> None:
    """By its name or by a link to it; it swallows everything and stays."""
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    write_files({Path("/dev/null"): b"1", link: b"2"}, replace=True)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert link.is_symlink()
    with pytest.raises(OSError, match="No space left") as caught:
        write_files({tmp_path / "file": b"1", Path("/dev/full"): b"2"})
    assert caught.value.filename == "/dev/full"
    assert list(tmp_path.iterdir()) == [link]


def test_an_open_file_of_this_process_is_written_where_it_stands(
    tmp_path: Path,
) -> None:
    """By any of its names, behind what was written before, and never renamed over."""
    with (tmp_path / "out").open("wb", buffering=0) as file:
        file.write(b"before ")
        os.set_inheritable(file.fileno(), True)  # as a shell leaves it  # noqa: FBT003
        link = tmp_path / "link"
        link.symlink_to(f"/dev/fd/{file.fileno()}")
        names = [
            Path(f"/proc/self/fd/{file.fileno()}"),
            Path(f"/proc/{os.getpid()}/fd/{file.fileno()}"),
            Path(f"/proc/thread-self/fd/{file.fileno()}"),
            Path(f"/dev/fd/{file.fileno()}"),
            link,
        ]
        for name in names:
            assert own_descriptor(name) == file.fileno()
            assert target_at(name) is Target.STREAM
            write_files({name: b"x"}, replace=True)
    assert (tmp_path / "out").read_bytes() == b"before xxxxx"
    assert own_descriptor(Path("/dev/stdout")) == 1
    assert own_descriptor(tmp_path / "out") is None
    assert own_descriptor(Path("/proc/self/fd")) is None


def test_what_this_process_has_opened_itself_is_no_place_for_output(
    tmp_path: Path,
) -> None:
    """The number of a database's file would be the end of the database."""
    with (tmp_path / "database").open("wb", buffering=0) as file:
        with pytest.raises(Unwritable, match="given to the command"):
            write_files({Path(f"/dev/fd/{file.fileno()}"): b"x"}, replace=True)
        number = file.fileno()
    assert (tmp_path / "database").read_bytes() == b""
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        target_at(Path(f"/dev/fd/{number}"))
    assert caught.value.filename == f"/dev/fd/{number}"


def test_an_open_file_of_another_process_is_a_link_to_a_file(tmp_path: Path) -> None:
    """It is none of ours to write to."""
    with (
        (tmp_path / "file").open("wb") as file,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) as other,
        pytest.raises(Unwritable, match="symbolic link"),
    ):
        target_at(Path(f"/proc/{other.pid}/fd/1"))


def test_files_are_whole_owned_and_replace_nothing_unasked(tmp_path: Path) -> None:
    """Mode 0600; a file in the way is refused, and nothing of the others is left."""
    one, two = tmp_path / "one", tmp_path / "two"
    two.write_text("mine")
    with pytest.raises(FileExistsError) as caught:
        write_files({one: b"1", two: b"2"})
    assert caught.value.filename == str(two)
    assert list(tmp_path.iterdir()) == [two]
    write_files({one: b"1", two: b"2"}, replace=True)
    assert (one.read_bytes(), two.read_bytes()) == (b"1", b"2")
    assert {stat.S_IMODE(each.stat().st_mode) for each in (one, two)} == {0o600}


@pytest.mark.parametrize("call", ["fsync", "link", "fchmod", "open"])
def test_a_disk_that_refuses_is_told_with_the_path_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Whichever step it refuses, at whichever file."""
    real, calls = getattr(os, call), []

    def refusing(*given: object, **options: object) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        return real(*given, **options)

    monkeypatch.setattr(output_files.os, call, refusing)
    with pytest.raises(OSError, match="Input/output error") as caught:
        write_files({tmp_path / "one": b"1", tmp_path / "two": b"2"})
    monkeypatch.undo()
    assert caught.value.filename in {str(tmp_path / "two"), str(tmp_path)}
    assert list(tmp_path.iterdir()) == []


def test_a_draft_takes_no_name_that_became_something_else(tmp_path: Path) -> None:
    """Looked at once more before it is renamed."""
    draft, path = tmp_path / "draft", tmp_path / "x"
    draft.write_text("1")
    os.mkfifo(path)
    with pytest.raises(Unwritable):
        place(draft, path, replace=True)
    path.unlink()
    path.write_text("0")
    place(draft, path, replace=True)
    assert path.read_text() == "1"
