"""The plots of the report: each once for light pages and once for dark ones.

Colours are of Okabe and Ito's palette, darker on white, which colour-blind readers tell
apart; every mark is labelled where it stands, and ours differ in shape, too.
"""

import hashlib
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from .figures import contestant, generators
from .results import Results

SPECS = ("RSA_4096", "RSA_3072", "RSA_2048", "EC_P256K", "EC_P256")
LABELS = {
    "batch": "Pairsmith, a batch",
    "instance": "Pairsmith, one at a time",
    "pairsmith avx512ifma": "Pairsmith, one at a time",
    "pairsmith portable": "Pairsmith, portable engine",
    "cryptography": "cryptography (OpenSSL)",
    "by hand": "cryptography (OpenSSL)",
    "pycryptodome": "pycryptodome",
    "rsa": "rsa crate",
    "aws-lc-rs": "aws-lc-rs",
}
DIGEST = "Drawn from results with the SHA-256 "


@dataclass(frozen=True)
class Theme:
    """The colours of a page, and of what is drawn on it."""

    name: str
    page: str
    text: str
    faint: str
    ours: str
    other: str
    third: str


THEMES = (
    Theme("light", "#ffffff", "#1f2328", "#d1d9e0", "#0072B2", "#C24E00", "#00795A"),
    Theme("dark", "#0d1117", "#e6edf3", "#30363d", "#56B4E9", "#E69F00", "#2FC39A"),
)


def draw_all(results: Results, folder: Path, ending: str = "svg") -> None:
    """Draw every plot whose sections were measured, in both themes."""
    for name, (sections, draw) in PLOTS.items():
        if not all(section in results for section in sections):
            continue
        for theme in THEMES:
            with mpl.rc_context(style(theme, name)):
                figure = draw(results, theme)
                path = folder / f"{name}-{theme.name}.{ending}"
                told = {"Description": DIGEST + digest(results, name), "Date": None}
                metadata = told if ending == "svg" else None
                figure.savefig(path, metadata=metadata)


def digest(results: Results, name: str) -> str:
    """What a plot is drawn from, as a hash: a drawing of other results has another."""
    sections, _ = PLOTS[name]
    data = [results[section]["Data"] for section in sections]
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def style(theme: Theme, name: str) -> dict[str, Any]:
    """Without boxes and ticks; the same file for the same results."""
    return {
        "figure.facecolor": theme.page, "axes.facecolor": theme.page,
        "savefig.facecolor": theme.page, "text.color": theme.text,
        "axes.labelcolor": theme.text, "axes.edgecolor": theme.faint,
        "xtick.color": theme.text, "ytick.color": theme.text,
        "grid.color": theme.faint, "grid.linewidth": 0.6, "axes.axisbelow": True,
        "axes.spines.top": False, "axes.spines.right": False,
        "axes.spines.left": False, "xtick.major.size": 0, "ytick.major.size": 0,
        "font.size": 10, "axes.titlesize": 10, "axes.titleweight": "bold",
        "axes.titlelocation": "left", "figure.constrained_layout.use": True,
        "svg.hashsalt": name, "svg.fonttype": "path", "savefig.dpi": 110,
    }  # fmt: skip


def draw_pairs(results: Results, theme: Theme) -> Figure:
    """Time per pair by spec and library, on a log scale."""
    groups = {spec: times(results, spec) for spec in SPECS[::-1]}
    rows = sum(len(group) + 1 for group in groups.values())
    figure = Figure(figsize=(8, 0.235 * rows + 0.6))
    axes = figure.subplots()
    axes.set_xscale("log")
    place = 0.0
    rows_at: list[tuple[float, str]] = []
    for spec, group in groups.items():
        rows_at.append((place, spec))
        for label, seconds in sorted(group.items(), key=lambda item: item[1]):
            place += 1
            colour, marker = mark(label, theme)
            axes.plot(seconds, place, marker, color=colour, markersize=7)
            axes.annotate(duration(seconds), (seconds, place), (8, 0), va="center",
                          textcoords="offset points", color=colour, size=9)  # fmt: skip
            rows_at.append((place, label))
        place += 1.4
    axes.set_yticks(*zip(*rows_at, strict=True))
    for tick, (_, label) in zip(axes.get_yticklabels(), rows_at, strict=True):
        if label in SPECS:
            tick.set_weight("bold")
        else:
            tick.set_color(mark(label, theme)[0])
    axes.set_ylim(place - 0.6, -0.6)
    everything = [seconds for group in groups.values() for seconds in group.values()]
    axes.set_xlim(min(everything) / 3, max(everything) * 5)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x")
    axes.set_xlabel("time for one pair on one thread, log scale")
    return figure


def times(results: Results, spec: str) -> dict[str, float]:
    """Seconds for a pair by label: of RSA by means, of EC by medians."""
    found: dict[str, float] = {}
    for each in results["pairs"]["Data"]["Results"]:
        if each["Spec"] == spec and (label := LABELS.get(each["Contestant"])):
            is_curve = spec.startswith("EC")
            middle = statistics.median if is_curve else statistics.fmean
            found[label] = (
                middle(each["TurnMedians" if is_curve else "TurnMeans"]) / 1e6
            )
    for each in generators(results, spec):
        if label := LABELS.get(each["Generator"]):
            # Without the vector engine the portable one is what there is.
            found[label] = each["MeanMs"] / 1e3
    return found


def draw_workers(results: Results, theme: Theme) -> Figure:
    """Pairs a second against workers; independent processes beside them."""
    figure = Figure(figsize=(8, 3.4))
    for axes, spec in zip(figure.subplots(1, 2), ("RSA_2048", "EC_P256"), strict=True):
        rows = [each for each in results["workers"]["Data"]["Results"]
                if each["Spec"] == spec]  # fmt: skip
        batches = [each for each in rows if each["Processes"] == 1]
        threads = [each["Threads"] for each in batches]
        rates = [rate(each) for each in batches]
        ideal = [rates[0] * each / threads[0] for each in threads]
        axes.plot(threads, ideal, ":", color=theme.text, linewidth=1)
        axes.plot(threads, rates, "o-", color=theme.ours, markersize=7)
        labels = [
            (ideal[-1], f"{threads[-1]} times one", theme.text),
            (rates[-1], f"batch {rates[-1]:,.0f}", theme.ours),
        ]
        for each in rows:
            if each["Processes"] > 1:
                axes.plot(each["Processes"], rate(each), "D", color=theme.other,
                          markersize=9, markerfacecolor="none")  # fmt: skip
                text = f"{each['Processes']} processes {rate(each):,.0f}"
                labels.append((rate(each), text, theme.other))
        axes.annotate(f"{rates[0]:,.0f}", (threads[0], rates[0]), (0, -16), ha="center",
                      textcoords="offset points", color=theme.ours)  # fmt: skip
        axes.set_title(f"{spec}, pairs a second")
        axes.set_xticks(threads)
        margin = max(threads[-1] - threads[0], 1)
        axes.set_xlim(threads[0] - 0.2 * margin, threads[-1] + 0.95 * margin)
        axes.set_ylim(0, 1.15 * max(*ideal, *rates, *map(rate, rows)))
        say_apart(axes, threads[-1] + 0.1 * margin, labels)
        axes.set_xlabel("worker threads")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.grid(axis="y")
    return figure


def rate(facts: dict[str, Any]) -> float:
    """Pairs a second."""
    return 1e6 / statistics.fmean(facts["TurnMeans"])


def say_apart(axes: Axes, x: float, labels: Sequence[tuple[float, str, str]]) -> None:
    """Label heights on the right of ``x``, moved up where two would overlap."""
    free, line = 0.0, 0.075 * axes.get_ylim()[1]
    for height, text, colour in sorted(labels):
        at = max(height, free)
        axes.text(x, at, text, color=colour, va="center")
        free = at + line


def draw_latency(results: Results, theme: Theme) -> Figure:
    """The share of callers that have their pair by then, with and without a pool."""
    figure = Figure(figsize=(8, 3.6))
    axes = figure.subplots()
    axes.set_xscale("log")
    for name, spec, label, colour, left in (
        ("pool", "RSA_2048", "RSA_2048,\nwarm pool", theme.ours, True),
        ("instance", "RSA_2048", "RSA_2048,\nno pool", theme.other, True),
        ("instance", "EC_P256", "EC_P256", theme.third, False),
    ):
        facts = contestant(results, "latency", spec, Contestant=name)
        waits = sorted(each / 1e6 for each in facts["Singles"])
        shares = [(number + 1) / len(waits) for number in range(len(waits))]
        axes.step(waits, shares, where="post", color=colour, linewidth=2)
        half = statistics.median(waits)
        axes.annotate(
            f"{label}\nmedian {duration(half)}", (half, 0.5), (-10 if left else 10, 0),
            textcoords="offset points", color=colour, va="center",
            ha="right" if left else "left",
        )  # fmt: skip
    axes.set_xlim(left=1e-6)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("time until the caller has the pair, log scale")
    axes.set_title("callers that have their pair")
    axes.grid()
    return figure


PLOTS: dict[str, tuple[tuple[str, ...], Callable[[Results, Theme], Figure]]] = {
    "pairs": (("keygen", "pairs"), draw_pairs),
    "workers": (("workers",), draw_workers),
    "latency": (("latency",), draw_latency),
}
"""The sections that each plot is of, and what draws it."""


def mark(label: str, theme: Theme) -> tuple[str, str]:
    """Colour and shape: ours are filled circles, others' are diamonds."""
    return (theme.ours, "o") if label.startswith("Pairsmith") else (theme.other, "D")


def duration(seconds: float) -> str:
    """In the unit that leaves few digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * scale:
            value = seconds / scale
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{seconds / 1e-9:.0f} ns"
