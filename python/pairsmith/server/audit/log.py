"""Appending to the audit log: durable, in groups, by any number of processes."""

import os
from concurrent.futures import Future
from typing import Self

from pairsmith.errors import ServiceUnavailable
from pairsmith.server.audit.entry import AuditEntry


class AuditUnavailable(ServiceUnavailable):
    """The audit log cannot be written: no operation may be answered."""


class AuditLog:
    """An audit log, opened by ``AuditLog.open``."""

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        key: bytes,
        *,
        rotate_bytes: int = 100_000_000,
        rotate_daily: bool = True,
    ) -> Self:
        """Open or make the log; several processes may have it open.

        Args:
            path: The file; older ones lie beside it.
            key: ``AccessStore.audit_key()``.
            rotate_bytes: Begin another file when one is longer.
            rotate_daily: Begin another file every day (UTC).

        Raises:
            AuditUnavailable: It cannot be written.
        """
        raise NotImplementedError

    def record(self, entry: AuditEntry) -> None:
        """Write an entry; returns when it is on the disk.

        Raises:
            AuditUnavailable: It is not there: the result must not be sent.
        """
        self.submit(entry).result()

    def submit(self, entry: AuditEntry) -> Future[None]:
        """As ``record``, for asynchronous callers (``asyncio.wrap_future``)."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what was submitted, and give back the file."""
        raise NotImplementedError
