"""What the audit log tells of one operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from pairsmith.server.audit.bounds import (
    OWN_CHARACTERS,
    TEXT_CHARACTERS,
    bounded,
    bounded_json,
    encoded,
    is_plain,
)


# Every answer makes one: frozen, making it would take three times as long.
@dataclass(slots=True)
class AuditEntry:
    """One operation: who, what, with which key, and how it ended.

    Attributes:
        operation: Its name on the wire.
        principal_id: The client key or access key; as claimed if it was refused.
        principal_name: Its name; empty if nobody was recognised.
        request_id: As answered.
        key_id: The real id, or as it was asked for; empty without one.
        key_version_id: The version used; empty if none was.
        spec: Of a pair; else empty.
        code: ``OK`` or the error code.
        http_status: As answered.
        remote_address: Where the request came from.
        time: When it arrived.
        duration_seconds: Until its outcome was known.
        peer_address: The trusted proxy that told where it came from; empty without one.
        source_key_id: Of a re-encryption, the key that the old blob was under; what it
            names if that was refused. The others are those of the new blob.
        source_key_version_id: And the version that opened it.
        key_ids: Of an operation on several keys, all of them; ``key_id`` is the first.
        purpose: Of what was opened: ``message``, ``data key``, ``pair`` or ``job``.
        request: What was asked for, by the names on the wire; never a secret.
        result: What was made or shown, likewise.
    """

    operation: str
    principal_id: str
    principal_name: str
    request_id: str
    key_id: str
    key_version_id: str
    spec: str
    code: str
    http_status: int
    remote_address: str
    time: datetime
    duration_seconds: float
    peer_address: str = ""
    source_key_id: str = ""
    source_key_version_id: str = ""
    key_ids: tuple[str, ...] = ()
    purpose: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give what a line tells, in the order of the fields; empty ones left out."""
        told: dict[str, Any] = {"time": moment_text(self.time)}
        for name, text in zip(_TEXTS, _texts_of(self), strict=True):
            if text:
                told[name] = text[:TEXT_CHARACTERS]
        if len(self.key_ids) > 1:
            told["key_ids"] = [key_id[:TEXT_CHARACTERS] for key_id in self.key_ids]
        if self.request:
            told["request"] = bounded(self.request)
        if self.result:
            told["result"] = bounded(self.result, OWN_CHARACTERS)
        told["http_status"] = self.http_status
        told["duration_seconds"] = round(self.duration_seconds, 6)
        return told

    def to_json(self) -> str:
        """Write ``to_dict`` as JSON.

        Nearly all entries have nothing but short texts in which nothing is escaped.
        Those are put together here, in a third of the time.
        """
        texts = _texts_of(self)
        if len(self.key_ids) > 1 or not is_plain("".join(texts)):
            return encoded(self.to_dict())
        members = [
            f'{name}{text}"' for name, text in zip(_NAMES, texts, strict=True) if text
        ]
        if self.request:
            members.append(f'"request":{bounded_json(self.request)}')
        if self.result:
            members.append(f'"result":{bounded_json(self.result, OWN_CHARACTERS)}')
        members.append(f'"http_status":{self.http_status:d}')
        members.append(f'"duration_seconds":{round(self.duration_seconds, 6)!r}')
        return f'{{"time":"{moment_text(self.time)}",{",".join(members)}}}'


# Found once: every request that is served writes an entry.
_TEXTS = tuple(each.name for each in fields(AuditEntry) if each.type is str)
_NAMES = tuple(f'"{name}":"' for name in _TEXTS)
_texts_of = attrgetter(*_TEXTS)


def event_json(event: str, moment: datetime, **told: object) -> str:
    """Write what the log tells of itself, as JSON."""
    return encoded({"time": moment_text(moment), "event": event, **told})


def moment_text(moment: datetime) -> str:
    """Write a moment in UTC to the microsecond, always of the same length."""
    # Without its microseconds: a float has not room for them in every century.
    second = moment.replace(microsecond=0).timestamp()
    return f"{_second_text(second)}.{moment.microsecond:06}Z"


@lru_cache(maxsize=64)
def _second_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
