"""Faults on request: the next requests are refused, or answered late.

A fault meets requests that would have been served: they are signed, well-formed and
permitted. What is refused gets the documented status, words and body of its API.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pairsmith.errors import CATALOGUE, InvalidParameter, PairsmithError
from pairsmith.server.access.operations import GROUPS, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pairsmith.server.path.exchange import Exchange

ANY = "*"
MOST_REQUESTS = 1_000_000
MOST_DELAY_MS = 600_000
MOST_FAULTS = 1000

ERRORS: dict[str, type[PairsmithError]] = {
    kind.code: kind
    for kind in reversed(CATALOGUE)  # of several with a code, the first
    if kind is not InvalidParameter  # which names a parameter of the request
}
"""What a request may be refused with, by the documented code."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What the next requests for some operations meet.

    Attributes:
        operations: Names or groups as in policies, or ``*``.
        count: How many requests meet it.
        code: What they are refused with; empty if they are served.
        delay_ms: How long their answers are held back.
    """

    operations: tuple[str, ...] = (ANY,)
    count: int = 1
    code: str = ""
    delay_ms: int = 0

    def means(self, operation: str) -> bool:
        """Whether requests for the operation meet it."""
        return any(
            name in (ANY, operation) or operation in GROUPS.get(name, ())
            for name in self.operations
        )

    def content(self) -> dict[str, object]:
        """As it is written in JSON."""
        return {
            "operations": list(self.operations),
            "count": self.count,
            "code": self.code,
            "delay_ms": self.delay_ms,
        }


def parse_fault(given: object) -> Fault:
    """Read a fault as JSON or TOML have it.

    Raises:
        InvalidParameter: Of what is wrong, and what would be right.
    """
    if not isinstance(given, Mapping):
        raise InvalidParameter("fault", "give an object with fields.")
    unknown = given.keys() - {"operations", "count", "code", "delay_ms"}
    if unknown:
        raise InvalidParameter(min(map(str, unknown)), "there is no such field.")
    fault = Fault(
        operations=_operations(given.get("operations", [ANY])),
        count=_number("count", given.get("count", 1), 1, MOST_REQUESTS),
        code=_code(given.get("code", "")),
        delay_ms=_number("delay_ms", given.get("delay_ms", 0), 0, MOST_DELAY_MS),
    )
    if not fault.code and not fault.delay_ms:
        raise InvalidParameter("code", "give a code, a delay_ms, or both.")
    return fault


class Faults:
    """The faults that wait for requests; the first that means one is met.

    Safe for threads.

    Args:
        waiting: Those there are from the start.
    """

    def __init__(self, waiting: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._waiting = list(waiting)

    def add(self, fault: Fault) -> None:
        """Let one more wait, behind the others.

        Raises:
            InvalidParameter: There are too many.
        """
        with self._lock:
            if len(self._waiting) >= MOST_FAULTS:
                raise InvalidParameter("faults", "there are too many: reset them.")
            self._waiting.append(fault)

    def waiting(self) -> list[Fault]:
        """Those that wait, with how many requests each is still to meet."""
        with self._lock:
            return list(self._waiting)

    def reset(self) -> None:
        """Forget them all."""
        with self._lock:
            self._waiting.clear()

    def meet(self, exchange: Exchange) -> None:
        """Let a request that would be served meet the first fault that means it.

        Raises:
            PairsmithError: The fault's.
        """
        fault = self._take(exchange.operation)
        if fault is None:
            return
        exchange.delay_seconds = fault.delay_ms / 1000
        if fault.code:
            raise ERRORS[fault.code]

    def _take(self, operation: str) -> Fault | None:
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.means(operation):
                    left = replace(fault, count=fault.count - 1)
                    self._waiting[place : place + 1] = [left] if left.count else []
                    return fault
        return None


def _operations(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise InvalidParameter("operations", 'give a list such as ["Decrypt"].')
    for name in given:
        if not isinstance(name, str) or name not in {ANY, *OPERATIONS, *GROUPS}:
            raise InvalidParameter(
                "operations",
                f"{name!r} is neither an operation nor one of {', '.join(GROUPS)}.",
            )
    return tuple(given)


def _number(name: str, given: object, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise InvalidParameter(name, "give a whole number.")
    if not least <= given <= most:
        raise InvalidParameter(name, f"give {least} to {most}.")
    return given


def _code(given: object) -> str:
    if isinstance(given, str) and (not given or given in ERRORS):
        return given
    raise InvalidParameter("code", f"give one of {', '.join(sorted(ERRORS))}.")
