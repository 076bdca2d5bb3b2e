"""Structured logs: one JSON object per line, or lines for people; never a secret.

What may be logged is a list of field names. Anything else, and any bytes, is withheld:
a field that somebody adds later must be thought about first.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Literal

import structlog

from pairsmith.errors import InvalidParameter

if TYPE_CHECKING:
    from structlog.types import EventDict, Processor, WrappedLogger

    from pairsmith.server.settings import Settings

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

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def configure(form: Literal["json", "console"] = "json", level: str = "INFO") -> None:
    """Send this process's logs to stderr, those of libraries included.

    Args:
        form: For programs or for people.
        level: The least that is told: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR``.

    Raises:
        InvalidParameter: There is no such form or level.
    """
    if level not in LEVELS:
        raise InvalidParameter("level", f"give one of {', '.join(LEVELS)}.")
    if form not in ("json", "console"):
        raise InvalidParameter("form", "give json or console.")
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            *common,
            _withhold,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, _withhold],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def configure_server(settings: Settings) -> None:
    """Send everything where the settings say; Granian has set up loggers before."""
    for name in ("_granian", "granian.access"):
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True
    form: Literal["json", "console"] = (
        "json" if settings.logs.format == "json" else "console"
    )
    configure(form, settings.logs.level.upper())


def logger(**fields: Any) -> structlog.stdlib.BoundLogger:  # noqa: ANN401 -- bound as they are
    """A logger with fields bound to it, such as ``request_id``."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger("pairsmith.server")
    return bound.bind(**fields)


def _renderer(form: str) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(sort_keys=True)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _withhold(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace what is not known to be harmless, and cut what is too long."""
    for name, value in event.items():
        inner = name.startswith("_")  # structlog's own, removed before it is written
        if not inner and (name not in FIELDS or isinstance(value, _NEVER)):
            event[name] = WITHHELD
        elif isinstance(value, str) and not inner and name not in WHOLE:
            event[name] = value[:TEXT_CHARACTERS]
    return event


_NEVER = (bytes, bytearray, memoryview, dict, list, tuple, set, frozenset)
"""Never written, under whatever name: they may hold anything."""
