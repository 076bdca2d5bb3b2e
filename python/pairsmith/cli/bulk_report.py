"""``pairsmith bulk verify``: is all there, whole, and as it should be?"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from pairsmith.cli.bulk_progress import stage_bars
from pairsmith.cli.failures import ENVIRONMENT
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_done, write_facts, write_json
from pairsmith.cli.settings import Command, Settings

if TYPE_CHECKING:
    from pairsmith.bulk import Finding, Report

SHOWN = 50
"""Findings on a screen; --json has more of them."""


@click.command(cls=Command)
@click.argument("out", metavar="DIR|FILE")
@click.option("--sample", type=click.IntRange(min=1), default=100, show_default=True,
              metavar="N", help="How many records are opened.")  # fmt: skip
@click.option("--no-open", is_flag=True, help="Open none; no instance is needed.")
@click.option("--no-gcd", is_flag=True, help="Do not search RSA moduli for primes.")
@click.pass_context
def verify(
    ctx: click.Context,
    out: str,
    *,
    sample: int,
    no_open: bool,
    no_gcd: bool,
) -> None:
    """Look whether DIR or FILE is what its manifest says.

    Every shard is hashed, every record read and compared, a sample opened, and all RSA
    moduli searched for common primes. Ends with exit code 3 if anything is wrong.
    """
    settings = ctx.ensure_object(Settings)
    from pairsmith import bulk

    instance = nullcontext() if no_open else opened(settings)
    with instance as opener, stage_bars(settings) as told:
        report = bulk.verify(out, opener, sample=sample, gcd=not no_gcd, progress=told)
    if settings.json:
        write_json(_facts_of(report, opened=not no_open))
    else:
        _show(report, opened=not no_open, compared=not no_gcd)
    if report.problems:
        ctx.exit(ENVIRONMENT)


def _show(report: Report, *, opened: bool, compared: bool) -> None:
    from pairsmith.bulk.halves import modulus_bytes

    job = report.manifest.job
    shards = len(report.manifest.shards)
    moduli = f"{report.moduli:,} compared" if compared else "not compared"
    write_facts(
        [
            ("Job", f"{job.count:,} {job.key_pair_spec}, {job.key_format}"),
            ("Key", job.key_id),
            ("Shards", f"{report.shards:,} of {shards:,} whole"),
            ("Records", f"{report.records:,} of {job.count:,} read"),
            ("Opened", f"{report.opened:,} that fit" if opened else "none"),
            ("Moduli", moduli if modulus_bytes(job.key_pair_spec) else None),
        ]
    )
    for finding in report.findings[:SHOWN]:
        write_done(f"problem  {finding}")
    if report.problems > SHOWN:
        write_done(f"and {report.problems - SHOWN:,} more")
    count = report.problems
    write_done(f"{count:,} problem{'s' * (count > 1)}" if count else "All is well.")


def _facts_of(report: Report, *, opened: bool) -> dict[str, object]:
    return {
        "Problems": report.problems,
        "Findings": [_facts(each) for each in report.findings],
        "Job": report.manifest.job.to_dict(),
        "Shards": report.shards,
        "Records": report.records,
        "Opened": report.opened if opened else None,
        "Moduli": report.moduli,
    }


def _facts(finding: Finding) -> dict[str, object]:
    facts = {"File": finding.file, "Line": finding.line, "Text": finding.text}
    return {name: fact for name, fact in facts.items() if fact is not None}
