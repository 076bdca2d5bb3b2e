"""What one line of the change log tells: when, what, by whom, about what.

A line is JSON in ASCII, with these fields in this order; docs/audit.md describes them::

    {"sequence":7,"time":"…","operation":"CreateAlias","outcome":"OK",
     "actor":{…},"subjects":{"key_id":["key-…"],…},"details":{…}}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pairsmith.documents import parse_json
from pairsmith.errors import InvalidParameter
from pairsmith.registry.actor import Actor, present_actor
from pairsmith.registry.soundness import moment

OK = "OK"

SUBJECTS = frozenset(
    {
        "key_id",
        "key_version_id",
        "previous_key_version_id",
        "previous_key_id",
        "alias_name",
        "identity_id",
        "identity_name",
        "secret_name",
        "root_key_id",
        "previous_root_key_id",
    }
)
"""Names of fields whose values are identifiers; every other field is a detail."""

TEXT_CHARACTERS = 8192
"""How much is told of a text; what a registry keeps is not longer."""

LINE_BYTES = 1024 * 1024
"""A line at most; only that of a destroyed key with thousands of aliases is cut."""

CUT_SUBJECTS = 1000
"""How many identifiers of each kind are left of a line that would be longer."""

Told = dict[str, Any]


def merged(noted: Mapping[str, object], more: Mapping[str, object]) -> Told:
    """Put together what a change has noted, in the values that JSON has.

    A subject that is noted again is one more subject. Of a detail lists grow, objects
    are merged, and of anything else the last value stands. ``None`` is left out.

    Args:
        noted: What there is.
        more: Subjects: a text or several; details: texts, numbers, flags, moments,
            durations, and lists and mappings of these.

    Raises:
        TypeError: A value is of another type, such as bytes, which may be a secret.
    """
    told = dict(noted)
    for name, value in more.items():
        if value is None:
            continue
        plain = _several(value) if name in SUBJECTS else _plain(value)
        told[name] = _put_together(told.get(name), plain)
    return told


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of the registry.

    Attributes:
        operation: Its name, such as ``CreateAlias``.
        time_ms: When, in milliseconds since 1970 (UTC).
        noted: Subjects and details by their names, as ``merged`` takes them.
        actor: Who asks for it; by default whoever acts here and now.
        outcome: ``OK``: a change that failed leaves no line, as it leaves no change.
    """

    operation: str
    time_ms: int
    noted: Mapping[str, object]
    actor: Actor = field(default_factory=present_actor)
    outcome: str = OK

    def text(self, sequence: int) -> str:
        """Write the line of that number."""
        noted = merged({}, self.noted)
        subjects = {name: each for name, each in noted.items() if name in SUBJECTS}
        subjects = {name: each for name, each in subjects.items() if each}
        details = {name: each for name, each in noted.items() if name not in SUBJECTS}
        written = self._text(sequence, subjects, details)
        if len(written) <= LINE_BYTES:
            return written
        counts = {name: len(several) for name, several in subjects.items()}
        subjects = {name: each[:CUT_SUBJECTS] for name, each in subjects.items()}
        return self._text(sequence, subjects, {"cut": True, "subject_counts": counts})

    def _text(self, sequence: int, subjects: Told, details: Told) -> str:
        told = {
            "sequence": sequence,
            "time": moment_text(moment(self.time_ms)),
            "operation": self.operation,
            "outcome": self.outcome,
            "actor": self.actor.told(),
            "subjects": subjects,
            "details": details,
        }
        return json.dumps(told, ensure_ascii=True, separators=(",", ":"))


def parse_entry(text: object, sequence: int) -> Told:
    """Read a line strictly: it has each field, of its type, and this number.

    Raises:
        InvalidParameter: It is no such line.
    """
    if not isinstance(text, str) or not text.isascii():
        raise InvalidParameter("entry", "it is no text of a change log")
    told = parse_json("entry", text, limit=LINE_BYTES)
    if not isinstance(told, dict) or not _is_complete(told):
        raise InvalidParameter("entry", "it is no line of a change log")
    if told["sequence"] != sequence:
        raise InvalidParameter("entry", f"it is the line of number {told['sequence']}")
    return told


def moment_text(when: datetime) -> str:
    """Write a moment in UTC to the millisecond, always of the same length."""
    utc = when.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z"


_TYPES: Mapping[str, type] = {
    "sequence": int,
    "time": str,
    "operation": str,
    "outcome": str,
    "actor": dict,
    "subjects": dict,
    "details": dict,
}


def _is_complete(told: Told) -> bool:
    return all(type(told.get(name)) is kind for name, kind in _TYPES.items()) and all(
        isinstance(several, list) and all(isinstance(each, str) for each in several)
        for several in told["subjects"].values()
    )


def _several(value: object) -> list[str]:
    """The identifiers that are noted under one name, each once."""
    if isinstance(value, str):
        return [str(value)]
    if not isinstance(value, list | tuple | set | frozenset):
        raise TypeError(type(value).__name__)  # the value may be a secret
    if not all(isinstance(each, str) for each in value):
        raise TypeError(type(value).__name__)
    return [str(each) for each in dict.fromkeys(value)]


def _plain(value: object) -> Any:  # noqa: ANN401 -- what JSON has
    """The value as JSON has it, its texts cut."""
    match value:
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case set() | frozenset():
            return sorted(_plain(each) for each in value)
    return _plain_scalar(value)


def _plain_scalar(value: object) -> str | int | None:
    match value:
        case bool() | int() | None:
            return value
        case str():
            return value[:TEXT_CHARACTERS].encode(errors="replace").decode()
        case datetime():
            return moment_text(value)
        case timedelta():
            return f"{value.total_seconds():.3f}".rstrip("0").rstrip(".") + "s"
    raise TypeError(type(value).__name__)


def _put_together(known: Any, value: Any) -> Any:  # noqa: ANN401 -- what JSON has
    if isinstance(known, dict) and isinstance(value, dict):
        return known | value
    if isinstance(known, list) and isinstance(value, list):
        return known + [each for each in value if each not in known]
    return value
