"""``pairsmith doctor``: is this instance well, and how fast is this machine?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pairsmith.cli import machine_findings as machine
from pairsmith.cli.failures import ENVIRONMENT, printable
from pairsmith.cli.findings import Finding, Verdict
from pairsmith.cli.instance_findings import instance_findings
from pairsmith.cli.output import write_json, write_line
from pairsmith.cli.server_findings import server_findings
from pairsmith.cli.settings import Command, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

STYLES = {Verdict.GOOD: "green", Verdict.NOTE: "yellow", Verdict.PROBLEM: "bold red"}


@click.command(cls=Command)
@click.option("--quick", is_flag=True, help="Generate nothing; look only.")
@click.pass_context
def doctor(ctx: click.Context, quick: bool) -> None:  # noqa: FBT001 -- click's way
    """Look whether all is well, and how fast this machine is.

    Engine, self-tests, database, permissions, root key, pending rotations, the
    server's certificates, one pair of each spec.

    Ends with exit code 3 if there is a problem. The times are of a throw-away instance;
    the search for a prime is a matter of luck, so those of RSA vary widely.
    """
    settings = ctx.ensure_object(Settings)
    findings = []
    for finding in _examined(settings, timing=not quick):
        findings.append(finding)
        if not settings.json:
            _show(finding)
    problems = sum(finding.verdict is Verdict.PROBLEM for finding in findings)
    if settings.json:
        write_json(
            {"Problems": problems, "Findings": [_facts(each) for each in findings]}
        )
    elif problems:
        click.echo(f"{problems} problem{'s' * (problems > 1)}", err=True)
    if problems:
        ctx.exit(ENVIRONMENT)


def _examined(settings: Settings, *, timing: bool) -> Iterator[Finding]:
    """Everything there is to look at, one finding after the other."""
    yield from machine.software()
    engine = machine.engine()
    yield engine
    well = engine.verdict is not Verdict.PROBLEM
    if well:
        for finding in machine.self_tests():
            well &= finding.verdict is not Verdict.PROBLEM
            yield finding
    yield from instance_findings(settings)
    yield from server_findings()
    if timing and well:
        yield from machine.times()


def _show(finding: Finding) -> None:
    """One line as soon as it is known, for some take a second."""
    from rich.text import Text

    line = Text()
    line.append(f"{finding.verdict:<8}", STYLES[finding.verdict])
    line.append(f"{finding.subject:<13} ", "bold")
    line.append(printable(finding.text))
    write_line(line)
    if finding.next_step:
        write_line(Text(f"{'':22}{printable(finding.next_step)}"))


def _facts(finding: Finding) -> dict[str, str]:
    facts = {
        "Subject": finding.subject,
        "Verdict": str(finding.verdict),
        "Text": finding.text,
        "Next": finding.next_step,
    }
    return {name: fact for name, fact in facts.items() if fact}
