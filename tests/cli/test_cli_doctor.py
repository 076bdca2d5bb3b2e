"""``pairsmith doctor`` and ``rewrap``: what is seen, and what is put right."""

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from terminal import Terminal

import old_database
from pairsmith.instance import Instance
from pairsmith.registry import Registry
from pairsmith.results import KeyPairSpec


def examined(terminal: Terminal, *, problems: int) -> dict[str, Any]:
    """The findings by subject, of a quick look that finds so many problems."""
    answer = terminal.run("--json", "doctor", "--quick")
    assert answer.document["Problems"] == problems, answer.stdout
    assert answer.exit_code == (3 if problems else 0)
    findings = answer.document["Findings"]
    found = [each for each in findings if each["Verdict"] == "problem"]
    assert len(found) == problems
    by_subject: dict[str, Any] = {each["Subject"]: each for each in findings}
    by_subject.update({each["Subject"]: each for each in found})
    return by_subject


def test_a_healthy_instance_is_found_healthy(terminal: Terminal, key_id: str) -> None:
    """Everything there is to know is in one document."""
    found = examined(terminal, problems=0)
    assert key_id
    assert Instance.engine() in found["Prime engine"]["Text"]
    assert sqlite3.sqlite_version in found["Database"]["Text"]
    assert re.search(r"journal (wal|truncate)$", found["Database"]["Text"])
    assert found["Keys"]["Text"] == "1 Enabled"
    assert found["Waiting"]["Verdict"] == "good"
    assert found["Permissions"]["Text"].endswith("files, owner only")
    assert "opens the database" in found["Root key"]["Text"]


def test_people_see_a_line_for_each_finding_and_the_times(terminal: Terminal) -> None:
    """One pair of every spec is timed, in an instance that is gone afterwards."""
    lines = terminal.do("doctor").stdout.splitlines()
    timed = [line for line in lines if " One " in line]
    assert [line.split()[2] for line in timed] == list(KeyPairSpec)
    for line in timed:
        assert re.search(r"[\d.]+ ms \(median of \d+\)$", line)
    assert terminal.ask("key", "list")["TotalCount"] == 0


@pytest.mark.parametrize("name", ["kms.db", "kms.db.root-key", "kms.db.guard"])
def test_files_that_others_may_read_are_problems(
    terminal: Terminal, tmp_path: Path, name: str
) -> None:
    """And the command that puts them right is said."""
    (tmp_path / name).chmod(0o604)
    problems = 2 if name.endswith("root-key") else 1
    found = examined(terminal, problems=problems)
    assert found["Permissions"]["Next"] == f"chmod 600 {tmp_path / name}"
    (tmp_path / name).chmod(0o600)
    examined(terminal, problems=0)


def test_a_folder_that_others_may_change_is_a_problem(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Whoever may rename there may put another root key in place."""
    tmp_path.chmod(0o777)
    found = examined(terminal, problems=1)
    assert found["Permissions"]["Next"] == f"chmod go-w {tmp_path}"


def test_a_missing_or_wrong_root_key_is_a_problem(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Looking does not make one, even where ``init`` would."""
    (tmp_path / "kms.db.root-key").write_bytes(bytes(32))
    assert "wrong root key" in examined(terminal, problems=1)["Root key"]["Text"]
    (tmp_path / "kms.db.root-key").unlink()
    assert "no root key" in examined(terminal, problems=1)["Root key"]["Text"]
    assert not (tmp_path / "kms.db.root-key").exists()
    answer = terminal.run("--json", "--root-key", "nonsense", "doctor", "--quick")
    assert answer.document["Problems"] == 1


def test_a_missing_database_is_a_problem_and_stays_missing(tmp_path: Path) -> None:
    """``doctor`` is not ``init``."""
    found = examined(Terminal(tmp_path), problems=1)
    assert "pairsmith init" in found["Database"]["Next"]
    assert list(tmp_path.iterdir()) == []


def test_a_newer_schema_and_a_damaged_file_are_problems(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Each is told, and none ends the examination with a traceback."""
    with closing(sqlite3.connect(tmp_path / "kms.db")) as connection, connection:
        connection.execute("UPDATE schema_revision SET version_num = '9999'")
    found = examined(terminal, problems=1)
    assert "newer Pairsmith" in found["Schema"]["Text"]
    (tmp_path / "kms.db").write_bytes(b"a diary, not a database" * 100)
    found = examined(terminal, problems=1)
    assert "not an SQLite database" in found["Database"]["Text"]


def test_identities_that_do_not_open_are_problems(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Each is named, with the reason; so is one whose row is gone."""
    made = [
        terminal.ask(
            "access-key", "create", name, "--allow", "read:*", "--out", tmp_path
        )
        for name in ("a", "b")
    ]
    first, second = (each["Id"] for each in made)
    examined(terminal, problems=0)
    with closing(sqlite3.connect(tmp_path / "kms.db")) as connection, connection:
        changed = "UPDATE identities SET sealed = ? WHERE identity_id = ?"
        connection.execute(changed, (b"x" * 80, first))
        removed = "DELETE FROM identities WHERE identity_id = ?"
        connection.execute(removed, (second,))
    report = terminal.run("--json", "doctor", "--quick").document
    texts = [each["Text"] for each in report["Findings"] if each["Subject"] == "Rows"]
    assert report["Problems"] == len(texts) == 2
    assert f"identity/{first} does not open: it was changed" in texts[0]
    assert texts[1] == f"identity/{second}: somebody has removed its rows"


@pytest.mark.parametrize("revision", ["0003", "0006"])
def test_a_database_that_will_be_taken_over_is_noted(
    tmp_path: Path, revision: str
) -> None:
    """Looking does not do it; afterwards nothing is to be said."""
    old_database.copy_files(tmp_path)
    (tmp_path / "root-key").rename(tmp_path / "kms.db.root-key")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'kms.db'}")
    with engine.begin() as connection:
        old_database.upgrade(connection, revision)
    terminal = Terminal(tmp_path)
    found = examined(terminal, problems=0)
    assert found["Schema"]["Verdict"] == "note"
    assert found["Schema"]["Text"] == f"{revision}, written by an older Pairsmith"
    assert "takes it over" in found["Schema"]["Next"]
    terminal.do("key", "list")
    assert "Schema" not in examined(terminal, problems=0)


def test_what_is_due_is_noted(terminal: Terminal) -> None:
    """A rotation that nobody's use has triggered yet is a note, no problem."""
    with Registry.open(
        terminal.database, clock=lambda: 0, background=False
    ) as long_ago:
        long_ago.create_key(rotation_interval="7d")
    found = examined(terminal, problems=0)
    assert found["Waiting"]["Verdict"] == "note"
    assert found["Waiting"]["Text"].startswith("1 rotations")


def test_a_bad_engine_name_is_a_problem(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``PAIRSMITH_ENGINE`` is read once in a process, so the answer is put in here."""
    message = "PAIRSMITH_ENGINE must be auto, portable or avx512ifma"

    def engine() -> str:
        raise ValueError(message)

    monkeypatch.setattr("pairsmith.instance.engine", engine)
    found = examined(terminal, problems=1)
    assert message in found["Prime engine"]["Text"]
    answer = terminal.run("doctor")
    assert (answer.exit_code, "One RSA" in answer.stdout) == (3, False)
    code, error = terminal.refused("key", "list")
    assert (code, error["Code"]) == (1, "InvalidParameter")
    assert message in error["Message"]


def test_rewrap_puts_every_version_under_a_new_root_key(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """In place by default; what was wrapped before opens as before."""
    terminal.do("generate", key_id, "--spec", "EC_P256", "--out", tmp_path)
    terminal.do("key", "rotate", key_id)
    path = tmp_path / "kms.db.root-key"
    old = path.read_bytes()
    report = terminal.ask("rewrap")
    assert (report["Rewrapped"], report["Damaged"]) == (2, [])
    assert path.read_bytes() != old
    terminal.do("decrypt", tmp_path / "pair.json", "--out", tmp_path / "opened")
    said = terminal.do("rewrap").stdout
    assert re.fullmatch(
        r"2 key versions are under root key [0-9a-f]{16}\.\n"
        r"Back it up now: nothing else opens the database\.\n",
        said,
    )


def test_rewrap_to_another_place_leaves_the_old_root_key_useless(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """From then on the new place must be named."""
    there = f"file:{tmp_path / 'elsewhere.key'}"
    terminal.do("rewrap", "--to", there)
    assert terminal.refused("key", "list")[0] == 3
    shown = terminal.ask("--root-key", there, "key", "describe", key_id)
    assert shown["KeyId"] == key_id


def test_rewrap_goes_on_after_its_last_step(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """The same command ends well although only the new root key opens the database."""
    there = f"file:{tmp_path / 'elsewhere.key'}"
    terminal.do("rewrap", "--to", there)
    assert terminal.refused("key", "list")[0] == 3
    said = terminal.do("rewrap", "--to", there).stdout
    assert said.startswith("All key versions are under root key ")
    (tmp_path / "kms.db.root-key").unlink()
    assert terminal.ask("rewrap", "--to", there)["Rewrapped"] == 0
    terminal.do("--root-key", there, "key", "describe", key_id)


@pytest.mark.skipif(os.getuid() != 0, reason="a mounted secret is root's")
def test_a_secret_mounted_for_a_group_is_no_problem(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Root's file that a group of this process may read is as it should be."""
    (tmp_path / "kms.db.root-key").chmod(0o440)
    examined(terminal, problems=0)


def test_rewrap_names_what_does_not_open(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """A damaged version stays where it is; the others move; exit code 3."""
    damaged = terminal.ask("key", "describe", key_id)["PrimaryKeyVersion"]
    terminal.do("key", "create")
    with closing(sqlite3.connect(tmp_path / "kms.db")) as connection, connection:
        connection.execute(
            "UPDATE key_versions SET wrapped = zeroblob(length(wrapped)) "
            "WHERE key_version_id = ?",
            (damaged,),
        )
    answer = terminal.run("--json", "rewrap")
    assert answer.exit_code == 3
    assert answer.document["Damaged"] == [damaged]
    assert answer.document["Rewrapped"] == 1


def test_rewrap_to_nonsense_is_refused(terminal: Terminal, key_id: str) -> None:
    """And everything works as before."""
    for to in ("nonsense", "file:", "ftp:x"):
        code, error = terminal.refused("rewrap", "--to", to)
        assert (code, error["Code"]) == (1, "InvalidParameter")
    assert terminal.refused("rewrap", "--to", "env:NOT_SET_AT_ALL")[0] == 3
    terminal.do("key", "rotate", key_id)
