"""``pairsmith demo``: pairs of every kind made, rotated, opened and read by others."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, TypeVar

import click

from pairsmith.cli import demonstration as steps
from pairsmith.cli.demonstration import ALIAS, CommandLine, Pair
from pairsmith.cli.failures import REFUSED, Failure
from pairsmith.cli.output import write_done, write_facts, write_table
from pairsmith.cli.settings import Command
from pairsmith.results import KeyPairSpec

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

COMMAND_COLUMNS = 46


@click.command(cls=Command)
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR",
              help="Keep the instance and all files in this new folder.")  # fmt: skip
def demo(keep: Path | None) -> None:
    """Make, rotate and open pairs of every kind in a throw-away instance.

    Every step is a command of this command line. OpenSSL and the Python package
    cryptography then read each private key. Ends with exit code 1 if any refuses.
    """
    with ExitStack() as stack:
        folder = _folder(keep, stack)
        commands = CommandLine(folder / "demo.db")
        pairs = steps.all_pairs(folder)
        _run(commands, pairs)
        openssl = _judge(pairs)
        _summarise(commands, pairs, openssl)
    if keep is not None:
        write_done(f"Everything is in {folder}, private keys in plain included.")


def _run(commands: CommandLine, pairs: list[Pair]) -> None:
    """The life of the pairs, command by command."""
    _step("init", lambda: commands.run("init"))
    key = _step("key create", lambda: commands.run("key", "create"))
    _step(
        f"alias create {ALIAS} KEY",
        lambda: commands.run("alias", "create", ALIAS, key["KeyId"]),
    )
    count = len(pairs)
    _step(
        f"generate {ALIAS} --spec ...",
        lambda: steps.generate(commands, pairs),
        f"{count} pairs",
    )
    _step(f"key rotate {ALIAS}", lambda: commands.run("key", "rotate", ALIAS))
    _step(
        "decrypt NAME.json --out FILE",
        lambda: steps.decrypt(commands, pairs),
        f"{count} private keys",
    )


def _judge(pairs: list[Pair]) -> str | None:
    """Let OpenSSL, if there is one, and ``cryptography`` read every key."""
    openssl = steps.openssl_version()
    for pair in pairs:
        pair.cryptography = steps.read_by_cryptography(pair)
        if openssl is not None and steps.is_known_to_openssl(pair.spec, openssl):
            pair.openssl = steps.read_by_openssl(pair)
    return openssl


def _summarise(commands: CommandLine, pairs: list[Pair], openssl: str | None) -> None:
    """The table, and the verdict.

    Raises:
        Failure: A key was not accepted.
    """
    found = _step("doctor", lambda: commands.run("doctor"))
    findings = {each["Subject"]: each["Text"] for each in found["Findings"]}
    write_done("")
    write_table(
        ("Spec", "One pair", "generate", "decrypt", "OpenSSL", "cryptography"),
        [_row(spec, pairs, findings[f"One {spec}"]) for spec in KeyPairSpec],
    )
    write_done("")
    write_facts(
        [
            ("One pair", "generated and wrapped, median, by doctor"),
            ("generate, decrypt", "whole commands in a running process, median"),
            ("New process", f"{median(commands.process_seconds):.2f} s a command"),
            ("Engine", findings["Prime engine"]),
            ("OpenSSL", openssl or "NOT INSTALLED, so it has read none of the keys"),
        ]
    )
    write_done("")
    refused = [p.name for p in pairs if False in (p.openssl, p.cryptography)]
    if refused:
        raise Failure(
            f"not accepted: {', '.join(refused)}.", code="Demo", exit_code=REFUSED
        )
    readers = "OpenSSL and cryptography" if openssl else "cryptography (no OpenSSL)"
    write_done(f"All {len(pairs)} pairs opened after the rotation.")
    write_done(f"Each private key and its public half: accepted by {readers}, as far")
    write_done("as they know its kind.")


def _row(spec: KeyPairSpec, pairs: list[Pair], one_pair: str) -> tuple[str, ...]:
    mine = [pair for pair in pairs if pair.spec is spec]
    # The first of each spec ran in a process of its own, mostly the start of Python.
    inside = mine[1:]
    by_openssl = [pair.openssl for pair in mine if pair.openssl is not None]
    by_cryptography = [p.cryptography for p in mine if p.cryptography is not None]
    return (
        spec,
        one_pair.partition(" (")[0],
        f"{median(pair.generate_seconds for pair in inside) * 1000:.0f} ms",
        f"{median(pair.decrypt_seconds for pair in inside) * 1000:.0f} ms",
        _accepted(by_openssl),
        _accepted(by_cryptography),
    )


def _accepted(answers: list[bool]) -> str:
    return f"{sum(answers)} of {len(answers)}" if answers else "not asked"


def _step(command: str, work: Callable[[], Answer], made: str = "") -> Answer:
    """Do a step and say what it was and how long it took."""
    begun = time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - begun
    text = f"pairsmith {command}"
    write_done(f"{text:<{COMMAND_COLUMNS}}{seconds:6.2f} s  {made}".rstrip())
    return answer


def _folder(keep: Path | None, stack: ExitStack) -> Path:
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="pairsmith-demo-"))
        stack.callback(shutil.rmtree, folder)
        return folder
    try:
        keep.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise Failure(
            f"{keep} exists already; the demo wants a new folder.",
            code="FileExists",
            exit_code=REFUSED,
        ) from None
    return keep.absolute()
