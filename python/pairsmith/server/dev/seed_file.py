"""The seed file of ``--dev``: what there is from the start, with ids that stay.

TOML with ``[[key]]``, ``[[client]]``, ``[[access_key]]`` and ``[[fault]]``, as in
``docs/dev-server.md``. It is read and checked as a whole before any of it is applied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from pairsmith.documents import read_toml
from pairsmith.errors import InvalidParameter, PairsmithError
from pairsmith.registry import parameters
from pairsmith.server.access import credentials
from pairsmith.server.access.policy import parse_policy, require_effect
from pairsmith.server.dev.faults import Fault, parse_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pairsmith.server.access.policy import Policy

Value = TypeVar("Value")

TABLES = ("key", "client", "access_key", "fault")
LEAST_RSA_BITS = 2048
EVERYTHING = ("*",)

KEY_FILE_BYTES = 64 * 1024
"""What is read of a private key's file, which has some thousand bytes."""


@dataclass(frozen=True, slots=True)
class SeededKey:
    """A key that there shall be."""

    id: str
    description: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SeededClient:
    """A client key that there shall be; without a private key one is made."""

    id: str
    name: str
    policy: Policy
    password: str = field(repr=False)
    private_key: RSAPrivateKey | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SeededAccessKey:
    """An access key that there shall be."""

    id: str
    name: str
    policy: Policy
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SeedFile:
    """All of it."""

    keys: tuple[SeededKey, ...] = ()
    clients: tuple[SeededClient, ...] = ()
    access_keys: tuple[SeededAccessKey, ...] = ()
    faults: tuple[Fault, ...] = ()


class Entry:
    """One table of the file, whose fields are taken one by one.

    Args:
        place: File, line and table, for messages.
        given: Its fields.
    """

    def __init__(self, place: str, given: Mapping[str, object]) -> None:
        self.place = place
        self._given = dict(given)

    def take(
        self,
        name: str,
        parse: Callable[[object], Value],
        default: object = None,
    ) -> Value:
        """Parse a field.

        Raises:
            InvalidParameter: It is wrong, or missing with no default; names its place.
        """
        value = self._given.pop(name, default)
        if value is None:
            raise self.wrong(name, "it is missing.")
        try:
            return parse(value)
        except PairsmithError as error:
            raise self.wrong(name, reason_of(error)) from None

    def rest(self) -> Mapping[str, object]:
        """Every field that was not taken."""
        return self._given

    def end(self) -> None:
        """See that there was nothing else."""
        for name in self._given:
            raise self.wrong(name, "there is no such field.")

    def wrong(self, name: str, reason: str) -> InvalidParameter:
        """The error of a field."""
        return InvalidParameter(f"{self.place}, {name}", reason)


def read_seed_file(path: Path) -> SeedFile:
    """Read a seed file and check all of it.

    Raises:
        InvalidParameter: It cannot be read, or a field is wrong; names the line of its
            table, and the field.
    """
    tables, text = read_toml("seed-file", path)
    for name in tables.keys() - set(TABLES):
        shown = ", ".join(f"[[{table}]]" for table in TABLES)
        raise InvalidParameter(f"{path}, {name}", f"there are {shown} only.")
    entries = {name: _entries(path, text, name, tables.get(name)) for name in TABLES}
    seed = SeedFile(
        keys=tuple(map(_key, entries["key"])),
        clients=tuple(_client(entry, path.parent) for entry in entries["client"]),
        access_keys=tuple(map(_access_key, entries["access_key"])),
        faults=tuple(map(_fault, entries["fault"])),
    )
    _require_once(path, "id", [key.id for key in seed.keys])
    _require_once(path, "id", [client.id for client in seed.clients])
    _require_once(path, "id", [key.id for key in seed.access_keys])
    _require_once(path, "aliases", [each for key in seed.keys for each in key.aliases])
    return seed


def reason_of(error: PairsmithError) -> str:
    """What is wrong, without the name that the parameter has elsewhere."""
    before, middle, reason = str(error).partition(" is not valid: ")
    return reason if middle else before


def _entries(path: Path, text: str, name: str, given: object) -> list[Entry]:
    if given is None:
        return []
    tables = given if isinstance(given, list) else [given]
    header = re.compile(rf"^[ \t]*\[\[[ \t]*{name}[ \t]*\]\]", re.MULTILINE)
    lines = [text.count("\n", 0, found.start()) + 1 for found in header.finditer(text)]
    entries = []
    for index, table in enumerate(tables):
        # A list in one value instead of tables of its own has no headers to point at.
        line = f", line {lines[index]}" if len(lines) == len(tables) else ""
        place = f"{path}{line}, {name} {index + 1}"
        if not isinstance(table, dict):
            raise InvalidParameter(place, f"write [[{name}]] and its fields below.")
        entries.append(Entry(place, table))
    return entries


def _key(entry: Entry) -> SeededKey:
    key = SeededKey(
        id=entry.take("id", parameters.new_key_id),
        description=entry.take(
            "description", lambda given: parameters.text(given, "description"), ""
        ),
        aliases=entry.take("aliases", _each(parameters.alias_name), []),
        tags=entry.take("tags", parameters.tags, {}),
    )
    entry.end()
    return key


def _client(entry: Entry, folder: Path) -> SeededClient:
    password = entry.take("password", credentials.parse_password)

    def key_of(given: object) -> RSAPrivateKey | None:
        return _private_key(folder, given, password) if given else None

    client = SeededClient(
        id=entry.take("id", credentials.parse_client_key_id),
        name=entry.take("name", credentials.parse_name, "dev"),
        policy=entry.take("allow", _policy, list(EVERYTHING)),
        password=password,
        private_key=entry.take("key_file", key_of, ""),
    )
    entry.end()
    return client


def _access_key(entry: Entry) -> SeededAccessKey:
    key = SeededAccessKey(
        id=entry.take("id", credentials.parse_access_key_id),
        name=entry.take("name", credentials.parse_name, "dev"),
        policy=entry.take("allow", _policy, list(EVERYTHING)),
        secret=entry.take("secret", credentials.parse_access_key_secret),
    )
    entry.end()
    return key


def _fault(entry: Entry) -> Fault:
    try:
        return parse_fault(entry.rest())
    except InvalidParameter as error:
        raise entry.wrong(error.parameter, reason_of(error)) from None


def _policy(given: object) -> Policy:
    return require_effect(parse_policy(_each(_text)(given)))


def _text(given: object) -> str:
    if isinstance(given, str):
        return given
    raise InvalidParameter("text", "give text, in quotes.")


def _each(parse: Callable[[object], Value]) -> Callable[[object], tuple[Value, ...]]:
    """Parse every value of a list."""

    def parsed(given: object) -> tuple[Value, ...]:
        if not isinstance(given, list):
            raise InvalidParameter("list", "give a list, in brackets.")
        return tuple(parse(each) for each in given)

    return parsed


def _private_key(folder: Path, given: object, password: str) -> RSAPrivateKey:
    """The key in a file beside the seed file: PEM, or PKCS#12 of that password."""
    path = folder / _text(given)
    try:
        with path.open("rb") as file:
            content = file.read(KEY_FILE_BYTES)
        if content.startswith(b"-----BEGIN"):
            key: object = load_pem_private_key(content, None)
        else:
            key = load_pkcs12(content, password.encode()).key
    except OSError as error:
        raise InvalidParameter("key_file", f"{path}: {error.strerror}.") from None
    except (ValueError, TypeError):
        raise InvalidParameter(
            "key_file",
            f"{path} is neither an unencrypted PEM private key nor a PKCS#12 file that "
            "the password opens.",
        ) from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_RSA_BITS:
        raise InvalidParameter("key_file", f"{path} holds no RSA key of 2048 bits.")
    return key


def _require_once(path: Path, field_name: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise InvalidParameter(f"{path}, {field_name}", f"{value} is there twice.")
        seen.add(value)
