"""``re-encrypt``, ``rewrap-records`` and ``key retire-version`` at a terminal."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from terminal import Terminal

from pairsmith import WrappedKeyPair

pytestmark = pytest.mark.usefixtures("key_id")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder beside the database."""
    made = tmp_path / "stored"
    made.mkdir()
    return made


def generate(terminal: Terminal, folder: Path, name: str, *words: object) -> Path:
    """Make a pair under the primary version; give its record's path."""
    terminal.do("generate", "alias/devices", "--spec", "EC_P256", "--advance",
                "--out", folder, "--name", name, *words)  # fmt: skip
    return folder / f"{name}.json"


def opened(terminal: Terminal, file: Path, *words: object) -> bytes:
    """What is inside."""
    return terminal.do("decrypt", file, "--out", "-", *words).stdout_bytes


def version_of(record: Path) -> Any:
    """The version that a document names."""
    return json.loads(record.read_text()).get("KeyVersionId")


def test_a_record_moves_to_another_key_and_aad(
    terminal: Terminal, folder: Path
) -> None:
    """Written to a new file with mode 0600, which decrypt opens; the old one stays."""
    record = generate(terminal, folder, "pair", "--aad", "tenant 7")
    other = terminal.ask("key", "create")
    new = folder / "new.json"
    told = terminal.ask("re-encrypt", record, "--to-key", other["KeyId"],
                        "--new-aad", "tenant 8", "--out", new)  # fmt: skip
    assert told == {
        "KeyId": other["KeyId"],
        "KeyVersionId": other["PrimaryKeyVersion"],
        "File": str(new),
    }
    moved = WrappedKeyPair.from_json(new.read_bytes())
    assert (moved.key_id, moved.aad) == (other["KeyId"], b"tenant 8")
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert opened(terminal, new) == opened(terminal, record)
    code, error = terminal.refused("re-encrypt", record, "--out", new)
    assert (code, error["Code"]) == (1, "FileExists")
    terminal.do("re-encrypt", record, "--out", new, "--force")
    assert opened(terminal, record) == opened(terminal, new)
    code, _ = terminal.refused("re-encrypt", record, "--out", record, "--force")
    assert code != 0  # it may be the only copy


def test_answers_and_bare_blobs_move(
    terminal: Terminal, folder: Path, key_id: str
) -> None:
    """To stdout as JSON by default; their Aad is given, and stays without a new one."""
    (folder / "memo").write_bytes(b"attack at dawn")
    answer = folder / "memo.json"
    terminal.do("encrypt", "alias/devices", folder / "memo", "--aad", "m",
                "--out", answer)  # fmt: skip
    newest = terminal.ask("key", "rotate", key_id)["KeyVersionId"]
    moved = terminal.do("re-encrypt", answer, "--aad", "m", "--advance").document
    assert moved["KeyVersionId"] == newest
    (folder / "moved.json").write_text(json.dumps(moved))
    assert opened(terminal, folder / "moved.json", "--aad", "m") == b"attack at dawn"
    old = json.loads(answer.read_text())
    blob = base64.b64decode(old["CiphertextBlob"])
    again = terminal.do("re-encrypt", "-", "--aad", "m", "--new-aad", "n",
                        "--key-id", key_id, "--iv", old["Iv"], stdin=blob)  # fmt: skip
    assert "SourceKeyId" not in again.document
    (folder / "again.json").write_text(again.stdout)
    assert opened(terminal, folder / "again.json", "--aad", "n") == b"attack at dawn"
    code, error = terminal.refused("re-encrypt", answer, "--aad", "other")
    assert (code, error["Code"]) == (1, "InternalFailure")
    for words in (("--key-id", key_id), ("--iv", "AAAA")):
        code, error = terminal.refused("re-encrypt", answer, *words)
        assert (code, error["Code"]) == (1, "InvalidParameter")
    record = generate(terminal, folder, "pair")
    assert terminal.refused("re-encrypt", record, "--aad", "x")[0] == 1
    (folder / "other.json").write_text('{"a": 1}')
    assert terminal.refused("re-encrypt", folder / "other.json")[0] == 1


def test_a_version_is_emptied_counted_and_retired(
    terminal: Terminal, folder: Path, key_id: str
) -> None:
    """The whole way, with a census that stands in the way until nothing is left."""
    terminal.do("key", "rotate", key_id)
    record = generate(terminal, folder, "pair")
    terminal.do("bulk", "--key", key_id, "--spec", "EC_P256", "--count", 3,
                "--advance", "--out", folder / "job")  # fmt: skip
    old = version_of(record)
    newest = terminal.ask("key", "rotate", key_id)["KeyVersionId"]
    census = folder.parent / "census.json"
    move = ("rewrap-records", folder, "--census", census)
    before = record.read_bytes()
    tried = terminal.ask(*move, "--dry-run")
    assert (tried["DryRun"], tried["Moved"], tried["Problems"]) == (True, 4, 0)
    assert record.read_bytes() == before
    assert json.loads(census.read_text()) == tried["Census"]
    retire = ("key", "retire-version", "alias/devices", old)
    code, error = terminal.refused(*retire, "--census", census)
    assert (code, error["Code"]) == (1, "VersionNeeded")
    assert "counts 4 blobs" in error["Message"]
    shown = terminal.do(*move, "--primary").stdout
    assert "Moved" in shown
    assert newest in shown
    assert old not in shown
    assert version_of(record) == newest
    terminal.do("bulk", "verify", folder / "job", "--no-gcd")
    assert "RetireDate" in terminal.ask(*retire, "--census", census)
    listed = terminal.do("key", "versions", key_id).stdout
    assert [line.split()[-1] for line in listed.splitlines() if old in line] == [
        "retired"
    ]
    record.write_bytes(before)
    code, error = terminal.refused("decrypt", record, "--out", "-")
    assert (code, error["Code"]) == (1, "Rejected.Disabled")
    assert "restore-version" in error["Next"]
    terminal.do("key", "restore-version", key_id, old)
    opened(terminal, record)
    terminal.do(*retire, "--without-census")


def test_a_census_that_cannot_tell_is_refused(
    terminal: Terminal, folder: Path, key_id: str
) -> None:
    """Older than the rotation, incomplete, damaged, or not given at all."""
    terminal.do("key", "rotate", key_id)
    record = generate(terminal, folder, "pair")
    old, census = version_of(record), folder.parent / "census.json"
    record.rename(folder.parent / "elsewhere")
    terminal.do("rewrap-records", folder, "--census", census)
    terminal.do("key", "rotate", key_id)
    retire = ("key", "retire-version", key_id, old)
    code, error = terminal.refused(*retire, "--census", census)
    assert (code, error["Code"]) == (1, "VersionNeeded")
    assert "was the primary version" in error["Message"]
    (folder / "cut.json").write_text("{")
    answer = terminal.run("rewrap-records", folder, "--census", census)
    assert answer.exit_code == 3
    assert "cut.json: it is not JSON" in answer.stdout
    _, error = terminal.refused(*retire, "--census", census)
    assert "not complete" in error["Message"]
    _, error = terminal.refused(*retire, "--census", folder / "cut.json")
    assert error["Code"] == "InvalidParameter"
    for words in ((), ("--census", census, "--without-census")):
        assert terminal.run(*retire, *words).exit_code == 2
    for version in ("Initial", "Primary"):
        described = terminal.do("key", "describe", key_id).stdout
        line = next(each for each in described.splitlines() if version in each)
        code, error = terminal.refused(
            "key", "retire-version", key_id, line.split()[-1], "--without-census"
        )
        assert (code, error["Code"]) == (1, "Rejected.StateModifiedFailed")


def test_what_cannot_move_is_told_and_ends_with_3(
    terminal: Terminal, folder: Path, key_id: str
) -> None:
    """The rest moves; plain ones are named; a census replaces only a census."""
    good, bad = (generate(terminal, folder, name) for name in ("good", "bad"))
    bad.write_text(json.dumps(json.loads(bad.read_text()) | {"Aad": "AAAA"}))
    terminal.do("generate", key_id, "--spec", "EC_P256", "--out", folder,
                "--name", "plain")  # fmt: skip
    newest = terminal.ask("key", "rotate", key_id)["KeyVersionId"]
    answer = terminal.run("rewrap-records", folder)
    assert answer.exit_code == 3
    assert "bad.json: Nothing was decrypted" in answer.stdout
    assert "1 under an initial version; --advance moves" in answer.stdout
    assert version_of(good) == newest
    code, error = terminal.refused("rewrap-records", folder, "--census", good)
    assert (code, error["Code"]) == (1, "FileExists")
    assert terminal.run("rewrap-records", folder, "--primary", "--to-key", key_id
                        ).exit_code == 2  # fmt: skip
    found = terminal.run("--json", "rewrap-records", folder, "--advance").document
    assert (found["Moved"], found["Problems"]) == (1, 1)
    assert found["Findings"][0]["File"].endswith("bad.json")
