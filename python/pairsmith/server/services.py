"""Everything that answering a request takes, opened once in each worker process."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from pairsmith.errors import DatabaseError
from pairsmith.server.audit import AuditLog
from pairsmith.server.audit.files import audit_path_beside
from pairsmith.server.path.exchange import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from pairsmith.instance import Instance
    from pairsmith.registry import Registry
    from pairsmith.server.access.store import AccessStore
    from pairsmith.server.dev.faults import Faults
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
        faults: What requests meet on a dev server; ``None`` on every other.
        now: Tells the time, by which requests and identities are valid.
    """

    instance: Instance
    registry: Registry
    access: AccessStore
    audit: AuditLog
    metrics: Metrics
    settings: Settings
    faults: Faults | None = None
    now: Callable[[], datetime] = utc_now

    def close(self) -> None:
        """Write what is still to be written, and close it all."""
        with ExitStack() as stack:  # each is closed, whatever the others do
            stack.callback(self.instance.close)
            stack.callback(self.access.close)
            stack.callback(self.audit.close)


def open_services(settings: Settings, instance: Instance | None = None) -> Services:
    """Open everything as the settings say.

    Args:
        settings: As the operator gave them.
        instance: Opened already; by default the one of the settings is.

    Raises:
        PairsmithError: Something cannot be opened; the message says what to do.
    """
    from pairsmith.server.access.store import AccessStore
    from pairsmith.server.metrics import Metrics

    with ExitStack() as stack:
        if instance is None:
            instance = open_instance(settings)
        stack.callback(instance.close)
        access = AccessStore(instance.registry)
        stack.callback(access.close)
        audit = AuditLog.open(
            audit_path(settings, instance.registry), access.audit_key()
        )
        stack.pop_all()
    metrics = Metrics(instance)
    return Services(instance, instance.registry, access, audit, metrics, settings)


def require_database(url: str) -> None:
    """Refuse a database that is not there, which opening it would make anew and empty.

    Args:
        url: As the settings give it.

    Raises:
        DatabaseError: It is not there; the message says which.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return  # opening it tells what is wrong with it
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return
    path = Path(parsed.database).absolute()
    if not path.exists() or not path.stat().st_size:
        raise DatabaseError(
            f"There is no database at {path} any more: restore it, or start the server "
            "anew to make another."
        )


def audit_path(settings: Settings, registry: Registry) -> Path:
    """Where the audit log is: as set, else beside an SQLite database, else here."""
    if settings.files.audit:
        return Path(settings.files.audit)
    database = registry.access.database.sqlite_path
    if database is not None:
        return audit_path_beside(database)
    return Path(settings.files.folder) / "audit.log"


def open_instance(settings: Settings) -> Instance:
    """Open the instance that the settings mean, made new if it is not there."""
    from pairsmith.instance import Instance

    return Instance.open(
        settings.database.url,
        settings.root_key_provider(),
        pair_limit=settings.pairs.limit,
        threads=settings.pairs.threads,
        pool=settings.pairs.pooled(),
        pool_max_age=settings.pairs.pool_max_age_seconds,
        pairwise_test=settings.pairs.pairwise_test,
        refuse_format_1=settings.database.refuse_format_1,
    )
