"""What ``doctor`` finds about who gets at the files of an instance."""

import os
from pathlib import Path

import pytest

from pairsmith.cli.findings import Finding, Verdict
from pairsmith.cli.permission_findings import permission_findings
from pairsmith.cli.settings import Settings
from pairsmith.instance import Instance
from pairsmith.server import tls
from pairsmith.server.openapi.nonces import Nonces

OTHER = 54321
FILES = (
    "kms.db",
    "kms.db.root-key",
    "kms.db.guard",
    "tls/ca.key",
    "tls/server.key",
    "tls/PrivateKmsCA_pairsmith.pem",
    "clients/clientKey_one.json",
    "openapi/openapi-nonces.db",
    "audit.log",
    "audit.log.head",
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An instance and a server's files in the current folder."""
    monkeypatch.chdir(tmp_path)
    database = f"sqlite:///{tmp_path / 'kms.db'}"
    Instance.open(database).close()
    tls.made_files(tmp_path / "tls", [])
    (tmp_path / "clients").mkdir(mode=0o700)
    nonces = Nonces(tmp_path / "openapi" / "openapi-nonces.db")
    nonces.check()
    nonces.close()
    for name in ("clients/clientKey_one.json", "audit.log", "audit.log.head"):
        (tmp_path / name).touch(0o600)
    return Settings(database=database)


def problems(settings: Settings) -> list[Finding]:
    """What is not as it must be."""
    found = list(permission_findings(settings))
    return [each for each in found if each.verdict is Verdict.PROBLEM]


def test_all_is_well_after_the_start(settings: Settings) -> None:
    """One line counts what was looked at."""
    (found,) = permission_findings(settings)
    assert found.verdict is Verdict.GOOD
    assert int(found.text.split()[0]) >= len(FILES)


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_looked_at(settings: Settings, tmp_path: Path, name: str) -> None:
    """One that others may use is named, with the command that puts it right."""
    (tmp_path / name).chmod(0o666)
    (found,) = problems(settings)
    right = "go-w" if name.endswith("CA_pairsmith.pem") else "600"
    assert found.next_step == f"chmod {right} {tmp_path / name}"


def test_the_ca_may_be_read_by_all(settings: Settings, tmp_path: Path) -> None:
    """It is what every client is given."""
    (tmp_path / "tls" / "PrivateKmsCA_pairsmith.pem").chmod(0o644)
    assert not problems(settings)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes others' files")
@pytest.mark.parametrize("name", FILES)
def test_another_user_s_file_is_a_problem(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    """They may change it, whatever its mode."""
    os.chown(tmp_path / name, OTHER, -1)
    (found,) = problems(settings)
    assert f"user {OTHER}" in found.text
    assert found.next_step.startswith("chown ")


@pytest.mark.parametrize("name", [".", "tls", "clients"])
def test_each_folder_is_looked_at(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    """One that others may write is told once, however much is in it."""
    (tmp_path / name).chmod(0o777)
    (found,) = problems(settings)
    assert found.next_step == f"chmod go-w {tmp_path / name}"


def test_looking_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    """Neither a mode nor a file."""
    (tmp_path / "kms.db").chmod(0o640)
    before = {each: each.stat().st_mode for each in tmp_path.rglob("*")}
    assert problems(settings)
    assert {each: each.stat().st_mode for each in tmp_path.rglob("*")} == before
