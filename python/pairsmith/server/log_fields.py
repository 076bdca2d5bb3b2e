"""What may stand in a log line, and in which form.

What may be logged is a list of field names. Anything else, and any bytes, is withheld:
a field that somebody adds later must be thought about first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.types import EventDict, WrappedLogger

FIELDS = frozenset(
    {
        "address",
        "code",
        "count",
        "duration_seconds",
        "event",
        "exception",
        "http_status",
        "key_id",
        "key_version_id",
        "level",
        "logger",
        "message",
        "operation",
        "path",
        "peer_address",
        "pid",
        "port",
        "principal_id",
        "principal_name",
        "reason",
        "remote_address",
        "request_id",
        "signal",
        "spec",
        "timestamp",
        "worker",
    }
)
"""Names of the fields that hold no secret, whatever the request was."""

WITHHELD = "[withheld]"

TEXT_CHARACTERS = 512
"""How much of a text is written: some are a stranger's, who may send 64 KB of them."""

WHOLE = frozenset({"event", "exception", "message"})
"""What is written whole: it is our own, or a traceback."""


def withhold(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace what is not known to be harmless, and cut what is too long."""
    for name, value in event.items():
        inner = name.startswith("_")  # structlog's own, removed before it is written
        if not inner and (name not in FIELDS or isinstance(value, _NEVER)):
            event[name] = WITHHELD
        elif isinstance(value, str) and not inner and name not in WHOLE:
            event[name] = value[:TEXT_CHARACTERS]
    return event


def on_one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Let no text that somebody has sent begin a line or steer a terminal.

    Of the fields that the console renderer does not quote: an exception keeps its
    lines, which are indented, so that none can pass for an event.
    """
    for name, value in event.items():
        if not isinstance(value, str):
            continue
        if name == "exception":
            lines = map(_escaped, value.splitlines())
            event[name] = "\n".join(f"    {line}" for line in lines)
        elif name in _UNQUOTED:
            event[name] = _escaped(value)
    return event


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


_UNQUOTED = ("event", "logger")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


_NEVER = (bytes, bytearray, memoryview, dict, list, tuple, set, frozenset)
"""Never written, under whatever name: they may hold anything."""
