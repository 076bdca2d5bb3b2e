"""Figures out of raw results: means, medians, ratios, each with what it is worth."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .results import Results

NORMAL_95 = 1.96
"""Standard errors to either side of a mean that hold 95 % of its distribution."""


@dataclass(frozen=True)
class Figure:
    """A value, how far it may be off, and of how many samples it is.

    Attributes:
        value: The value itself.
        low: Where the true one may begin: of 95 %, or the lower quartile.
        high: Where it may end.
        samples: How many there were.
    """

    value: float
    low: float
    high: float
    samples: int


def middle(values: Sequence[float]) -> Figure:
    """The median with the quartiles."""
    low, value, high = (
        statistics.quantiles(values, n=4, method="inclusive")
        if len(values) > 1
        else values * 3
    )
    return Figure(value, low, high, len(values))


def average(values: Sequence[float]) -> Figure:
    """The mean with its interval of 95 %."""
    error = NORMAL_95 * statistics.stdev(values) / math.sqrt(len(values))
    value = statistics.fmean(values)
    return Figure(value, value - error, value + error, len(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> Figure:
    """The ratio of two means with its interval of 95 %, by the delta method."""
    top, bottom = average(over), average(under)
    relative = math.hypot(*((each.high / each.value - 1) for each in (top, bottom)))
    value, factor = top.value / bottom.value, math.exp(relative)
    samples = min(top.samples, bottom.samples)
    return Figure(value, value / factor, value * factor, samples)


def turn_by_turn(over: Sequence[float], under: Sequence[float]) -> Figure:
    """The median of the ratios of turns that stood side by side."""
    return middle([one / other for one, other in zip(over, under, strict=True)])


def contestant(
    results: Results, section: str, spec: str, **wanted: str | int
) -> dict[str, Any]:
    """The facts of one, by its ``Contestant``, ``Threads`` or ``Processes``.

    Raises:
        LookupError: It did not take part, as two threads do not on one core.
    """
    for each in results[section]["Data"]["Results"]:
        if each["Spec"] == spec and all(each[key] == it for key, it in wanted.items()):
            found: dict[str, Any] = each
            return found
    raise LookupError(f"{section} has no {spec} of {wanted}")


def same_keys(results: Results, bits: int) -> list[list[int]]:
    """Nanoseconds of an earlier commit and of this one, key by key."""
    for each in results["commit"]["Data"]["Results"]:
        if each["Bits"] == bits:
            return list(each["Nanoseconds"].values())
    raise LookupError(f"commit has no keys of {bits} bits")


def generators(results: Results, spec: str) -> list[dict[str, Any]]:
    """All that took part in ``keygen`` with a spec, in the order of their turns."""
    everybody = results["keygen"]["Data"]["Results"]
    return [each for each in everybody if each["Spec"] == spec]


def generator(results: Results, spec: str, name: str) -> dict[str, Any]:
    """One of them by name.

    Raises:
        LookupError: It did not take part, as an engine does not that the CPU lacks.
    """
    for each in generators(results, spec):
        if each["Generator"] == name:
            return each
    raise LookupError(f"keygen has no {name} for {spec}")
