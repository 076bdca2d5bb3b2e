"""The bars of ``pairsmith bulk``, on stderr and only while a person watches."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pairsmith.cli.output import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, Task, TaskID

    from pairsmith.cli.settings import Settings

TEN = 10


@contextmanager
def progress_bar(
    settings: Settings, title: str
) -> Iterator[Callable[[int, int], object]]:
    """One bar with rate and time left, told what is done and of how much."""
    with _bars(settings) as bars:
        if bars is None:
            yield lambda _done, _total: None
            return
        tasks: list[TaskID] = []

        def tell(done: int, total: int) -> None:
            if not tasks:
                # What was there before counts, but not for the rate.
                tasks.append(bars.add_task(title, completed=done, total=total))
            bars.update(tasks[0], completed=done, total=total)

        yield tell


@contextmanager
def stage_bars(settings: Settings) -> Iterator[Callable[[str, int, int], object]]:
    """A bar for every stage, told its name, what is done and of how much."""
    with _bars(settings) as bars:
        if bars is None:
            yield lambda _stage, _done, _total: None
            return
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tell


@contextmanager
def _bars(settings: Settings) -> Iterator[Progress | None]:
    console = terminal(stderr=True)
    if settings.json or not console.is_terminal:
        yield None
        return
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """How many a second; less than ten with a decimal."""

        def render(self, task: Task) -> Text:
            return Text(shown_rate(task.speed), style="progress.data.speed")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        RateColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield bars


def shown_rate(speed: float | None) -> str:
    """A rate as the bar shows it; nothing while it is not known."""
    if speed is None:
        return ""
    return f"{speed:,.0f}/s" if speed >= TEN else f"{speed:.1f}/s"
