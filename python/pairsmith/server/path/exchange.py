"""One request on its way to its answer: what audit entry and log tell of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pairsmith.registry.actor import Actor
from pairsmith.requests import new_request_id
from pairsmith.server.audit import AuditEntry

if TYPE_CHECKING:
    from pairsmith.server.access.model import Principal
    from pairsmith.server.path.origin import Origin

OK = "OK"


def utc_now() -> datetime:
    """Tell the time of this machine."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Exchange:
    """One request, from its arrival to its answer.

    Attributes:
        origin: Where it came from.
        request_id: As it is answered.
        arrived: When, UTC.
        operation: Its name on the wire, once it is known to be one.
        claimed_id: The identity that it names, verified or not.
        principal: Who it is from, once its signature was found right.
        key_id: The real id, or as it was asked for.
        key_version_id: The version that is used.
        spec: Of a pair.
        source_key_id: Of a re-encryption, the key that the old blob was under.
        source_key_version_id: And the version that opened it.
        key_ids: The real ids of all keys that it is about, as far as they exist.
        purpose: Of what was opened.
        request: What is asked for, by the names on the wire, without secrets.
        result: What was made or shown, likewise.
        delay_seconds: How long a dev server holds the answer back.
        admitted_id: For whom it counts as under way, see ``admission``.
    """

    origin: Origin
    request_id: str = field(default_factory=new_request_id)
    arrived: datetime = field(default_factory=utc_now)
    operation: str = ""
    claimed_id: str = ""
    principal: Principal | None = None
    key_id: str = ""
    key_version_id: str = ""
    spec: str = ""
    source_key_id: str = ""
    source_key_version_id: str = ""
    key_ids: tuple[str, ...] = ()
    purpose: str = ""
    request: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    delay_seconds: float = 0.0
    admitted_id: str = ""
    _started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self._started

    def actor(self) -> Actor:
        """Who changes the registry, if the request does, as its change log names it."""
        principal = self.principal
        return Actor(
            "server",
            principal_kind=principal.kind if principal else "",
            principal_id=principal.id if principal else "",
            principal_name=principal.name if principal else "",
            request_id=self.request_id,
            remote_address=self.origin.address,
            peer_address=self.origin.proxy,
        )

    async def hold_back(self) -> None:
        """Wait before answering, once, as long as a dev server was told to."""
        seconds, self.delay_seconds = self.delay_seconds, 0.0
        if seconds:
            await asyncio.sleep(seconds)

    def entry(self, code: str, http_status: int) -> AuditEntry:
        """The request as the audit log tells it.

        Args:
            code: ``OK`` or the error code.
            http_status: As it is answered.
        """
        return AuditEntry(
            operation=self.operation,
            principal_id=self.principal.id if self.principal else self.claimed_id,
            principal_name=self.principal.name if self.principal else "",
            request_id=self.request_id,
            key_id=self.key_id,
            key_version_id=self.key_version_id,
            spec=self.spec,
            source_key_id=self.source_key_id,
            source_key_version_id=self.source_key_version_id,
            key_ids=self.key_ids,
            purpose=self.purpose,
            request=self.request,
            result=self.result,
            code=code,
            http_status=http_status,
            remote_address=self.origin.address,
            peer_address=self.origin.proxy,
            time=self.arrived,
            duration_seconds=self.seconds,
        )
