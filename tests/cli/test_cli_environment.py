"""Databases, root keys and folders that do not serve: exit code 3, and no harm."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from terminal import ABSENT, KEY_COMMANDS, Terminal, with_key

from pairsmith.cli import main
from pairsmith.cli.failures import Failure
from pairsmith.cli.files import write_files

NOBODY = 65534


def test_only_init_makes_a_database(tmp_path: Path) -> None:
    """Every other command refuses, names init, and leaves the folder empty."""
    terminal = Terminal(tmp_path)
    for words in (*KEY_COMMANDS, ("key", "create"), ("key", "list"), ("rewrap",)):
        code, error = terminal.refused(*with_key(words, ABSENT), stdin=b"data")
        assert (code, error["Code"]) == (3, "NoDatabase")
        assert "pairsmith init" in error["Next"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://user:s3cret@host/db", 1),
        ("nonsense s3cret", 1),
        ("sqlite://", 1),
        ("sqlite:////nowhere/s3cret/kms.db", 3),
        ("postgresql+psycopg://user:s3cret@127.0.0.1:1/kms", 3),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_without_its_password(
    url: str, code: int
) -> None:
    """Unknown kinds, no path, no such folder, no server."""
    for words in (["init"], ["key", "list"]):
        result = CliRunner().invoke(main, ["--json", "--database", url, *words])
        assert result.exit_code == code, result
        assert "user:s3cret" not in result.stderr
        assert json.loads(result.stderr)["Message"]


def test_a_wrong_root_key_is_an_environment_that_does_not_fit(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """Missing, malformed, another, readable by others; the right one works again."""
    path = tmp_path / "kms.db.root-key"
    right = path.read_bytes()

    def told() -> str:
        code, error = terminal.refused("key", "list")
        assert (code, error["Code"]) == (3, "ServiceUnavailableTemporary")
        assert "doctor" in error["Next"]
        return str(error["Message"])

    path.write_bytes(bytes(32))
    assert "wrong root key" in told()
    path.write_bytes(b"short")
    assert "32 bytes" in told()
    path.write_bytes(right)
    path.chmod(0o644)
    assert "chmod 600" in told()
    path.unlink()
    assert "restore the file" in told()
    assert not path.exists()
    path.write_bytes(right)
    path.chmod(0o600)
    assert terminal.ask("key", "describe", key_id)["KeyId"] == key_id


def test_a_newer_schema_is_left_alone(terminal: Terminal, tmp_path: Path) -> None:
    """The message asks for the newer Pairsmith."""
    with closing(sqlite3.connect(tmp_path / "kms.db")) as connection, connection:
        connection.execute("UPDATE schema_revision SET version_num = '9999'")
    for words in (["init"], ["key", "list"]):
        code, error = terminal.refused(*words)
        assert (code, error["Code"]) == (3, "ServiceUnavailableTemporary")
        assert "newer Pairsmith" in error["Message"]


def test_what_is_no_database_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    """A file of something else is not touched."""
    (tmp_path / "kms.db").write_bytes(b"a diary, not a database" * 100)
    code, error = terminal.refused("key", "list")
    assert (code, error["Code"]) == (3, "ServiceUnavailableTemporary")
    assert "not an SQLite database" in error["Message"]


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that this user may not write in; root becomes somebody else for it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(user)
            folder.chmod(0o700)


def test_a_folder_that_may_not_be_written_is_named(as_nobody: Path) -> None:
    """Init tells so and leaves nothing behind."""
    code, error = Terminal(as_nobody).refused("init")
    assert code == 3
    assert "allowed to write there" in error["Message"]
    assert list(as_nobody.iterdir()) == []


def test_files_go_nowhere_where_this_user_may_not_write(as_nobody: Path) -> None:
    """An environment that does not fit, and nothing is left behind."""
    with pytest.raises(Failure, match="Permission denied") as caught:
        write_files({as_nobody / "pair.key": b"secret"})
    assert caught.value.exit_code == 3
    assert list(as_nobody.iterdir()) == []
