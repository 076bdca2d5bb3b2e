"""Structured logs: one JSON object per line, or lines for people; never a secret.

Every line goes to stderr through one ``LogLines``. That of an answered request, of
which there are thousands in a second, is put together here; all others come from
structlog or from libraries.
"""

from __future__ import annotations

import atexit
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any, Literal

import structlog

from pairsmith.errors import InvalidParameter
from pairsmith.server.log_fields import TEXT_CHARACTERS, on_one_line, withhold
from pairsmith.server.log_lines import ROOM_BYTES, SPARE_BYTES, LogLines
from pairsmith.server.log_output import Output

if TYPE_CHECKING:
    from structlog.types import Processor

    from pairsmith.server.settings import Settings

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

NAME = "pairsmith.server"

LOST = "log lines were lost: nobody reads them, or they cannot be written"


@dataclass(slots=True)
class _Answers:
    """How ``answered`` tells of requests at present.

    Attributes:
        are_told: The level is not above theirs.
        are_put_together: They are JSON, by hand; else structlog makes them.
    """

    are_told: bool = True
    are_put_together: bool = False


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
            withhold,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    _handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, withhold],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [_handler]
    root.setLevel(level)
    _lines.write_to(Output(sys.stderr))
    _answers.are_told = level in ("DEBUG", "INFO")
    _answers.are_put_together = form == "json"


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
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(NAME)
    return bound.bind(**fields)


def answered(
    *,
    request_id: str,
    operation: str,
    principal_id: str,
    key_id: str,
    code: str,
    http_status: int,
    remote_address: str,
    duration_seconds: float,
    peer_address: str = "",
    reason: str = "",
) -> None:
    """Tell of a request that was answered; an empty address or reason is left out.

    Its parameters are all that may be told. In JSON the line is the one that
    ``logger().info("answered", ...)`` makes of them, at a twentieth of its cost; it is
    written within a moment, and nobody waits for it. What is bound to the context is
    not in it.
    """
    if not _answers.are_told:
        return
    if _answers.are_put_together:
        most = TEXT_CHARACTERS
        try:
            peer = (
                f'"peer_address": {quoted(peer_address[:most])}, '
                if peer_address
                else ""
            )
            why = f'"reason": {quoted(reason[:most])}, ' if reason else ""
            # Sorted by their names, as JSONRenderer sorts them.
            line = (
                f'{{"code": {quoted(code[:most])}, '
                f'"duration_seconds": {float.__repr__(duration_seconds)}, '
                f'"event": "answered", "http_status": {http_status:d}, '
                f'"key_id": {quoted(key_id[:most])}, "level": "info", '
                f'"logger": "{NAME}", "operation": {quoted(operation[:most])}, '
                f'{peer}"principal_id": {quoted(principal_id[:most])}, {why}'
                f'"remote_address": {quoted(remote_address[:most])}, '
                f'"request_id": {quoted(request_id[:most])}, '
                f'"timestamp": "{datetime.now(UTC).isoformat()[:-6]}Z"}}\n'
            )
        except (TypeError, ValueError):  # no text, or no number: it may be withheld
            pass
        else:
            _lines.add(line.encode())
            return
    told = {"peer_address": peer_address, "reason": reason}
    logger().info(
        "answered",
        request_id=request_id,
        operation=operation,
        principal_id=principal_id,
        key_id=key_id,
        code=code,
        http_status=http_status,
        remote_address=remote_address,
        duration_seconds=duration_seconds,
        **{name: text for name, text in told.items() if text},
    )


def flush() -> None:
    """Wait until everything is written; not for ever, if nobody reads it."""
    _lines.flush()


def _renderers(form: str) -> list[Processor]:
    if form == "json":
        return [structlog.processors.JSONRenderer(sort_keys=True)]
    return [on_one_line, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]


class _Handler(logging.Handler):
    """Adds what is logged to the lines, and lets it be written at once."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Wait outside of the handler's own lock: other threads may log meanwhile."""
        is_wanted = super().handle(record)
        _lines.flush()
        return is_wanted

    def emit(self, record: logging.LogRecord) -> None:
        """Add one."""
        try:
            text = self.format(record) + "\n"
            _lines.add(_lines.encoded(text), ROOM_BYTES + SPARE_BYTES)
        except Exception:  # noqa: BLE001 -- as every handler does
            self.handleError(record)

    def flush(self) -> None:
        """Wait until everything is written."""
        _lines.flush()


def _loss(count: int) -> bytes:
    """The line that tells of lines that were lost."""
    if not logging.getLogger(NAME).isEnabledFor(logging.WARNING):
        return b""
    event = {
        "event": LOST,
        "count": count,
        "level": "warning",
        "logger": NAME,
        "timestamp": datetime.now(UTC).isoformat()[:-6] + "Z",
    }
    (told,), bound = structlog.stdlib.ProcessorFormatter.wrap_for_formatter(
        logging.getLogger(NAME), "warning", event
    )
    record = logging.makeLogRecord({"msg": told, **bound["extra"]})
    return _lines.encoded(_handler.format(record) + "\n")


def _at_exit() -> None:
    _lines.close()


_answers = _Answers()
_handler = _Handler()
_lines = LogLines(Output(sys.stderr), _loss)
atexit.register(_at_exit)
