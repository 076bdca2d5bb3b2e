"""``pairsmith rewrap-records``: all stored blobs to another key or version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pairsmith.cli.aad import aad_options, parse_aad
from pairsmith.cli.bulk_progress import progress_bar
from pairsmith.cli.failures import ENVIRONMENT, INTERRUPTED, REFUSED, Failure
from pairsmith.cli.files import refuse_taken, write_files
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_done, write_facts, write_json, write_table
from pairsmith.cli.settings import Command, Settings

if TYPE_CHECKING:
    from pairsmith.bulk import MoveReport

SHOWN = 50
"""Problems on a screen; --json has more of them."""


@click.command("rewrap-records", cls=Command)
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True)
@click.option("--key", "key_id", metavar="KEY",
              help="Only what is under this key. [default: all]")  # fmt: skip
@click.option("--to-key", metavar="KEY", help="The key that is to wrap.")
@click.option("--primary", is_flag=True,
              help="The primary version of the key that does: the default.",
              )  # fmt: skip
@click.option("--advance", is_flag=True,
              help="Make plain ones Advance ones, so that they move to a primary "
              "version.")  # fmt: skip
@aad_options
@click.option("--dry-run", is_flag=True, help="Try all of it and write nothing.")
@click.option("--census", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the census to this file, too.")  # fmt: skip
@click.pass_context
def rewrap_records(
    ctx: click.Context,
    paths: tuple[str, ...],
    *,
    key_id: str | None,
    to_key: str | None,
    primary: bool,
    advance: bool,
    aad: str | None,
    aad_file: str | None,
    dry_run: bool,
    census: Path | None,
) -> None:
    """Move all blobs in files and folders, without showing what is inside.

    Records (.json), answers of encrypt and data-key, JSON Lines, Parquet and bulk jobs.
    Each file is replaced whole, or not at all. Stopped at any moment, even by kill -9,
    the same command goes on. Tells at the end how many blobs each version of each key
    has. Exit code 3 if anything could not be read or moved; the rest was.

    --aad is that of answers of encrypt and data-key; records have their own.
    """
    if primary and to_key is not None:
        raise click.UsageError("Give either --to-key or --primary.")
    settings = ctx.ensure_object(Settings)
    bound_to = parse_aad(aad, aad_file)
    if census is not None:
        _refuse_other(census)
    from pairsmith.bulk import rewrap_records as move

    with opened(settings) as instance, progress_bar(settings, "Bytes") as told:
        try:
            report = move(
                instance,
                paths,
                key_id=key_id or "",
                destination_key_id=to_key or "",
                advance=advance,
                aad=bound_to,
                dry_run=dry_run,
                progress=told,
            )
        except KeyboardInterrupt:
            raise Failure(
                "Stopped; every file is whole, as it was or moved.",
                code="Interrupted",
                exit_code=INTERRUPTED,
                next_step="the same command goes on from there.",
            ) from None
    if census is not None:
        write_files({census: report.census.to_json().encode()}, force=True)
    if settings.json:
        write_json(_facts_of(report, dry_run=dry_run))
    else:
        _show(report, dry_run=dry_run, advance=advance)
    if report.problems:
        ctx.exit(ENVIRONMENT)


def _refuse_other(path: Path) -> None:
    """A census replaces an older census, and nothing else."""
    from pairsmith.bulk import Census
    from pairsmith.errors import InvalidParameter

    is_file = path.is_file()
    try:
        if is_file:
            Census.from_json(path.read_bytes())
    except (OSError, InvalidParameter):
        raise Failure(
            f"{path} exists already and is no census: nothing was done.",
            code="FileExists",
            exit_code=REFUSED,
            next_step="choose another name.",
        ) from None
    refuse_taken([path], force=is_file)


def _show(report: MoveReport, *, dry_run: bool, advance: bool) -> None:
    facts: list[tuple[str, object]] = [
        ("Files", f"{report.files:,} with {report.blobs:,} blobs"),
        ("Left alone", f"{report.others:,} others" if report.others else None),
        ("Would move" if dry_run else "Moved", f"{report.moved:,}"),
    ]
    if report.plain and not advance:
        how = "under an initial version; --advance moves them to the primary one"
        facts.append(("Plain", f"{report.plain:,} {how}"))
    write_facts(facts)
    rows = report.census.rows()
    if rows:
        write_table(
            ("Key", "Version", "Blobs"),
            [(key_id, version or "initial", count) for key_id, version, count in rows],
        )
    for finding in report.findings[:SHOWN]:
        write_done(f"problem  {finding}")
    if report.problems > SHOWN:
        write_done(f"and {report.problems - SHOWN:,} more")
    if report.problems:
        write_done(f"{report.problems:,} problem{'s' * (report.problems > 1)}")


def _facts_of(report: MoveReport, *, dry_run: bool) -> dict[str, object]:
    return {
        "DryRun": dry_run,
        "Files": report.files,
        "Others": report.others,
        "Moved": report.moved,
        "Census": report.census.to_dict(),
        "Problems": report.problems,
        "Findings": [
            {"File": each.file, "Line": each.line, "Text": each.text}
            for each in report.findings
        ],
    }
