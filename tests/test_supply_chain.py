"""What is installed comes from where it should, and under licences that allow it."""

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PYPI = "https://pypi.org/simple"

LICENCES = {
    "3-Clause BSD License",
    "Apache-2.0",
    "Apache-2.0 AND BSD-2-Clause",
    "Apache-2.0 OR BSD-3-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "License :: OSI Approved :: MIT License",
    "MIT",
    "MIT License",
    "MIT OR Apache-2.0",
    "MIT-0",
    "PSF-2.0",
}
"""What may be combined with Apache-2.0, in the words that packages have for it."""

EXCEPTIONS = {
    "gmpy2": "LGPL-3.0-or-later",  # the extra `verify`; users may replace it
    "psycopg": "LGPL-3.0-only",  # the extra `postgresql`: the same
    "psycopg-binary": "LGPL-3.0-only",
}

BLOCKED = "http://127.0.0.1:9"
"""A proxy that nobody can be: the port of the service that discards."""


@pytest.fixture(scope="module")
def locked() -> dict[str, Any]:
    """The packages of uv.lock by name."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return {package["name"]: package for package in lock["package"]}


def test_every_package_is_pypi_s_and_has_hashes(locked: dict[str, Any]) -> None:
    """Nothing is installed from another place, or could be replaced unnoticed."""
    assert locked["pairsmith"]["source"] == {"editable": "."}
    others = {name: locked[name] for name in locked if name != "pairsmith"}
    assert len(others) > 50
    for name, package in others.items():
        assert package["source"] == {"registry": PYPI}, name
        files = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
        assert files, name
        assert all(file["hash"].startswith("sha256:") for file in files), name


def test_licences_of_what_users_install_are_known(locked: dict[str, Any]) -> None:
    """Pairsmith with every extra needs nothing under a licence unknown here."""
    needed = set(_needed(locked))
    assert needed > {"cryptography", "granian", "psycopg", "sqlalchemy"}
    for name in sorted(needed):
        licence = _licence(name)
        assert licence in LICENCES or licence == EXCEPTIONS.get(name), (name, licence)
    assert needed > EXCEPTIONS.keys()


def _needed(locked: dict[str, Any]) -> Iterator[str]:
    """The packages that Pairsmith, its extras and their dependencies ask for."""
    waiting, seen = ["pairsmith"], {"pairsmith"}
    while waiting:
        package = locked[waiting.pop()]
        extras = package.get("optional-dependencies", {}).values()
        for group in (package.get("dependencies", ()), *extras):
            names = {each["name"] for each in group} - seen
            seen |= names
            waiting += names
            yield from names


def _licence(name: str) -> str:
    """What a package says of itself: an SPDX expression, a name, or a classifier."""
    told = importlib.metadata.metadata(name)
    classifiers = told.get_all("Classifier") or []
    first = next((each for each in classifiers if each.startswith("License")), "")
    return told["License-Expression"] or told["License"] or first


def test_an_audit_that_can_look_nothing_up_fails_and_says_so(tmp_path: Path) -> None:
    """Without a network `make audit` does not pass, and names both lock files."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), BLOCKED)
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    audit = subprocess.run(
        [ROOT / ".ci/audit"],
        env=os.environ
        | proxies
        | {name.upper(): value for name, value in proxies.items()}
        | {"PATH": programs, "CARGO_HTTP_PROXY": BLOCKED, "UV_HTTP_RETRIES": "0"}
        # No index and no advisories from earlier: nothing old may be believed.
        | {"CARGO_HOME": str(tmp_path), "CARGO_NET_RETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert audit.returncode == 1, audit
    assert "FAILED for Cargo.lock and uv.lock" in audit.stderr
    assert "command not found" not in audit.stderr
    assert "nothing is known against" not in audit.stdout
