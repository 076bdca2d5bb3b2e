"""Entries to write, and logs to write them to."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pairsmith.server.audit import AuditEntry, AuditLog
from pairsmith.server.audit.chain import Head, write_lines
from pairsmith.server.audit.files import earlier_parts
from pairsmith.server.audit.mac import Mac

KEY = bytes(range(32))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def entry(request_id: str = "r", **changes: Any) -> AuditEntry:
    """An entry about a decryption."""
    facts = {
        "operation": "Decrypt",
        "principal_id": "KAAP.1",
        "principal_name": "app",
        "request_id": request_id,
        "key_id": "key-1",
        "key_version_id": "key-1-2",
        "spec": "",
        "code": "OK",
        "http_status": 200,
        "remote_address": "127.0.0.1",
        "time": NOON,
        "duration_seconds": 0.001,
    }
    return AuditEntry(**(facts | changes))


def write(path: Path, count: int, **options: Any) -> None:
    """Open a log, record some entries one by one, close it."""
    log = AuditLog.open(path, KEY, **options)
    for number in range(count):
        log.record(entry(f"r{number}"))
    log.close()


def lines(path: Path) -> list[bytes]:
    """Every line of every part, newlines included."""
    parts = [*earlier_parts(path), path]
    return [
        line for part in parts for line in part.read_bytes().splitlines(keepends=True)
    ]


def requests(path: Path) -> list[str]:
    """The request ids in the order of the lines."""
    told = [json.loads(line) for line in lines(path)]
    return [each["request_id"] for each in told if "request_id" in each]


def line_of(key: bytes, head: Head, told: dict[str, Any]) -> tuple[bytes, Head]:
    """The line after that head which tells this, and the head with it."""
    text = json.dumps(told, separators=(",", ":"))
    written = write_lines(Mac(key), head, [text])
    return written.text, written.head
