"""The load, as tables in Markdown."""

import statistics
from collections.abc import Iterable, Sequence

from benches.server_load.checkouts import AFTER, BEFORE, WORKERS
from benches.server_load.generator import Measured
from benches.server_load.load import SLOTS, Case, Load
from benches.server_load.machine import machine
from benches.server_load.requests import HEALTH, REFUSED

GOAL, REFUSED_GOAL = 4, 2.5
"""How much more processor time than the page operations and refusals may take."""


def print_load(load: Load, seconds: float) -> None:
    """Everything: by what it was measured, the figures, and the floors."""
    rounds = len(load.flush_us)
    print(f"{machine()}; {WORKERS} workers, plain HTTP on the loopback, wrk beside "
          f"them;\nmedians of {rounds} rounds of {seconds:g} s, and their range.\n"
          f"One signature check alone: {load.signature_check_us:.0f} µs of a processor."
          f"\nOne flush of the disk alone: {spread(load.flush_us)} µs.\n")  # fmt: skip
    if BEFORE in load.rounds:
        print_comparison(load)
    else:
        print_figures(load.rounds[AFTER])
    print_floors(load)


def print_figures(rounds: dict[Case, list[Measured]]) -> None:
    """One commit alone: the table of docs/server.md."""
    print_header("request", "slots", "connections", "answers per second", "p50 ms",
                "p99 ms", "server, µs of processor", "wrk, µs", "answers")  # fmt: skip
    for case, measured in rounds.items():
        print_row(
            case.kind, case.slots, case.connections,
            rates(measured),
            spread([each.p50_ms for each in measured], 1),
            spread([each.p99_ms for each in measured], 1),
            spread([each.server_us for each in measured]),
            spread([each.client_us for each in measured]),
            answer_counts(measured),
        )  # fmt: skip


def print_comparison(load: Load) -> None:
    """Two commits, with the ratio of their medians: after over before."""
    print_header(
        "request", "slots", "connections",
        "answers per second before", "after", "ratio",
        "server, µs of processor before", "after", "ratio",
        "p50 ms before", "after", "p99 ms before", "after", "answers before", "after",
    )  # fmt: skip
    for case in load.cases():
        before, after = load.rounds[BEFORE][case], load.rounds[AFTER][case]
        both = (before, after)
        print_row(
            case.kind, case.slots, case.connections,
            *map(rates, both),
            ratio(*([each.answers / each.seconds for each in one] for one in both)),
            *(spread([each.server_us for each in one]) for one in both),
            ratio(*([each.server_us for each in one] for one in both)),
            *(spread([each.p50_ms for each in one], 1) for one in both),
            *(spread([each.p99_ms for each in one], 1) for one in both),
            *map(answer_counts, both),
        )  # fmt: skip


def print_floors(load: Load) -> None:
    """Each request beside the page that does nothing, and beside the disk."""
    roles = list(load.rounds)
    print(
        f"\nFloors: the server's processor time divided by that of `{HEALTH}` with as "
        f"many connections\n(goal: at most {GOAL} for operations, {REFUSED_GOAL} for a "
        "refused signature), and with one\nconnection the median latency minus one "
        "flush of the disk.\n"
    )
    print_header(
        "request", "connections", *(f"ratio {role}" for role in roles),
        "goal", "met", *(f"p50 − flush, µs {role}" for role in roles),
    )  # fmt: skip
    for case in load.cases():
        if case.kind == HEALTH or case.slots != SLOTS:
            continue
        goal = REFUSED_GOAL if case.kind == REFUSED else GOAL
        times = {role: load.times_health(role, case) for role in roles}
        is_met = statistics.median(times[AFTER]) <= goal
        print_row(
            case.kind, case.connections,
            *(spread(each, 2) for each in times.values()),
            goal, "yes" if is_met else "**no**",
            *(beyond_flush(load, role, case) for role in roles),
        )  # fmt: skip


def beyond_flush(load: Load, role: str, case: Case) -> str:
    """Of one connection, where the answer waits for one flush alone."""
    waits_for_one = case.connections == 1 and case.kind != REFUSED
    return spread(load.beyond_flush_us(role, case)) if waits_for_one else ""


def print_header(*heads: str) -> None:
    """The beginning of a table."""
    print_row(*heads)
    print("|---" * len(heads) + "|")


def print_row(*cells: object) -> None:
    """One row."""
    print(f"| {' | '.join(map(str, cells))} |")


def rates(measured: Iterable[Measured]) -> str:
    """Answers per second."""
    return spread([each.answers / each.seconds for each in measured])


def ratio(before: Sequence[float], after: Sequence[float]) -> str:
    """That of their medians."""
    return f"{statistics.median(after) / max(statistics.median(before), 1e-9):.2f}"


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median, and from where to where they are."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def answer_counts(measured: Sequence[Measured]) -> str:
    """How many answers, and how many of them were no success."""
    total = sum(each.answers for each in measured)
    refused = sum(each.refused for each in measured)
    broken = sum(each.broken for each in measured)
    return f"{total:,}" + (f", {refused:,} refused" if refused else "") + (
        f", {broken:,} broken" if broken else ""
    )  # fmt: skip
