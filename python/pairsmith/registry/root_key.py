"""Where the root key comes from: a file, an environment variable, or a command.

A provider reads 32 bytes into a ``bytearray``, hands them to the Rust core and wipes
the array. They may be written as 32 raw bytes, 64 hexadecimal digits or 44 characters
of Base64, with or without a final newline. No key is ever part of a message.
"""

import binascii
import os
import secrets
import shlex
import stat
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from pairsmith._core import RootKey
from pairsmith.errors import InvalidParameter, RootKeyError

KEY_BYTES = 32
MOST_BYTES_READ = 4096


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


class FileRootKey:
    """A file that only its owner can read; made on first use.

    While the root key is being replaced, its successor lies beside it in a file of the
    same name with ``.next`` added; whichever a row needs is found.

    Args:
        path: The file, such as ``kms.db.root-key``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()

    def __repr__(self) -> str:
        """Show the path, never the key."""
        return f"FileRootKey({str(self.path)!r})"

    def load(self) -> list[RootKey]:
        """Read the file, and the one that replaces it if there is one."""
        # The successor first: should it take this file's place meanwhile, the key it
        # holds is read twice, and never missed.
        following = _read_file(self.successor.path)
        present = _read_file(self.path)
        if present is None:
            raise RootKeyError(
                f"There is no root key at {self.path}: restore the file from its "
                "backup; without it the keys in the database do not open."
            )
        return [present] if following is None else [present, following]

    def load_or_create(self) -> list[RootKey]:
        """Read the file, or write a new one with mode 0600."""
        if not self.path.exists():
            _create_file(self.path)
        return self.load()

    @property
    def successor(self) -> "FileRootKey":
        """The file that will take this one's place."""
        return FileRootKey(f"{self.path}.next")

    def replace_by_successor(self) -> None:
        """Put the successor's file in this one's place, atomically and durably."""
        following = self.successor.path
        try:
            following.replace(self.path)
            _synchronise_directory(self.path.parent)
        except OSError as error:
            raise RootKeyError(
                f"{following} holds the root key now in use, but it could not "
                f"take the place of {self.path} ({error.strerror}): move it there."
            ) from error


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
        return [_root_key(bytearray(value), f"the environment variable {self.name}")]

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
        return [_root_key(self._output(), f"the output of {self._command[0]}")]

    load_or_create = load

    def _output(self) -> bytearray:
        # A pipe read into our own array: subprocess would make bytes nobody can wipe.
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        try:
            with os.fdopen(writer, "wb") as output:
                self._run(output.fileno())
            return _read_descriptor(reader)
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


def default_root_key(database: Path | None) -> tuple[RootKeyProvider, ...]:
    """Name the file beside an SQLite database; a server's has nothing beside it."""
    if database is None:
        raise InvalidParameter(
            "root_key", "PostgreSQL has no default: give file:, env: or command:."
        )
    return (FileRootKey(f"{database}.root-key"),)


_KINDS: dict[str, Callable[[str], RootKeyProvider]] = {
    "file": FileRootKey,
    "env": EnvironmentRootKey,
    "command": CommandRootKey,
}


def _create_file(path: Path) -> None:
    """Write a new key beside its place, then link it there: whole, or not at all."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.draft")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first; its key it is
            os.link(draft, path)
        draft.unlink()
        _synchronise_directory(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RootKeyError(
            f"The root key cannot be created at {path} ({error.strerror}): let this "
            "user write there, or name another place with root_key."
        ) from error


def _read_file(path: Path) -> RootKey | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RootKeyError(
            f"The root key cannot be read from {path} ({error.strerror}): let this "
            "user read the file."
        ) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RootKeyError(f"{path} is not a file: name the root key's file.")
        if status.st_mode & 0o077:
            raise RootKeyError(
                f"Other users can read the root key: chmod 600 {shlex.quote(str(path))}"
            )
        if status.st_uid not in (0, os.geteuid()):
            raise RootKeyError(
                f"The root key belongs to another user, who could replace it: "
                f"chown {os.geteuid()} {shlex.quote(str(path))}"
            )
        return _root_key(_read_descriptor(descriptor), str(path))
    finally:
        os.close(descriptor)


def _read_descriptor(descriptor: int) -> bytearray:
    array = bytearray(MOST_BYTES_READ)
    count = os.readv(descriptor, [array])
    taken = array[:count]
    array[:] = bytes(len(array))
    return taken


def _root_key(written: bytearray, source: str) -> RootKey:
    """Build the root key and wipe every array it passed through."""
    key = bytearray()
    try:
        key = _decoded(written)
        return RootKey(key)
    except ValueError:
        raise RootKeyError(
            f"There is no root key in {source}: it must be 32 bytes, raw, as 64 "
            "hexadecimal digits or as 44 characters of Base64."
        ) from None
    finally:
        written[:] = bytes(len(written))
        key[:] = bytes(len(key))


def _decoded(written: bytearray) -> bytearray:
    if len(written) == KEY_BYTES:
        return bytearray(written)
    text = written.strip()
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytearray(binascii.unhexlify(text))
        return bytearray(binascii.a2b_base64(text, strict_mode=True))
    finally:
        text[:] = bytes(len(text))


def _synchronise_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
