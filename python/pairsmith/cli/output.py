"""Answers: one JSON document for programs, a table for people."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pairsmith.cli.failures import printable
from pairsmith.cli.standard_output import write_out, written_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, RenderableType
    from rich.text import Text

PADDING = 3
"""Columns between two columns of a table."""

FOLDED = 15
"""Columns that text needs at least to be readable when it is folded."""

UNWRAPPED = 10_000
"""Columns where no person looks: a pipe gets each row on one line, never cut."""


def write_json(document: object) -> None:
    """One JSON document on stdout; bytes as Base64, everything in ASCII."""
    write_out(f"{json.dumps(document, indent=2, default=as_text)}\n")


def write_done(text: str) -> None:
    """One sentence that says what was done."""
    write_out(f"{printable(text)}\n")


def write_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    folding: Sequence[str] = (),
) -> None:
    """Rows under headings; columns of numbers to the right.

    Only the columns named in ``folding`` may break: half an id is of no use.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = terminal()
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    listed = [[Text(_shown(cell)) for cell in row] for row in rows]
    for number, column in enumerate(columns):
        figures = all(_is_figure(row[number].plain) for row in listed)
        table.add_column(
            column,
            justify="right" if listed and figures else "left",
            overflow="fold",
            no_wrap=column not in folding,
        )
    for row in listed:
        table.add_row(*row)
    if console.width < _least_width(columns, listed, folding):
        console.width = UNWRAPPED
    _write(console, table)


def write_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, one to a line; those without a value left out."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, ""):
            grid.add_row(name, Text(_shown(value)))
    _write(terminal(), grid)


def write_line(line: RenderableType) -> None:
    """One line with styles, which may break anywhere."""
    _write(terminal(), line, soft_wrap=True)


def terminal(*, stderr: bool = False) -> Console:
    """The screen, or a stand-in without colours, borders and folding for a pipe."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(
            stderr=stderr, highlight=False, width=UNWRAPPED, color_system=None
        )
    return console


def forgive_narrow_encodings() -> None:
    """Let a terminal that lacks a script show escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _least_width(
    columns: Sequence[str], rows: Sequence[Sequence[Text]], folding: Sequence[str]
) -> int:
    """What the table needs, lest rich cut an id; a narrower screen breaks lines."""
    needed = 0
    for number, column in enumerate(columns):
        cells = [len(row[number]) for row in rows]
        widest = max([len(column), *cells])
        needed += PADDING + (min(widest, FOLDED) if column in folding else widest)
    return needed


def _write(
    console: Console, renderable: RenderableType, *, soft_wrap: bool = False
) -> None:
    """Write; for a pipe without the spaces that fill up a line."""
    with written_out():
        if console.is_terminal:
            console.print(renderable, soft_wrap=soft_wrap)
            return
        with console.capture() as captured:  # which flushes what is behind it, too
            console.print(renderable, soft_wrap=soft_wrap)
    lines = captured.get().splitlines() or [""]
    write_out("".join(f"{line.rstrip()}\n" for line in lines))


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, timedelta):
        days, rest = divmod(value, timedelta(days=1))
        return f"{days} days" if not rest else str(value)
    return printable(str(value))


def _is_figure(text: str) -> bool:
    number, _, _unit = text.partition(" ")
    return number.replace(".", "", 1).replace(",", "").isdigit()


def as_text(value: object) -> str:
    """What JSON has no form for: bytes become Base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)
