"""The concurrency guard on PostgreSQL: slots as leases in the database.

One guard for one database, however its host is spelled and whichever hosts share it.
A slot is a row; who takes it has it until a moment of the database's clock, and a
thread moves that moment on for as long as the slot is held. No connection is held
meanwhile, so transaction poolers do no harm. A holder that dies leaves its slot to the
others after ``LEASE_SECONDS``.

What a lost lease costs is a rate: for some seconds there may be one pair more at once.
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from time import monotonic
from typing import Any

import sqlalchemy as sa

from pairsmith.errors import DatabaseError, InvalidParameter
from pairsmith.guard import acquired, closed
from pairsmith.registry.engine import keep_inherited
from pairsmith.registry.failures import explained
from pairsmith.registry.forks import Turnstile, watch_forks
from pairsmith.registry.maintenance import Background
from pairsmith.registry.postgresql import BoundedConnection, PostgresqlServer
from pairsmith.registry.schema import guard_slots

LEASE_SECONDS = 10
"""How long a slot is kept for a holder of whom nothing is heard."""

RENEWAL_SECONDS = 3.0

ATTEMPT_SECONDS = 5.0
"""How long one statement about leases may take."""

POOL_SIZE = 3
"""Connections for leases alone: work on keys must not keep renewals waiting."""

POLL_SECONDS = 0.02
"""How often a caller who agreed to wait looks again."""

_log = logging.getLogger(__name__)


class LeaseGuard:
    """At most ``limit`` slots taken at once, over everything that shares a database.

    Args:
        server: Of a migrated database.
        name: Of the guard, for there may be several, up to 32 characters.
        limit: How many slots there are, 1 or more.
    """

    def __init__(self, server: PostgresqlServer, name: str, limit: int = 1) -> None:
        if limit < 1:
            raise InvalidParameter("pair_limit", "it must be 1 or more")
        self._server, self._guard_name, self._limit = server, name, limit
        self._engine = server.create_engine(
            isolation_level="AUTOCOMMIT", pool_size=POOL_SIZE, max_overflow=0
        )
        sa.event.listen(self._engine, "connect", _prepare)
        self._background = Background(self, RENEWAL_SECONDS)
        self._closed = False
        self._begin()
        watch_forks(self)

    def acquire(
        self, wait: float = 0.0, cancelled: Callable[[], bool] | None = None
    ) -> int:
        """Take a slot, see ``guard.Slots``."""
        return acquired(self._try, wait, cancelled, POLL_SECONDS)

    def release(self, slot: int) -> None:
        """Give a slot back; if the database does not answer, it lapses by itself."""
        with self._lock:
            epoch = self._held.pop(slot, None)
            is_last = self._closed and not self._held
        if epoch is not None:
            self._give_back(slot, epoch)
        if is_last:
            self._background.stop()
            self._disconnect()

    def close(self) -> None:
        """Give out no slot any more, see ``guard.Slots``; twice does nothing."""
        with self._lock:
            self._closed = True
            is_last = not self._held
        self._disconnect()
        if is_last:
            self._background.stop()

    def run_maintenance(self) -> None:
        """Renew what is held; a lease that was lost is given up.

        Raises:
            DatabaseError: The database does not answer; the leases run on.
        """
        with self._lock:
            held = list(self._held.items())
        if not held:
            return
        mine = sa.tuple_(guard_slots.c.slot, guard_slots.c.epoch).in_(held)
        renewal = (
            sa.update(guard_slots)
            .where(self._is_ours(), mine)
            .values(valid_until_ms=_now_ms() + LEASE_SECONDS * 1000)
            .returning(guard_slots.c.slot, guard_slots.c.epoch)
        )
        kept = {tuple(row) for row in self._run(renewal)}
        with self._lock:
            for slot, epoch in held:
                if (slot, epoch) not in kept and self._held.get(slot) == epoch:
                    del self._held[slot]
                    _log.warning("The slot %d of the guard was lost.", slot)

    def before_fork(self) -> None:
        """Wait until no other thread is at the database."""
        self._turnstile.close()

    def after_fork_in_parent(self) -> None:
        """Let the others go on."""
        self._turnstile.reopen()

    def after_fork_in_child(self) -> None:
        """Hold nothing, for what is held is the parent's; use other connections."""
        self._begin()
        self._background.after_fork_in_child()
        keep_inherited(self._engine)

    def _begin(self) -> None:
        self._holder = secrets.token_hex(16)
        self._held: dict[int, int] = {}
        self._make_slots_after = 0.0
        self._turnstile = Turnstile()
        # Reentrant: a batch that nobody holds any more releases its slot anywhere.
        self._lock = RLock()

    def _disconnect(self) -> None:
        with self._turnstile.at_work():
            self._engine.dispose()

    def _try(self) -> int | None:
        with self._lock:
            if self._closed:
                raise closed()
            is_full = len(self._held) >= self._limit
        if is_full:
            return None
        self._background.start()
        row = next(iter(self._run(self._taking())), None)
        if row is None and monotonic() >= self._make_slots_after:
            self._make_slots()
            row = next(iter(self._run(self._taking())), None)
        if row is None:
            return None
        with self._lock:
            self._held[row.slot] = row.epoch
        return int(row.slot)

    def _taking(self) -> sa.UpdateBase:
        """One statement: take a free slot that nobody else is looking at."""
        until, now_ms = guard_slots.c.valid_until_ms, _now_ms()
        # A moment too far ahead is of a clock that was set back since.
        is_free = (until <= now_ms) | (until > now_ms + 2 * LEASE_SECONDS * 1000)
        free = (
            sa.select(guard_slots.c.slot)
            .where(guard_slots.c.guard_name == self._guard_name)
            .where(guard_slots.c.slot < self._limit, is_free)
            .order_by(guard_slots.c.slot)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        return (
            sa.update(guard_slots)
            .where(guard_slots.c.guard_name == self._guard_name)
            .where(guard_slots.c.slot == free)
            .values(
                holder=self._holder,
                epoch=guard_slots.c.epoch + 1,
                valid_until_ms=now_ms + LEASE_SECONDS * 1000,
            )
            .returning(guard_slots.c.slot, guard_slots.c.epoch)
        )

    def _give_back(self, slot: int, epoch: int) -> None:
        giving = (
            sa.update(guard_slots)
            .where(self._is_ours(), guard_slots.c.slot == slot)
            .where(guard_slots.c.epoch == epoch)
            .values(valid_until_ms=0)
            .returning(guard_slots.c.slot)
        )
        try:
            self._run(giving)
        except DatabaseError as error:
            _log.warning("The slot %d of the guard lapses by itself: %s", slot, error)

    def _is_ours(self) -> sa.ColumnElement[bool]:
        return (guard_slots.c.guard_name == self._guard_name) & (
            guard_slots.c.holder == self._holder
        )

    def _make_slots(self) -> None:
        """Make rows that there are not: at first, or after a backup was restored."""
        from sqlalchemy.dialects.postgresql import insert

        empty = {"holder": "", "epoch": 0, "valid_until_ms": 0}
        rows = [
            {"guard_name": self._guard_name, "slot": slot, **empty}
            for slot in range(self._limit)
        ]
        making = insert(guard_slots).values(rows).on_conflict_do_nothing()
        self._run(making.returning(guard_slots.c.slot))
        self._make_slots_after = monotonic() + LEASE_SECONDS

    def _run(self, statement: sa.UpdateBase) -> list[sa.Row[Any]]:
        with self._connected() as connection:
            return list(connection.execute(statement).all())

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        with (
            self._turnstile.at_work(),
            explained(self._server.name),
            self._server.transaction(self._engine, ATTEMPT_SECONDS) as connection,
        ):
            yield connection


def _prepare(connection: BoundedConnection, _record: object) -> None:
    # Losing the last leases with the server costs less than a flush for each.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    connection.commit()


def _now_ms() -> sa.ColumnElement[int]:
    """The database's clock at this very statement, not when a wait for it began."""
    seconds = sa.extract("epoch", sa.func.clock_timestamp())
    return sa.cast(sa.func.floor(seconds * 1000), sa.BigInteger)
