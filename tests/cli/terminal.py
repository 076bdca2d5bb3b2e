"""A terminal for tests: types commands and looks at what comes back."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from pairsmith.cli import main


@dataclass(frozen=True)
class Answer:
    """What a command wrote, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str
    stdout_bytes: bytes

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)

    @property
    def error(self) -> Any:
        """The one JSON document on stderr."""
        return json.loads(self.stderr)


@dataclass(frozen=True)
class Terminal:
    """Types commands that mean one database."""

    folder: Path

    @property
    def database(self) -> str:
        """Where the keys are."""
        return f"sqlite:///{self.folder / 'kms.db'}"

    def run(self, *words: object, stdin: bytes | None = None) -> Answer:
        """Type a command, however it ends."""
        typed = ["--database", self.database, *map(str, words)]
        result = CliRunner().invoke(main, typed, input=stdin)
        if result.exception is not None and not isinstance(
            result.exception, SystemExit
        ):
            raise result.exception
        return Answer(
            result.exit_code, result.stdout, result.stderr, result.stdout_bytes
        )

    def do(self, *words: object, stdin: bytes | None = None) -> Answer:
        """Type a command that must succeed and complain about nothing."""
        answer = self.run(*words, stdin=stdin)
        assert (answer.exit_code, answer.stderr) == (0, ""), (words, answer)
        return answer

    def ask(self, *words: object) -> Any:
        """The JSON document of a command that must succeed."""
        return self.do("--json", *words).document

    def refused(self, *words: object, stdin: bytes | None = None) -> tuple[int, Any]:
        """Exit code and JSON error of a command that must fail and say nothing else."""
        answer = self.run("--json", *words, stdin=stdin)
        assert answer.exit_code != 0, answer
        assert answer.stdout == "", answer
        return answer.exit_code, answer.error


ABSENT = "key-" + "a" * 21

KEY_COMMANDS = [
    ("key", "describe", "KEY"),
    ("key", "enable", "KEY"),
    ("key", "disable", "KEY"),
    ("key", "rotate", "KEY"),
    ("key", "versions", "KEY"),
    ("key", "update-description", "KEY", "text"),
    ("key", "tag", "KEY", "a=b"),
    ("key", "untag", "KEY", "a"),
    ("key", "protect", "KEY"),
    ("key", "unprotect", "KEY"),
    ("key", "rotation-policy", "KEY", "--never"),
    ("key", "schedule-deletion", "KEY", "--days", "7"),
    ("key", "cancel-deletion", "KEY"),
    ("alias", "create", "alias/new", "KEY"),
    ("alias", "update", "alias/devices", "KEY"),
    ("alias", "list", "--key", "KEY"),
    ("generate", "KEY", "--spec", "EC_P256"),
    ("encrypt", "KEY", "-"),
    ("data-key", "KEY"),
]


def with_key(words: tuple[str, ...], key: str) -> list[str]:
    """The command with a key in its place."""
    return [key if word == "KEY" else word for word in words]
