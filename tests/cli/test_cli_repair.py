"""Rows that somebody without a root key has written: ``doctor`` and ``key repair``."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from terminal import Terminal


def _execute(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "kms.db")) as connection, connection:
        connection.execute(statement, values)


def _rows(terminal: Terminal) -> list[dict[str, Any]]:
    findings = terminal.run("--json", "doctor").document["Findings"]
    return [each for each in findings if each["Subject"] == "Rows"]


def test_doctor_names_every_key_and_repair_puts_it_right(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """What differs is named; after the repair nothing is."""
    assert _rows(terminal) == []
    other = terminal.ask("key", "create", "--tag", "team=core")["KeyId"]
    _execute(tmp_path, "UPDATE tags SET tag_value = 'edge' WHERE key_id = ?", other)
    _execute(tmp_path, "UPDATE aliases SET key_id = ?", other)
    found = {each["Text"].split()[0]: each for each in _rows(terminal)}
    assert set(found) == {key_id, other}
    assert "aliases alias/devices, tags team" in found[other]["Text"]
    assert f"pairsmith key repair {other}" in found[other]["Next"]
    assert terminal.ask("key", "describe", other)["KeyState"] == "Unavailable"
    for key in (other, key_id):
        assert (
            "again as it was authenticated" in terminal.do("key", "repair", key).stdout
        )
    assert _rows(terminal) == []
    assert "is as it was authenticated" in terminal.do("key", "repair", other).stdout
    report = terminal.ask("key", "repair", key_id)
    assert report == {
        "KeyId": key_id, "Fault": "", "LostKeyVersions": [], "LostAliases": [],
    }  # fmt: skip
    terminal.do("encrypt", "alias/devices", "-", stdin=b"x")


def test_doctor_names_what_is_gone(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """A key without rows, and a page of revisions that was written."""
    for table in ("aliases", "tags", "keys", "key_versions"):
        _execute(tmp_path, f"DELETE FROM {table} WHERE key_id = ?", key_id)  # noqa: S608
    (finding,) = _rows(terminal)
    assert finding["Text"] == f"key/{key_id}: somebody has removed its rows"
    _execute(tmp_path, "UPDATE revision_pages SET entries = '{}' WHERE page > 0")
    rows = _rows(terminal)
    assert rows
    assert all("revision_pages is damaged" in each["Text"] for each in rows)
    _execute(tmp_path, "DELETE FROM revision_pages")
    assert "Page 0" in _rows(terminal)[0]["Text"]


def test_material_that_is_gone_is_said(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """Repair does what it can, and names the version."""
    version = terminal.ask("key", "rotate", key_id)["KeyVersionId"]
    _execute(
        tmp_path,
        "UPDATE key_versions SET wrapped = x'00' WHERE key_version_id = ?",
        version,
    )
    assert f"material of {version} does not open" in _rows(terminal)[0]["Text"]
    code, error = terminal.refused("key", "repair", key_id)
    assert (code, error["Code"]) == (1, "KeyMaterialLost")
    assert version in error["Message"]


@pytest.mark.parametrize("name", ["alias/devices", "key-" + "0" * 21])
@pytest.mark.usefixtures("key_id")
def test_a_repair_takes_an_id(terminal: Terminal, name: str) -> None:
    """An alias may have been moved, so it names nothing here."""
    assert terminal.refused("key", "repair", name)[1]["Code"].endswith("NotFound")
