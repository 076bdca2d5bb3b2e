"""The whole of Pairsmith once, through its command line: what ``demo`` runs.

Every step is a command as a person would type it. The first pair of each spec and all
steps that are done once are processes of their own; the other pairs go through the same
entry in this process, for starting Python forty times shows nothing more.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any

from pairsmith.cli.failures import ENVIRONMENT, Failure
from pairsmith.results import KeyFormat, KeyPairSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALIAS = "alias/demo"
AAD = "made by the demo"
OPENSSL_SECONDS = 60


@dataclass
class Pair:
    """One pair on its way: generated, opened again, read by others."""

    spec: KeyPairSpec
    key_format: KeyFormat
    advance: bool
    folder: Path
    generate_seconds: float = 0.0
    decrypt_seconds: float = 0.0
    openssl: bool | None = None
    cryptography: bool | None = None

    @property
    def name(self) -> str:
        """What its files are called."""
        kind = "advance" if self.advance else "plain"
        return f"{self.spec}-{self.key_format}-{kind}".lower()

    @property
    def with_plaintext(self) -> bool:
        """Two formats by two kinds: so each of the four operations has its turn."""
        return self.advance is (self.key_format is KeyFormat.DER)

    def file(self, ending: str) -> Path:
        """One of its files."""
        return self.folder / f"{self.name}.{ending}"


@dataclass
class CommandLine:
    """Runs ``pairsmith`` on one SQLite file, with the root key beside it.

    Both are named in full: what the environment says is about some other instance.
    """

    path: Path
    process_seconds: list[float] = field(default_factory=list)

    def run(self, *arguments: str | Path, process: bool = True) -> dict[str, Any]:
        """Run a command with ``--json`` and give its document.

        Raises:
            Failure: It ended with an exit code other than 0.
        """
        words = ["--json", "--database", f"sqlite:///{self.path}"]
        words += ["--root-key", f"file:{self.path}.root-key", *map(str, arguments)]
        text = self._in_a_process(words) if process else _in_this_process(words)
        document: dict[str, Any] = json.loads(text)
        return document

    def _in_a_process(self, words: list[str]) -> str:
        begun = time.perf_counter()
        ended = subprocess.run(  # noqa: S603 -- this very program
            [sys.executable, "-m", "pairsmith", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.process_seconds.append(time.perf_counter() - begun)
        if ended.returncode:
            raise Failure(
                f"pairsmith {' '.join(words)} ended with {ended.returncode}: "
                f"{ended.stderr.strip()}",
                code="Demo",
                exit_code=ENVIRONMENT,
            )
        return ended.stdout


def all_pairs(folder: Path) -> list[Pair]:
    """Every spec in both formats, plain and Advance."""
    return [
        Pair(spec, key_format, advance, folder)
        for spec in KeyPairSpec
        for advance in (False, True)
        for key_format in KeyFormat
    ]


def generate(commands: CommandLine, pairs: list[Pair]) -> None:
    """Generate each pair under the alias, into files."""
    for pair, first in _with_firsts(pairs):
        kind = "--with-plaintext" if pair.with_plaintext else "--without-plaintext"
        words = ["generate", ALIAS, "--spec", pair.spec, "--format", pair.key_format]
        words += [kind, "--aad", AAD, "--out", str(pair.folder), "--name", pair.name]
        words += ["--advance"] if pair.advance else []
        begun = time.perf_counter()
        commands.run(*words, process=first)
        pair.generate_seconds = time.perf_counter() - begun


def decrypt(commands: CommandLine, pairs: list[Pair]) -> None:
    """Open each record into a file; where there was plaintext, compare.

    Raises:
        Failure: A file differs from what was generated.
    """
    for pair, first in _with_firsts(pairs):
        begun = time.perf_counter()
        commands.run(
            "decrypt", pair.file("json"), "--out", pair.file("opened"), process=first
        )
        pair.decrypt_seconds = time.perf_counter() - begun
        wrote_plaintext = pair.file("key").exists()
        if wrote_plaintext is not pair.with_plaintext or (
            wrote_plaintext
            and pair.file("key").read_bytes() != pair.file("opened").read_bytes()
        ):
            raise Failure(
                f"{pair.name} is not what was generated.", code="Demo", exit_code=1
            )


def openssl_version() -> str | None:
    """Which OpenSSL there is, if any."""
    program = shutil.which("openssl")
    if program is None:
        return None
    return _openssl(["version"]).stdout.decode().strip()


def is_known_to_openssl(spec: KeyPairSpec, version: str) -> bool:
    """Whether that OpenSSL reads keys of a kind; LibreSSL is taken for an old one."""
    name, _, number = version.partition(" ")
    major, _, rest = number.partition(".")
    minor = rest.partition(".")[0]
    if name != "OpenSSL" or not (major.isdecimal() and minor.isdecimal()):
        return spec.kind.openssl < (3, 0)
    return spec.kind.openssl <= (int(major), int(minor))


def read_by_openssl(pair: Pair) -> bool:
    """Whether OpenSSL finds the key valid and gives the same public half."""
    form = ["-inform", pair.key_format, "-in", str(pair.file("opened"))]
    checked = _openssl(["pkey", "-check", "-noout", *form])
    public = _openssl(["pkey", "-pubout", "-outform", pair.key_format, *form])
    return checked.returncode == 0 and public.stdout == pair.file("pub").read_bytes()


def read_by_cryptography(pair: Pair) -> bool | None:
    """Whether ``cryptography`` accepts the key, fully checked, and its public half.

    ``None`` if it has no keys of the kind.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    pem = pair.key_format is KeyFormat.PEM
    load = (
        serialization.load_pem_private_key
        if pem
        else (serialization.load_der_private_key)
    )
    try:
        private_key = load(pair.file("opened").read_bytes(), password=None)
    except UnsupportedAlgorithm:
        return None
    except ValueError:
        return False
    public = private_key.public_key().public_bytes(
        serialization.Encoding.PEM if pem else serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    return public == pair.file("pub").read_bytes()


def _with_firsts(pairs: list[Pair]) -> Iterator[tuple[Pair, bool]]:
    """Each pair, and whether it is the first of its spec."""
    seen: set[KeyPairSpec] = set()
    for pair in pairs:
        yield pair, pair.spec not in seen
        seen.add(pair.spec)


def _in_this_process(words: list[str]) -> str:
    from pairsmith.cli.application import application

    with redirect_stdout(StringIO()) as written:
        application.main(words, prog_name="pairsmith", standalone_mode=False)
    return written.getvalue()


def _openssl(words: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 -- the program that is asked to judge
        ["openssl", *words],  # noqa: S607 -- whichever the person uses
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=OPENSSL_SECONDS,
    )
