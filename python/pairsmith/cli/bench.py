"""``pairsmith bench``: how fast is this machine, and how fast are others on it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pairsmith.cli.output import terminal, write_done, write_json, write_table
from pairsmith.cli.settings import Command, Settings
from pairsmith.kinds import KeyPairSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pairsmith.bench import Contender, Results

SPECS = tuple(map(str, KeyPairSpec))
THREE_DIGITS = 100
NOISY = 0.02
"""A larger share of waiting for a CPU makes figures doubtful."""


@click.command(cls=Command)
@click.option("--spec", "specs", multiple=True, type=click.Choice(SPECS),
              default=SPECS[:3], show_default="the three of RSA",
              help="A kind of pair; may be given again.")  # fmt: skip
@click.option("--engine", "engines", multiple=True,
              type=click.Choice(("auto", "portable", "avx512ifma")),
              show_default="all of this machine",
              help="A prime engine of ours; may be given again.")  # fmt: skip
@click.option("--rival", "rivals", multiple=True,
              type=click.Choice(("cryptography", "pycryptodome")),
              show_default="those installed",
              help="Whom to compare with, besides cryptography.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=20.0,
              show_default=True, help="How long for each spec.")  # fmt: skip
@click.option("--keys", type=click.IntRange(min=1),
              help="Keys of each generator, however long that takes.")  # fmt: skip
@click.option("--pairwise-test", is_flag=True,
              help="Our engines with the pairwise test, too.")  # fmt: skip
@click.pass_context
def bench(
    ctx: click.Context,
    specs: Sequence[str],
    engines: Sequence[str],
    rivals: Sequence[str],
    seconds: float,
    keys: int | None,
    *,
    pairwise_test: bool,
) -> None:
    """Compare generators of key pairs, in turns, on one thread each.

    Ours is measured whole: search, proof, encoding and wrapping. Rivals only generate.
    How long an RSA key takes is a matter of luck: look at the interval of the ratio,
    and give it more time until that is narrow.
    """
    from pairsmith import bench as measuring

    ours = measuring.engines(engines)
    if pairwise_test:
        ours += map(measuring.tested, ours.copy())
    contenders = [*ours, *measuring.rivals(rivals)]
    # A spec given twice is measured once.
    results = [
        _measured(contenders, spec, keys, seconds) for spec in dict.fromkeys(specs)
    ]
    if ctx.ensure_object(Settings).json:
        write_json(
            {"Results": [_facts(each, rows) for rows in results for each in rows]}
        )
        return
    show(results)


def show(results: Iterable[Sequence[Results]]) -> None:
    """A table for each spec, and what is to be known about it."""
    noise = 0.0
    for rows in results:
        write_table(
            (
                rows[0].spec,
                "Keys",
                "Mean ms",
                "± s.e.",
                "Median ms",
                "Speed",
            ),
            [_row(each, rows) for each in rows],
        )
        write_done("")
        noise = max(noise, *(each.waited or 0.0 for each in rows))
    write_done(
        "Speed is relative to cryptography, with its interval of 95 %. Ours includes "
        "proof, encoding and wrapping; rivals only generate."
    )
    if noise > NOISY:
        write_done(
            f"The machine was not quiet: {noise:.0%} of a generator's time went by "
            "waiting for a CPU."
        )


def _measured(
    contenders: Sequence[Contender], spec: str, keys: int | None, seconds: float
) -> list[Results]:
    """Measure with a live bar on stderr, if a person looks at it."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from pairsmith.bench import measure

    columns = (
        TextColumn("{task.fields[spec]:<9}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    console = terminal(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=1.0, spec=spec)

        def tell(name: str, share: float) -> None:
            bar.update(task, completed=min(share, 1.0), description=name)

        return measure(contenders, spec, keys=keys, seconds=seconds, progress=tell)


def _row(each: Results, rows: Sequence[Results]) -> tuple[object, ...]:
    return (
        each.label,
        len(each.seconds),
        _milliseconds(each.mean),
        _milliseconds(each.standard_error),
        _milliseconds(each.median),
        _speed(each, rows),
    )


def _milliseconds(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:.0f}" if value >= THREE_DIGITS else f"{value:.3g}"


def _speed(each: Results, rows: Sequence[Results]) -> str:
    from pairsmith.bench import speed_up

    if each.name == "cryptography":
        return "1"
    value, low, high = speed_up(_yardstick(rows), each)
    return f"{value:.3g} ({low:.3g} to {high:.3g})"


def _facts(each: Results, rows: Sequence[Results]) -> dict[str, object]:
    from pairsmith.bench import speed_up

    value, low, high = speed_up(_yardstick(rows), each)
    speed = {"Value": round(value, 3), "Low": round(low, 3), "High": round(high, 3)}
    return {**each.to_dict(), "SpeedOverCryptography": speed}


def _yardstick(rows: Sequence[Results]) -> Results:
    return next(each for each in rows if each.name == "cryptography")
