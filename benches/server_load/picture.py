"""The load as a picture: answers per second and processor time, before and after.

``python -m benches.server_load.picture JSON PATH [--parts FILE]`` draws what ``--json``
has written; nothing is measured. NAME.svg becomes NAME-light.svg and NAME-dark.svg, in
the style of the plots of ``benches.report``.
"""

import argparse
import hashlib
import json
import statistics
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from benches.report.plots import DIGEST, THEMES, Theme, style
from benches.server_load.checkouts import AFTER, BEFORE
from benches.server_load.load import SLOTS
from benches.server_load.requests import HEALTH
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

CONNECTIONS = (16, 128)
BAR = 0.38
"""Height of a bar; two of them and a gap are 1."""

OPACITIES = (1, 0.6, 0.35)
"""For three parts each, whose colours are the same."""
LEGEND_COLUMNS = 3

Document = dict[str, Any]
Row = tuple[str, int]
"""A kind of request and its connections; without a kind it is a heading."""
Value = Callable[[Document, str, str, int], float]
Parts = dict[str, dict[str, float]]
"""Microseconds of each part, by the operation that they are parts of."""


def draw(document: Document, path: Path, parts_file: Path | None = None) -> None:
    """Draw both themes.

    Args:
        document: What ``--json`` writes.
        path: ``.svg``, or ``.png`` to look at.
        parts_file: ``{"part": microseconds, …}``, or such an object for each of several
            operations; drawn as one bar for each.
    """
    parts = read_parts(parts_file) if parts_file else {}
    drawn_from = json.dumps([document, parts], sort_keys=True).encode()
    told = {"Description": DIGEST + hashlib.sha256(drawn_from).hexdigest()}
    for theme in THEMES:
        space = {"figure.constrained_layout.wspace": 0.08}
        with mpl.rc_context(style(theme, "server-load") | space):
            figure = draw_load(document, parts, theme)
            metadata = {**told, "Date": None} if path.suffix == ".svg" else None
            name = f"{path.stem}-{theme.name}{path.suffix}"
            figure.savefig(path.with_name(name), metadata=metadata)


def read_parts(path: Path) -> Parts:
    """The file; one object of numbers is of one operation without a name."""
    read = json.loads(path.read_text("utf-8"))
    is_one = all(isinstance(value, int | float) for value in read.values())
    return {"": read} if is_one else read


def draw_load(document: Document, parts: Parts, theme: Theme) -> Figure:
    """Two panels side by side; below them the parts, if there are any."""
    rows = list(rows_of(document))
    heights = [0.42 * len(rows) + 0.7]
    if parts:
        names = {name for each in parts.values() for name in each}
        heights.append(0.45 * len(parts) + 0.25 * len(names) / LEGEND_COLUMNS + 0.7)
    figure = Figure(figsize=(8, sum(heights)))
    panels = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)
    above = panels[0, 0]
    left, right = above.subplots(1, 2, sharey=True)
    for axes, title, value in (
        (left, "answers per second", answers_per_second),
        (right, "processor time per answer, µs", server_us),
    ):
        axes.set_title(title)
        draw_bars(axes, document, rows, value, theme)
    label_rows(left, rows)
    above.legend(*left.get_legend_handles_labels(), loc="outside lower center",
                 ncols=2, frameon=False)  # fmt: skip
    if parts:
        draw_parts(panels[1, 0].subplots(), parts, theme)
    return figure


def rows_of(document: Document) -> Iterator[Row]:
    """Kinds of requests with their connections; each count begins with a heading."""
    for count in CONNECTIONS:
        yield "", count
        for each in document["requests"]:
            kind = each["kind"]
            is_drawn = kind != HEALTH and each["slots"] == SLOTS
            if is_drawn and each["role"] == AFTER and each["connections"] == count:
                yield kind, count


def draw_bars(
    axes: Axes, document: Document, rows: list[Row], value: Value, theme: Theme
) -> None:
    """A bar for each commit in each row, with its number at its end."""
    roles = [role for role in (BEFORE, AFTER) if role in document["commits"]]
    for number, role in enumerate(roles):
        colour = theme.other if role == BEFORE else theme.ours
        shift = (number - (len(roles) - 1) / 2) * BAR
        places = [place + shift for place, (kind, _) in enumerate(rows) if kind]
        values = [value(document, role, kind, count) for kind, count in rows if kind]
        label = f"{role}: {document['commits'][role]}"
        bars = axes.barh(places, values, BAR, color=colour, label=label)
        axes.bar_label(bars, fmt="{:,.0f}", padding=4, color=colour, size=9)
    axes.set_xlim(0, 1.2 * axes.get_xlim()[1])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="x")


def label_rows(axes: Axes, rows: list[Row]) -> None:
    """Kinds of requests, and headings in bold."""
    labels = [kind or f"{count} connections" for kind, count in rows]
    axes.set_yticks(range(len(rows)), labels)
    for tick, (kind, _) in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("normal" if kind else "bold")


def answers_per_second(document: Document, role: str, kind: str, count: int) -> float:
    """The median of the rounds."""
    return statistics.median(
        each["answers"] / each["seconds"]
        for each in rounds_of(document, role, kind, count)
    )


def server_us(document: Document, role: str, kind: str, count: int) -> float:
    """The median of the rounds."""
    return statistics.median(
        each["server_us"] for each in rounds_of(document, role, kind, count)
    )


def rounds_of(
    document: Document, role: str, kind: str, count: int
) -> list[dict[str, float]]:
    """What was measured of one case."""
    wanted = {"role": role, "kind": kind, "slots": SLOTS, "connections": count}
    (found,) = (each for each in document["requests"] if wanted.items() <= each.items())
    rounds: list[dict[str, float]] = found["rounds"]
    return rounds


def draw_parts(axes: Axes, parts: Parts, theme: Theme) -> None:
    """A stacked bar for each operation, with the microseconds of each part on it."""
    names = list(dict.fromkeys(name for each in parts.values() for name in each))
    longest = max(sum(each.values()) for each in parts.values())
    ends = [0.0] * len(parts)
    for number, name in enumerate(names):
        values = [each.get(name, 0.0) for each in parts.values()]
        colour = (theme.ours, theme.other, theme.third)[number % 3]
        opacity = OPACITIES[number // 3 % len(OPACITIES)]
        bars = axes.barh(
            range(len(parts)), values, 0.7, ends, color=(colour, opacity),
            edgecolor=theme.page, label=f"{name}: {listed(values)}",
        )  # fmt: skip
        on_bar = [f"{each:,.0f}" if each > 0.04 * longest else "" for each in values]
        ink = theme.page if opacity == 1 else theme.text
        axes.bar_label(bars, on_bar, label_type="center", color=ink, size=9)
        ends = [end + each for end, each in zip(ends, values, strict=True)]
    axes.set_title("where the time of one answer goes, µs")
    axes.set_yticks(range(len(parts)), list(parts))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02 * longest)
    axes.figure.legend(loc="outside lower center", ncols=LEGEND_COLUMNS, frameon=False)


def listed(values: Iterable[float]) -> str:
    """One number for each bar; the short ones have no room for theirs."""
    return " / ".join(f"{value:,.0f}" for value in values)


def main() -> None:
    """Draw what was measured before."""
    parser = argparse.ArgumentParser(prog="python -m benches.server_load.picture")
    parser.add_argument("json", type=Path, help="what --json has written")
    parser.add_argument("path", type=Path, help="of the picture, such as NAME.svg")
    parser.add_argument("--parts", type=Path, metavar="FILE",
                        help="JSON of microseconds by part")  # fmt: skip
    chosen = parser.parse_args()
    draw(json.loads(chosen.json.read_text("utf-8")), chosen.path, chosen.parts)


if __name__ == "__main__":
    main()
