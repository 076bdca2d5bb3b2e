"""Raw results into the report: the template's text, tables and plots."""

import re
from collections.abc import Callable
from pathlib import Path

from . import tables
from .plots import PLOTS, draw_all
from .results import FOLDER, Results

TEMPLATE = Path(__file__).parent / "template.md"
PLACE = re.compile(r"\{\{ ([\w ]+) \}\}")

TEXTS: dict[str, tuple[tuple[str, ...], Callable[[Results], str]]] = {
    "caution": ((), tables.caution),
    "goals": ((), tables.goals_table),
    "machine": ((), tables.machine_table),
    "runs": ((), tables.runs_table),
    "keygen": (("keygen",), tables.keygen_tables),
    "pairs": (("pairs",), tables.pairs_table),
    "kinds": (("kinds",), tables.kinds_table),
    "batch": (("pairs",), tables.batch_table),
    "workers": (("workers",), tables.workers_table),
    "bulk": (("bulk",), tables.bulk_table),
    "latency": (("latency",), tables.latency_table),
    "memory": (("memory",), tables.memory_table),
    "lanes": (("lanes",), tables.lanes_table),
    "commit": (("commit",), tables.commit_table),
    "work": (("work",), tables.work_table),
    "threads": (("threads",), tables.threads_table),
    "profile": (("profile",), tables.profile_table),
}
"""What stands in the template's places, and the sections that it takes."""

ALTERNATIVES = {
    "pairs": "Time for one pair by spec and library, on a log scale",
    "workers": "Pairs a second against worker threads",
    "latency": "Distribution of the time until a caller has a pair",
}
"""What a plot shows, for those who do not see it."""


def render(results: Results, folder: Path) -> None:
    """Write ``benchmarks.md``, and its plots into the folder of the results."""
    draw_all(results, folder / FOLDER)
    (folder / "benchmarks.md").write_text(page(results), "utf-8")


def page(results: Results) -> str:
    """The report as Markdown; nothing is drawn."""
    return PLACE.sub(
        lambda place: filled(place[1], results), TEMPLATE.read_text("utf-8")
    )


def filled(place: str, results: Results) -> str:
    """What stands in a place of the template.

    Raises:
        KeyError: There is no such thing.
    """
    kind, _, name = place.partition(" ")
    if kind == "plot":
        sections, _ = PLOTS[name]
    else:
        sections, write = TEXTS[place]
    if missing := [section for section in sections if section not in results]:
        return not_measured(missing)
    return plot(name) if kind == "plot" else write(results)


def plot(name: str) -> str:
    """A picture that follows the reader's theme."""
    source = f"{FOLDER}/{name}"
    return (
        f'<picture>\n<source media="(prefers-color-scheme: dark)" '
        f'srcset="{source}-dark.svg">\n'
        f'<img src="{source}-light.svg" alt="{ALTERNATIVES[name]}">\n</picture>'
    )


def not_measured(sections: list[str]) -> str:
    """Say so, and how to."""
    words = " ".join(f"--only {section}" for section in sections)
    return f'Not measured here yet: `make bench-report ARGS="{words}"`.'
