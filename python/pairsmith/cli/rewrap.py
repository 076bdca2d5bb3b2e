"""``pairsmith rewrap``: put every key under another root key."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pairsmith.cli.failures import ENVIRONMENT
from pairsmith.cli.opening import opened
from pairsmith.cli.output import terminal, write_done, write_json
from pairsmith.cli.settings import Command, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@click.command(cls=Command)
@click.option("--to", "new_root_key", metavar="SPEC",
              help="file:PATH, env:NAME or command:PROGRAM. "
              "[default: a new key in the root key's file]")  # fmt: skip
@click.pass_context
def rewrap(ctx: click.Context, new_root_key: str | None) -> None:
    """Wrap every key version under a new root key.

    Interrupted, it is taken up by the same command, and everything works meanwhile.
    Afterwards only the new root key opens the database: back it up.
    """
    settings = ctx.ensure_object(Settings)
    # A killed one may have come as far as to need the new root key for opening.
    with (
        opened(settings, other_root_key=new_root_key) as instance,
        _progress(settings) as progress,
    ):
        report = instance.rewrap(new_root_key, progress)
    if settings.json:
        write_json(
            {
                "RootKeyId": report.root_key_id,
                "Rewrapped": report.rewrapped,
                "Damaged": report.damaged_versions,
            }
        )
    else:
        # None are left to move if a killed one had come as far as to its last step.
        moved = f"{report.rewrapped}" if report.rewrapped else "All"
        write_done(f"{moved} key versions are under root key {report.root_key_id}.")
        write_done("Back it up now: nothing else opens the database.")
        for version in report.damaged_versions:
            write_done(
                f"{version} did not open and stays: restore it from a backup, and keep "
                "the root key of that time for it."
            )
    if report.damaged_versions:
        ctx.exit(ENVIRONMENT)


@contextmanager
def _progress(settings: Settings) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr while a person watches; nothing otherwise."""
    console = terminal(stderr=True)
    if settings.json or not console.is_terminal:
        yield None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("Re-wrapping", total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)
