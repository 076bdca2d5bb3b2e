"""The summary that ends ``make test``: both halves, whatever becomes of either."""

from pathlib import Path

import pytest

from run import Outcome, main, summary

CARGO = """
running 3 tests
test aead::wycheproof ... ignored, needs ../shared: vectors of Wycheproof
test fault::slow ... ignored
test wrap::round_trip ... ok
test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out
test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured; 9 filtered out
"""
PYTEST = """
SKIPPED [13] tests/registry/conftest.py:30: needs a database: no PostgreSQL
SKIPPED [1] tests/test_errors.py:150: needs ../shared: the documented table
====== 1 failed, 20 passed, 14 skipped, 2 deselected, 1 error in 3.10s (0:00:03) ======
"""


def outcome(text: str) -> Outcome:
    """What is read out of an output."""
    read = Outcome("test-any")
    for line in text.splitlines():
        read.read(line)
    return read


def test_every_result_of_cargo_counts() -> None:
    """Its programs are added up, and each test that is ignored gives its reason."""
    rust = outcome(CARGO)
    assert (rust.passed, rust.failed, rust.skipped) == (5, 1, 2)
    assert rust.reasons == {
        "needs ../shared: vectors of Wycheproof": 1,
        "no reason given": 1,
    }


@pytest.mark.parametrize("text", [PYTEST, PYTEST.replace("=", "")])
def test_the_result_of_pytest_counts(text: str) -> None:
    """With its reasons for skipping; an error is a failure; with and without ``-q``."""
    python = outcome(text)
    assert (python.passed, python.failed, python.skipped) == (20, 2, 14)
    assert python.reasons["needs a database: no PostgreSQL"] == 13


def test_the_last_line_has_the_totals() -> None:
    """For a CI tool; and above it stands what was skipped, and why."""
    lines = list(summary([outcome(CARGO), outcome(PYTEST)]))
    assert lines[-1] == "25 passed, 3 failed, 16 skipped"
    assert "    1 skipped: needs ../shared: the documented table" in lines


def test_one_half_does_not_hide_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """If the first does not even compile, the second runs, and the status is 1."""
    makefile = "bad:\n\t@exit 3\ngood:\n\t@echo '2 passed in 0.01s'\n"
    (tmp_path / "Makefile").write_text(makefile)
    monkeypatch.chdir(tmp_path)
    assert main("make", "bad", "good") == 1
    printed = capfd.readouterr().out
    assert "bad: 0 passed, 0 failed, 0 skipped\n    did not run to its end" in printed
    assert printed.endswith("\n2 passed, 1 failed, 0 skipped\n")
    assert main("make", "good") == 0
