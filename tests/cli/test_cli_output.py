"""What commands write to: files, streams, and a standard output that may fail."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import click
import pytest
from click.testing import CliRunner
from terminal import Terminal

from pairsmith.cli import main
from pairsmith.cli.failures import Failure
from pairsmith.cli.standard_output import written_out

pytestmark = pytest.mark.usefixtures("key_id")

WRITERS = {
    "generate": ("generate", "alias/devices", "--spec", "EC_P256", "--out", "FOLDER"),
    "data-key": ("data-key", "alias/devices", "--out", "FOLDER", "--name", "pair"),
    "encrypt": ("encrypt", "alias/devices", "PLAIN", "--out", "OUT"),
    "decrypt": ("decrypt", "RECORD", "--out", "OUT"),
    "public-key": ("public-key", "RECORD", "--out", "OUT"),
}
"""Every command that writes a file of a name that may be taken."""

TELLERS = [
    ("key", "list"),
    ("--json", "key", "list"),
    ("key", "create"),
    ("alias", "list"),
    ("client", "list"),
    ("decrypt", "RECORD", "--out", "-"),
    ("public-key", "RECORD"),
    ("encrypt", "alias/devices", "PLAIN"),
    ("encrypt", "alias/devices", "PLAIN", "--out", "OUT"),
    ("generate", "alias/devices", "--spec", "EC_P256", "--out", "FOLDER"),
    ("doctor", "--quick"),
    ("serve", "--print-config"),
    ("init",),
    ("--help",),
    ("--version",),
    ("key", "--help"),
    ("key", "list", "--help"),
    ("--json", "--help"),
]
"""Commands of every way to write to standard output."""


@pytest.fixture
def places(terminal: Terminal, tmp_path: Path) -> dict[str, str]:
    """Where the words above lead; there is a record and a message, nothing else."""
    (tmp_path / "plain").write_bytes(b"a message")
    (tmp_path / "folder").mkdir()
    terminal.do(
        "generate", "alias/devices", "--spec", "EC_P256", "--out", tmp_path,
        "--name", "record",
    )  # fmt: skip
    return {
        "PLAIN": str(tmp_path / "plain"),
        "RECORD": str(tmp_path / "record.json"),
        "FOLDER": str(tmp_path / "folder"),
        "OUT": str(tmp_path / "folder" / "pair.json"),
    }


def placed(words: tuple[str, ...], places: dict[str, str]) -> list[str]:
    """A command with paths in it."""
    return [places.get(word, word) for word in words]


@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "loop"])
@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "forced"])
def test_what_is_no_file_is_refused_and_stays(
    terminal: Terminal,
    places: dict[str, str],
    command: str,
    kind: str,
    force: list[str],
) -> None:
    """A FIFO that nobody reads, a folder, links: exit code 3, path and advice."""
    out, elsewhere = Path(places["OUT"]), Path(places["FOLDER"]).with_name("elsewhere")
    elsewhere.write_text("mine")
    if kind == "fifo":
        os.mkfifo(out)
    elif kind == "folder":
        out.mkdir()
    else:
        out.symlink_to(elsewhere if kind == "link" else out)
    before = out.lstat()
    code, error = terminal.refused(*placed(WRITERS[command], places), *force)
    assert (code, error["Code"]) == (3, "File"), error
    assert str(out) in error["Message"]
    assert error["Next"]
    assert os.path.samestat(out.lstat(), before)
    assert stat.S_IFMT(out.lstat().st_mode) == stat.S_IFMT(before.st_mode)
    assert list(out.parent.iterdir()) == [out]
    assert elsewhere.read_text() == "mine"


@pytest.mark.parametrize("command", ["encrypt", "decrypt", "public-key"])
@pytest.mark.parametrize(
    "name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"]
)
def test_a_name_of_standard_output_is_standard_output(
    terminal: Terminal, places: dict[str, str], command: str, name: str
) -> None:
    """What is asked for comes there, and nothing else, as with ``-``."""
    if name == "link":
        name = f"{places['FOLDER']}/link"
        Path(name).symlink_to("/proc/self/fd/1")
    words = placed(WRITERS[command], places)[:-1]
    by_name, by_hyphen = terminal.do(*words, name), terminal.do(*words, "-")
    if command != "encrypt":  # whose nonce is new each time
        assert by_name.stdout_bytes == by_hyphen.stdout_bytes
    assert by_name.stdout_bytes[:1] in (b"{", b"-")
    assert by_name.stdout_bytes.rstrip()[-1:] in (b"}", b"-")


@pytest.mark.parametrize("command", ["encrypt", "decrypt", "public-key"])
def test_dev_null_is_taken_and_stays(
    terminal: Terminal, places: dict[str, str], command: str
) -> None:
    """With --force and without; no mode is told of what has none."""
    words = placed(WRITERS[command], places)[:-1]
    for force in ([], ["--force"]):
        assert "mode" not in terminal.do(*words, "/dev/null", *force).stdout
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    code, error = terminal.refused(*words, "/dev/full")
    assert (code, error["Code"]) == (3, "File")
    assert "/dev/full: No space left" in error["Message"]


def test_an_input_is_not_replaced_by_the_output(
    terminal: Terminal, places: dict[str, str]
) -> None:
    """By none of its names, for it may be the only copy."""
    record, plain = places["RECORD"], places["PLAIN"]
    other = f"{places['FOLDER']}/other"
    Path(other).hardlink_to(record)
    for words in (
        ("decrypt", record, "--out", record),
        ("decrypt", record, "--out", other),
        ("public-key", record, "--out", record),
        ("encrypt", "alias/devices", plain, "--out", plain),
        ("encrypt", "alias/devices", record, "--aad-file", plain, "--out", plain),
    ):
        before = Path(words[-1]).read_bytes()
        code, error = terminal.refused(*words, "--force")
        assert (code, error["Code"]) == (1, "InvalidParameter")
        assert "the file that is read" in error["Message"]
        assert Path(words[-1]).read_bytes() == before


def test_what_a_command_reads_is_bounded(
    terminal: Terminal, places: dict[str, str]
) -> None:
    """An input without end is refused, and one that cannot be read is named."""
    for name, said in [
        ("/dev/zero", "16777216 bytes"),
        (places["FOLDER"], "Is a directory"),
        (f"{places['FOLDER']}/none", "No such file"),
    ]:
        for words in (
            ("decrypt", name, "--out", "-"),
            ("public-key", name),
            ("encrypt", "alias/devices", name),
            ("encrypt", "alias/devices", places["PLAIN"], "--aad-file", name),
        ):
            _, error = terminal.refused(*words)
            assert said in error["Message"]
            assert name in error["Message"]


@pytest.fixture
def full() -> Iterator[TextIO]:
    """A standard output on a disk that is full."""
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        yield stream


@pytest.mark.parametrize("words", TELLERS, ids=" ".join)
def test_a_standard_output_that_is_full_ends_every_command_with_3(
    terminal: Terminal,
    places: dict[str, str],
    words: tuple[str, ...],
    full: TextIO,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One message, the code File, and advice; as JSON if that was asked for."""
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(SystemExit) as ended:
        main(["--database", terminal.database, *placed(words, places)])
    assert ended.value.code == 3
    said = capsys.readouterr().err
    assert "Standard output cannot be written: No space left on device." in said
    assert "Traceback" not in said
    assert said.startswith("{" if "--json" in words else "Error: ")
    full.flush()  # what the interpreter does at its end, without a complaint


@pytest.mark.parametrize("words", TELLERS, ids=" ".join)
def test_a_closed_standard_output_is_refused_before_anything_is_done(
    terminal: Terminal,
    places: dict[str, str],
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No key is made whose id nobody has seen."""
    before = len(terminal.ask("key", "list")["Keys"])
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as ended:
        main(["--database", terminal.database, *placed(words, places)])
    assert ended.value.code == 3
    assert "Standard output is closed" in capsys.readouterr().err
    monkeypatch.undo()
    assert len(terminal.ask("key", "list")["Keys"]) == before
    assert list(Path(places["FOLDER"]).iterdir()) == []


@pytest.mark.parametrize("words", [("key", "list"), ("doctor", "--quick"), ("--help",)])
def test_a_reader_that_has_left_ends_a_command_quietly(
    terminal: Terminal,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the exit code of a program that SIGPIPE has ended."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(SystemExit) as ended:
            main(["--database", terminal.database, *words])
        stream.flush()
    assert ended.value.code == 141
    assert capsys.readouterr().err == ""


def test_a_disk_that_fails_only_when_closed_is_noticed(
    terminal: Terminal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a network file system does that had put off the writing."""
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)

        def failing(descriptor: int) -> int:
            raise OSError(122, "Disk quota exceeded", descriptor)

        monkeypatch.setattr("pairsmith.cli.standard_output.os.dup", failing)
        with pytest.raises(SystemExit) as ended:
            main(["--database", terminal.database, "key", "list"])
        monkeypatch.undo()
    assert ended.value.code == 3
    assert "Disk quota exceeded" in capsys.readouterr().err


def test_other_errors_of_the_system_are_told_with_their_path(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever nobody has thought of is one message, too, and no traceback."""

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error", "/somewhere")

    monkeypatch.setattr("pairsmith.cli.keys.opened", failing)
    code, error = terminal.refused("key", "list")
    assert (code, error["Code"]) == (3, "File")
    assert error["Message"] == "/somewhere: Input/output error."
    assert "log" in error["Next"]


def test_an_error_that_cannot_be_told_is_an_exit_code(full: TextIO) -> None:
    """Neither a traceback nor success, whatever stderr is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", full)
        for words, code in (
            (["key", "forge"], 3),
            (["decrypt", "/n", "--out", "-"], 3),
        ):
            with pytest.raises(SystemExit) as ended:
                main(words)
            assert ended.value.code == code


def test_processes_end_as_they_should() -> None:
    """The interpreter's own end adds nothing: full, closed, left, and all at once."""
    command = f"'{sys.executable}' -m pairsmith --help"
    for redirection, code, said in [
        (">/dev/full", 3, "Error: Standard output cannot be written: No space left"),
        (">&-", 3, "Error: Standard output is closed."),
        (">/dev/full 2>&1", 3, ""),
        (">&- 2>&- <&-", 3, ""),
        ("| true; exit ${PIPESTATUS[0]}", (0, 141), ""),
    ]:
        ended = subprocess.run(
            ["bash", "-c", f"{command} {redirection}"],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        codes = code if isinstance(code, tuple) else (code,)
        assert ended.returncode in codes, redirection
        assert ended.stderr.startswith(said), redirection
        assert "Traceback" not in ended.stderr
        assert "Exception ignored" not in ended.stderr


def test_an_answer_in_memory_is_no_open_file() -> None:
    """As where a program runs the command line itself."""
    assert CliRunner().invoke(main, ["--version"]).exit_code == 0
    with pytest.raises(click.exceptions.Exit), written_out():
        raise BrokenPipeError
    with pytest.raises(Failure), written_out():
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "sealed",
    [
        b"{" * 100_000,
        b'{"Type": ' + b"[" * 100_000,
        b'{"CiphertextBlob": 1e999999}',
        b'{"CiphertextBlob": null}',
        b'{"CiphertextBlob": "AAAA", "KeyId": ["key"], "Iv": "AAAA"}',
        b'{"CiphertextBlob": "AAAA", "KeyId": "k", "Iv": {}}',
        b'{"CiphertextBlob": "AAAA", "CiphertextBlob": "BBBB"}',
        b'{"Type": "\\ud800", "CiphertextBlob": "\\udfff"}',
        b'{"Type": ' + b"9" * 200_000 + b"}",
        b"\xef\xbb\xbf{}",
        b"",
        bytes(1000),
    ],
    ids=lambda sealed: ascii(sealed)[:60],
)
def test_what_is_no_record_is_refused_in_one_line(
    terminal: Terminal, tmp_path: Path, sealed: bytes
) -> None:
    """By every command that reads records, whatever the file holds."""
    path = tmp_path / "sealed"
    path.write_bytes(sealed)
    for words in (("decrypt", path, "--out", "-"), ("public-key", path)):
        code, error = terminal.refused(*words)
        assert code in (1, 3), error
        assert len(error["Message"]) < 400
        assert "\n" not in error["Message"]
