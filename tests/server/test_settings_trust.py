"""Whose settings are believed, and which of them may run a command."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pairsmith.cli.application import application
from pairsmith.errors import InvalidParameter
from pairsmith.server.dev.seed_file import read_seed_file
from pairsmith.server.settings import Settings
from pairsmith.server.settings_file import DEFAULT_FILE, load_settings

OTHER = 54321
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root makes others' files"
)
TEXT = "[listen]\nport = 4711\n"
READERS: list[Callable[[Path], object]] = [
    lambda path: load_settings(path, {}),
    read_seed_file,
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    """A file that nobody else can change."""
    path.write_text(text)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("read", READERS, ids=["settings", "seed"])
@pytest.mark.parametrize("mode", [0o646, 0o666, 0o602])
def test_a_file_that_others_may_write_is_refused(
    folder: Path, mode: int, read: Callable[[Path], object]
) -> None:
    """Settings and seeds, by their mode; that others may read them is no matter."""
    file = write(folder / "file.toml", "")
    read(file)
    file.chmod(mode)
    with pytest.raises(InvalidParameter, match=f"chmod go-w {file}"):
        read(file)


@pytest.mark.parametrize("read", READERS, ids=["settings", "seed"])
def test_a_folder_that_others_may_write_is_refused(
    folder: Path, read: Callable[[Path], object]
) -> None:
    """They could put another file there; a sticky one like /tmp keeps ours."""
    (folder / "sub").mkdir()
    file = write(folder / "sub" / "file.toml", "")
    folder.chmod(0o1777)
    read(file)
    folder.chmod(0o777)
    with pytest.raises(InvalidParameter, match=f"chmod go-w {folder}"):
        read(file)


@needs_root
@pytest.mark.parametrize("read", READERS, ids=["settings", "seed"])
def test_another_user_s_file_is_refused(
    folder: Path, read: Callable[[Path], object]
) -> None:
    """Whoever has it, or a link to it, decides what it says."""
    file = write(folder / "file.toml", "")
    link = folder / "link.toml"
    link.symlink_to(file)
    read(link)
    os.chown(link, OTHER, -1, follow_symlinks=False)
    with pytest.raises(InvalidParameter, match=f"user {OTHER}"):
        read(link)
    os.chown(file, OTHER, -1)
    with pytest.raises(InvalidParameter, match=f"user {OTHER}"):
        read(file)


@needs_root
def test_a_file_that_another_user_left_is_not_passed_by(folder: Path) -> None:
    """One that is found is refused as if it were named: nothing starts without it."""
    folder.chmod(0o1777)
    file = write(folder / DEFAULT_FILE, TEXT)
    assert load_settings(None, {}).listen.port == 4711
    os.chown(file, OTHER, -1)
    with pytest.raises(InvalidParameter, match=f"user {OTHER}"):
        load_settings(None, {})


def test_settings_may_come_by_a_pipe(folder: Path) -> None:
    """As ``--config <(…)`` gives them: nobody else is at its other end."""
    reading, writing = os.pipe()
    os.write(writing, TEXT.encode())
    os.close(writing)
    try:
        settings = load_settings(Path(f"/dev/fd/{reading}"), {})
    finally:
        os.close(reading)
    assert (settings.listen.port, list(folder.iterdir())) == (4711, [])


COMMAND = "command:touch ran"


@pytest.fixture
def commanding(folder: Path) -> Path:
    """Settings whose root key is what a command prints, where they are found."""
    text = f'[database]\nroot_key = "command:{sys.executable} run.py"\n'
    (folder / "run.py").write_text('open("ran", "w"); print("00" * 32)')
    return write(folder / DEFAULT_FILE, text)


def test_settings_that_were_only_found_run_no_command(
    folder: Path, commanding: Path
) -> None:
    """Whoever may leave a file in a folder does not choose what is run there."""
    with pytest.raises(InvalidParameter, match=f"--config {commanding.name}"):
        load_settings(None, {})
    for words in (["serve"], ["serve", "--print-config"], ["serve", "--dev"]):
        ran = CliRunner().invoke(application, words)
        assert (ran.exit_code, "--config" in ran.output) == (1, True), ran.output
    assert sorted(each.name for each in folder.iterdir()) == [commanding.name, "run.py"]


@pytest.mark.usefixtures("commanding")
def test_an_override_does_not_excuse_it() -> None:
    """The file is refused although the environment names another root key."""
    with pytest.raises(InvalidParameter, match="runs no command"):
        load_settings(None, {"PAIRSMITH_DATABASE_ROOT_KEY": "env:OTHER"})


def test_settings_that_were_named_may_run_one(folder: Path, commanding: Path) -> None:
    """By --config or PAIRSMITH_CONFIG, with the very same file; a variable may, too."""
    for words, variable in (
        (["serve", "--config", commanding.name], ""),
        (["serve"], str(commanding)),
    ):
        environment = {"PAIRSMITH_CONFIG": variable} if variable else {}
        ran = CliRunner().invoke(
            application, [*words, "--print-config"], env=environment
        )
        assert (ran.exit_code, "command:" in ran.output) == (0, True), ran.output
    commanding.unlink()
    given = {"PAIRSMITH_DATABASE_ROOT_KEY": COMMAND}
    assert load_settings(None, given).database.root_key == COMMAND
    assert not (folder / "ran").exists()


def test_other_root_keys_may_be_found(folder: Path) -> None:
    """A file or a variable runs nothing."""
    for root_key in ("file:root-key", "env:ROOT_KEY", ""):
        write(folder / DEFAULT_FILE, f'[database]\nroot_key = "{root_key}"\n')
        assert load_settings(None, {}).database.root_key == root_key
    assert Settings().root_key_provider() is None
