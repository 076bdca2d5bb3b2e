"""``pairsmith demo``: passes on a good day, and says so when it is none."""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pairsmith.cli import demonstration, main
from pairsmith.results import KeyPairSpec


def demo(*words: str) -> Result:
    """Run the demo as ``make run`` does."""
    return CliRunner().invoke(main, ["demo", *words])


@pytest.mark.slow  # `make run` does the same, and CI calls it
def test_every_pair_is_made_opened_and_read_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole demo; whatever instance the environment names is left alone."""
    monkeypatch.setenv("PAIRSMITH_DATABASE", f"sqlite:///{tmp_path}/mine.db")
    monkeypatch.setenv("PAIRSMITH_ROOT_KEY_PROVIDER", "env:NOT_SET_AT_ALL")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = demo()
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    for spec in KeyPairSpec:
        (row,) = [row for row in rows if row[:1] == [spec]]
        assert any(row[-len(end) :] == end for end in judged(spec)), row
    assert "All 60 pairs opened after the rotation" in result.stdout
    assert list(tmp_path.iterdir()) == []


def judged(spec: KeyPairSpec) -> list[list[str]]:
    """What may be said of a kind: all accepted, by whoever knows it."""
    all_of_them, nobody = ["4", "of", "4"], ["not", "asked"]
    by_cryptography = nobody if spec == "ML_KEM_512" else all_of_them
    if spec.startswith("ML_"):
        # OpenSSL 3.5 and later knows lattices, earlier ones do not.
        return [all_of_them + by_cryptography, nobody + by_cryptography]
    return [all_of_them + by_cryptography]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the pairs of the elliptic curves, and no process but this one."""
    every = demonstration.all_pairs

    def few(folder: Path) -> list[demonstration.Pair]:
        return [pair for pair in every(folder) if pair.spec.startswith("EC")]

    monkeypatch.setattr("pairsmith.cli.demonstration.all_pairs", few)
    monkeypatch.setattr("pairsmith.cli.demo.KeyPairSpec", [KeyPairSpec.EC_P256])
    monkeypatch.setattr(
        demonstration.CommandLine,
        "_in_a_process",
        lambda self, words: (
            self.process_seconds.append(0.0) or demonstration._in_this_process(words)
        ),
    )


@pytest.mark.usefixtures("small")
def test_a_missing_openssl_is_said_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no failure, but nobody can think that OpenSSL has agreed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    result = demo()
    assert result.exit_code == 0, result.output
    assert "not asked" in result.stdout
    assert "NOT INSTALLED" in result.stdout
    assert "cryptography (no OpenSSL)" in result.stdout


@pytest.mark.usefixtures("small")
def test_a_key_that_openssl_refuses_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ``openssl`` that finds fault with everything: exit code 1, pairs named."""
    program = tmp_path / "openssl"
    program.write_text("#!/bin/sh\n[ $1 = version ] && echo OpenSSL 3.0.0\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    result = demo()
    assert result.exit_code == 1
    assert re.search(r"not accepted: ec_p256-pem-plain, ", result.stderr)


@pytest.mark.usefixtures("small")
def test_what_the_demo_keeps_is_in_a_new_folder(tmp_path: Path) -> None:
    """A folder that exists is refused; a new one holds all files, 0600 each."""
    folder = tmp_path / "kept"
    assert demo("--keep", str(folder)).exit_code == 0
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"demo.db", "ec_p256-pem-plain.key", "ec_p256k-der-plain.pub"} <= set(modes)
    again = demo("--keep", str(folder))
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)
