"""Servers of this commit and of another one, started and prepared in the same way.

A server of another commit runs in the environment of its own checkout. Its database is
opened by nothing else: newer code would migrate it. So keys are made by the command
line of the same checkout, and everything else is asked for over HTTP.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pairsmith.testing import RunningServer

BEFORE, AFTER = "before", "after"
WORKERS = 2
SETTINGS = {
    "tls_insecure_http": True,
    "listen_workers": WORKERS,
    "limits_refused_signatures": 0,  # no limit, so that refusals can be measured
}
"""Of every server. A commit that does not know one of them ignores its variable."""


class MeasuredServer(RunningServer):
    """A server that is spoken to over HTTP only, and has a key made beside it."""

    def create_key(self) -> str:
        """Make a key with the command line of the same checkout; give its id."""
        command = [self._python, "-m", "pairsmith.cli", "key", "create", "--json"]
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=self._variables(),
            capture_output=True,
            text=True,
            check=True,
        )
        return str(json.loads(ran.stdout)["KeyId"])


@dataclass(frozen=True)
class Checkout:
    """A commit that is built.

    Attributes:
        role: ``BEFORE`` or ``AFTER``; the present commit is always ``AFTER``.
        commit: Its short id; with ``+`` if its code was changed since.
        python: The interpreter of its environment.
    """

    role: str
    commit: str
    python: str

    @contextmanager
    def running(
        self, environment: Mapping[str, str] | None = None, **settings: object
    ) -> Iterator[MeasuredServer]:
        """A server of this commit for as long as the block lasts."""
        server = MeasuredServer.start(
            None,
            arguments=(),
            environment=environment,
            python=self.python,
            **SETTINGS,
            **settings,
        )
        try:
            yield server
        finally:
            server.discard()


def present() -> Checkout:
    """The commit that these benchmarks belong to."""
    return Checkout(AFTER, commit_of(Path(__file__).parents[2]), sys.executable)


def other(folder: Path) -> Checkout:
    """The commit in another folder, which has an environment of its own.

    Raises:
        SystemExit: The folder has none.
    """
    python = folder.absolute() / ".venv" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} is missing: run `make .venv/.built` in {folder}")
    return Checkout(BEFORE, commit_of(folder), str(python))


def commit_of(folder: Path) -> str:
    """The short id of its commit; with ``+`` if its code was changed since."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.strip()

    changed = git("status", "--porcelain", "--", "rust", "python")
    return git("rev-parse", "--short=10", "HEAD") + "+" * bool(changed)
