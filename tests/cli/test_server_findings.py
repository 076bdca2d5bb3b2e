"""What ``doctor`` tells of the server's certificates."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pairsmith.cli.findings import Finding, Verdict
from pairsmith.cli.server_findings import server_findings
from pairsmith.server import tls


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tls"


def finding() -> Finding:
    """The one finding there is."""
    (found,) = server_findings()
    return found


def test_where_no_server_was_started_there_is_nothing_to_tell(folder: Path) -> None:
    """And nothing is made by looking."""
    assert list(server_findings()) == []
    assert not folder.exists()


@pytest.mark.parametrize(
    ("age", "verdict", "said"),
    [
        (0, Verdict.GOOD, "not about to end"),
        (3600, Verdict.NOTE, "ends at"),
        (3660, Verdict.PROBLEM, "clients refuse it"),
        (-30, Verdict.PROBLEM, "clock"),
    ],
)
def test_the_end_of_the_ca_is_told_in_time(
    folder: Path, age: int, verdict: Verdict, said: str
) -> None:
    """A note before it, a problem once clients refuse it."""
    tls.made_files(folder, [], datetime.now(UTC) - timedelta(days=age))
    assert finding().verdict is verdict
    assert said in finding().text


def test_a_certificate_of_the_users_own_is_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the settings that a server would have here."""
    made = tls.made_files(folder, [])
    monkeypatch.setenv("PAIRSMITH_TLS_CERTIFICATE", str(made.certificate))
    monkeypatch.setenv("PAIRSMITH_TLS_KEY", str(made.key))
    assert finding().verdict is Verdict.GOOD
    made.key.write_text("nonsense")
    assert finding().verdict is Verdict.PROBLEM
