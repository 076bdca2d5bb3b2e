"""The command line among other processes: throttling, Ctrl-C, pipes, start-up."""

import fcntl
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from terminal import Terminal

from pairsmith.cli import main
from pairsmith.cli.failures import NEXT
from pairsmith.errors import CATALOGUE
from waiting import PATIENCE_SECONDS, eventually


def test_a_pair_under_way_elsewhere_is_throttling(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """Refused at once, or after as many seconds as --wait says."""
    words = ("generate", key_id, "--spec", "EC_P256", "--out", tmp_path)
    with (tmp_path / "kms.db.guard").open("rb") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        code, error = terminal.refused(*words)
        assert (code, error["Code"]) == (1, "Rejected.Throttling")
        assert "--wait" in error["Next"]
        assert terminal.refused(*words, "--wait", "0.05")[0] == 1
    terminal.do(*words)


def _started(terminal: Terminal, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pairsmith", "--database", terminal.database, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=terminal.folder,
        env={**os.environ, "PAIRSMITH_ENGINE": "portable"},
    )


def _is_taken(guard: Path) -> bool:
    with guard.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _searches_or_ended(terminal: Terminal, process: subprocess.Popen[str]) -> bool:
    guard = terminal.folder / "kms.db.guard"
    return _is_taken(guard) or process.poll() is not None


def test_ctrl_c_ends_a_search_with_130(terminal: Terminal, key_id: str) -> None:
    """With one message and no file; a search that is over sooner is tried again."""
    for _ in range(5):
        words = ("generate", key_id, "--spec", "RSA_4096", "--wait", "20")
        process = _started(terminal, *words, "--force")
        eventually(partial(_searches_or_ended, terminal, process))
        before = {file.name for file in terminal.folder.iterdir()}
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
        if process.returncode == 0:
            continue
        assert (process.returncode, stdout) == (130, "")
        assert stderr.startswith("Error: Stopped")
        assert "Traceback" not in stderr
        assert {file.name for file in terminal.folder.iterdir()} <= before
        break
    else:
        pytest.fail("five RSA_4096 pairs were found before the signal came")


def test_a_reader_that_leaves_early_is_no_error_worth_a_traceback(
    terminal: Terminal, key_id: str
) -> None:
    """A broken pipe ends the command quietly."""
    process = _started(terminal, "key", "describe", key_id)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert "Traceback" not in stderr


def test_a_terminal_that_lacks_a_script_gets_escapes(
    terminal: Terminal, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no reason to fail."""
    terminal.do("key", "update-description", key_id, "鍵 7")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    process = _started(terminal, "key", "describe", key_id)
    stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, stderr) == (0, "")
    assert r"\u9375 7" in stdout


def test_every_next_step_belongs_to_an_error_that_there_is() -> None:
    """And every command it names exists."""
    assert set(NEXT) <= set(CATALOGUE)
    for advice in NEXT.values():
        for command in re.findall(r"pairsmith ((?:[a-z-]+ ?)+)", advice):
            words = [word for word in command.split() if word in KNOWN_WORDS]
            result = CliRunner().invoke(main, [*words, "--help"])
            assert words, advice
            assert result.exit_code == 0, advice


KNOWN_WORDS = {
    *main.commands,
    *(name for group in ("key", "alias") for name in main.commands[group].commands),  # type: ignore[attr-defined]
}


LOOK = """
import sys
from pairsmith.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
slow = {"sqlalchemy", "rich", "cryptography", "pairsmith._core"} & set(sys.modules)
assert not slow, slow
"""


def test_help_and_version_load_nothing_slow() -> None:
    """Neither SQLAlchemy nor rich nor the Rust core, so they answer at once."""
    looked = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, check=False
    )
    assert (looked.returncode, looked.stderr) == (0, "")
    assert "Exit codes:" in looked.stdout
    version = CliRunner().invoke(main, ["--version"])
    assert re.fullmatch(r"pairsmith \d+\.\d+\.\d+\n", version.stdout)
