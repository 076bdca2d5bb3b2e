"""Where the root key comes from: a file, an environment variable, or a command.

A provider reads 32 bytes into a ``bytearray``, hands them to the Rust core and wipes
the array. They may be written as 32 raw bytes, 64 hexadecimal digits or 44 characters
of Base64, with or without a final newline. No key is ever part of a message.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from pairsmith._core import RootKey
from pairsmith.errors import InvalidParameter, RootKeyError
from pairsmith.registry.key_bytes import parse_root_key, read_descriptor
from pairsmith.registry.key_file import FileRootKey


@runtime_checkable
class RootKeyProvider(Protocol):
    """Something that knows root keys."""

    def load(self) -> list[RootKey]:
        """Read the root key; more than one only while one replaces the other.

        Raises:
            RootKeyError: There is none, or it cannot be read.
        """

    def load_or_create(self) -> list[RootKey]:
        """Read the root key, or make one where that is possible: for a new database."""


RootKeys = RootKeyProvider | Sequence[RootKeyProvider | str] | str
"""What may be given: a provider, its text, or several, of which one will do."""


class EnvironmentRootKey:
    """An environment variable, for containers; Base64 or hexadecimal.

    Args:
        name: The variable, such as ``PAIRSMITH_ROOT_KEY``.
    """

    def __init__(self, name: str = "PAIRSMITH_ROOT_KEY") -> None:
        self.name = name

    def __repr__(self) -> str:
        """Show the variable's name, never its value."""
        return f"EnvironmentRootKey({self.name!r})"

    def load(self) -> list[RootKey]:
        """Read the variable."""
        value = os.environb.get(self.name.encode())
        if value is None:
            raise RootKeyError(
                f"The environment variable {self.name} is not set: set it to the root "
                "key, 32 bytes in Base64 or hexadecimal (openssl rand -hex 32)."
            )
        return [
            parse_root_key(bytearray(value), f"the environment variable {self.name}")
        ]

    load_or_create = load


class CommandRootKey:
    """A command that prints the root key: a TPM, a vault, a hardware module.

    It runs without a shell, with nothing on its standard input; what it writes to
    standard error is shown as it is.

    Args:
        command: Program and arguments; a text is split as a shell would.
        timeout_seconds: How long it may take.
    """

    def __init__(
        self, command: str | Sequence[str], *, timeout_seconds: float = 30.0
    ) -> None:
        try:
            self._command = (
                shlex.split(command) if isinstance(command, str) else list(command)
            )
        except ValueError as error:
            raise InvalidParameter(
                "root_key", f"the command cannot be split into words: {error}."
            ) from error
        if not self._command:
            raise InvalidParameter("root_key", "name a program after command:.")
        self._timeout_seconds = timeout_seconds

    def __repr__(self) -> str:
        """Show the program; its arguments may be secret."""
        return f"CommandRootKey({self._command[0]!r})"

    def load(self) -> list[RootKey]:
        """Run the command and read what it prints."""
        return [parse_root_key(self._output(), f"the output of {self._command[0]}")]

    load_or_create = load

    def _output(self) -> bytearray:
        # A pipe read into our own array: subprocess would make bytes nobody can wipe.
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        try:
            with os.fdopen(writer, "wb") as output:
                self._run(output.fileno())
            return read_descriptor(reader)
        except BlockingIOError:  # a grandchild holds the pipe open; nothing was printed
            return bytearray()
        finally:
            os.close(reader)

    def _run(self, output: int) -> None:
        program = self._command[0]
        try:
            subprocess.run(  # noqa: S603 -- the operator chose the program
                self._command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                timeout=self._timeout_seconds,
            )
        except subprocess.TimeoutExpired:
            raise RootKeyError(
                f"The command {program} printed no root key within "
                f"{self._timeout_seconds:g} s: run it by hand to see what it waits for."
            ) from None
        except subprocess.CalledProcessError as error:
            raise RootKeyError(
                f"The command {program} ended with status {error.returncode}: run it "
                "by hand to see why."
            ) from None
        except (OSError, ValueError) as error:
            raise RootKeyError(
                f"The command {program} cannot be run: {error}."
            ) from error


def parse_root_key_provider(given: object) -> RootKeyProvider:
    """Take a provider, or make one of its text.

    Args:
        given: A provider, ``file:PATH``, ``env:NAME`` or ``command:PROGRAM …``.
    """
    if isinstance(given, str):
        kind, _, rest = given.partition(":")
        make = _KINDS.get(kind)
        if make is not None and rest:
            return make(rest)
    elif isinstance(given, RootKeyProvider):
        return given
    raise InvalidParameter(
        "root_key",
        "give a provider, file:PATH, env:NAME or command:PROGRAM ARGUMENTS.",
    )


def parse_root_key_providers(given: object) -> tuple[RootKeyProvider, ...]:
    """Take one provider or several, each as above."""
    several = given if isinstance(given, (list, tuple)) else (given,)
    if not several:
        raise InvalidParameter("root_key", "give at least one provider.")
    return tuple(parse_root_key_provider(each) for each in several)


def default_root_key(
    database: Path | None, kind: Callable[[str], RootKeyProvider] = FileRootKey
) -> tuple[RootKeyProvider, ...]:
    """Name the file beside an SQLite database; a server's has nothing beside it."""
    if database is None:
        raise InvalidParameter(
            "root_key", "PostgreSQL has no default: give file:, env: or command:."
        )
    return (kind(f"{database}.root-key"),)


_KINDS: dict[str, Callable[[str], RootKeyProvider]] = {
    "file": FileRootKey,
    "env": EnvironmentRootKey,
    "command": CommandRootKey,
}
