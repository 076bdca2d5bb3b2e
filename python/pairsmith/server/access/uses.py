"""When each identity was last used: noted at once, written in batches."""

from threading import Lock

import sqlalchemy as sa

from pairsmith.errors import PairsmithError
from pairsmith.registry.access import Access
from pairsmith.registry.forks import watch_forks
from pairsmith.registry.maintenance import Background
from pairsmith.registry.schema import identities


class Uses:
    """Collects uses; a daemon thread writes them twice a minute."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = Lock()
        self._noted: dict[str, int] = {}
        self._background = Background(self)
        watch_forks(self)

    def note(self, identity_id: str) -> None:
        """Remember that it was used now."""
        self._background.start()
        now_ms = self._access.now_ms()
        with self._lock:
            self._noted[identity_id] = now_ms

    def run_maintenance(self) -> None:
        """Write what was noted since the last time; if that fails, keep it.

        Raises:
            DatabaseError: The database takes no writes at present.
        """
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        rows = [{"id": name, "at_ms": at_ms} for name, at_ms in noted.items()]
        try:
            # Unseen: no right depends on it, so nobody need look again.
            with self._access.database.writing(unseen=True) as connection:
                connection.execute(_LATER_USE, rows)
        except PairsmithError:
            with self._lock:
                self._noted = noted | self._noted
            raise

    def close(self) -> None:
        """End the thread and write the rest."""
        self._background.stop()
        self.run_maintenance()

    def before_fork(self) -> None:
        """Do nothing."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Begin afresh: what was noted is for the parent to write."""
        self._lock, self._noted = Lock(), {}
        self._background.after_fork_in_child()


_LATER_USE = (
    sa.update(identities)
    .where(identities.c.identity_id == sa.bindparam("id"))
    .where(
        sa.func.coalesce(identities.c.last_used_at_ms, 0) < sa.bindparam("at_ms"),
    )
    .values(last_used_at_ms=sa.bindparam("at_ms"))
)
