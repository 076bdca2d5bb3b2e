"""Everything that answering a request takes, opened once in each worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairsmith.instance import Instance
    from pairsmith.registry import Registry
    from pairsmith.server.access.store import AccessStore
    from pairsmith.server.audit import AuditLog
    from pairsmith.server.metrics import Metrics
    from pairsmith.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """What both APIs are made of.

    Attributes:
        instance: Every operation on keys and data.
        registry: The keys of that instance, for what a policy has to know of one.
        access: Who may ask: client keys, access keys and their policies.
        audit: Where every operation is written before it is answered.
        metrics: What is counted.
        settings: As the operator gave them.
    """

    instance: Instance
    registry: Registry
    access: AccessStore
    audit: AuditLog
    metrics: Metrics
    settings: Settings
