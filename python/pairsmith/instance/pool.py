"""The warm pool of an instance: pairs made ahead, and how many of them wait."""

import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from pairsmith._core import PairPool
from pairsmith.results import KeyPairSpec


@dataclass(frozen=True, slots=True)
class PooledSpec:
    """How the pairs of one spec are.

    Attributes:
        depth: How many wait now.
        capacity: How many may wait.
        hits: How often a pair was there when it was asked for.
        misses: How often it was not, and was made on the spot.
    """

    depth: int
    capacity: int
    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """How a pool is; that of an instance without one has no specs.

    Attributes:
        specs: Every spec it was opened with.
        locked: Whether the system locked the memory of all pairs that may wait, and
            keeps it out of core dumps and forked children. If not, raise the limit of
            locked memory (``ulimit -l``): a pair takes 4 KiB.
        failures: How often making pairs failed.
        expired: Pairs that had waited longer than they may and were erased.
        copied: Pairs that were erased because the machine is known to have been
            copied, as when a snapshot of it is resumed.
    """

    specs: Mapping[KeyPairSpec, PooledSpec] = field(default_factory=dict)
    locked: bool = False
    failures: int = 0
    expired: int = 0
    copied: int = 0

    @classmethod
    def of(cls, pool: PairPool | None) -> Self:
        """Ask the core; nobody waits for its threads meanwhile."""
        if pool is None:
            return cls()
        shelves, locked, failures = pool.status()
        specs = {KeyPairSpec(name): PooledSpec(*rest) for name, *rest in shelves}
        expired, copied = pool.erased()
        return cls(specs, locked, failures, expired, copied)


class WarmPool:
    """The pool of this process.

    Attributes:
        raw: The core's pool; in a forked child one of its own, which starts when the
            first pair is asked for.
    """

    def __init__(
        self,
        capacities: Mapping[KeyPairSpec, int],
        *,
        pairwise_test: bool,
        max_age: float,
    ) -> None:
        """Start filling."""
        named = [(str(spec), count) for spec, count in capacities.items()]
        self._new = partial(
            PairPool, named, pairwise_test=pairwise_test, max_age=max_age
        )
        self.raw = self._new()
        self.raw.start()
        _pools.add(self)

    def _renew_in_child(self) -> None:
        """The parent's threads and pairs are not here."""
        self.raw = self._new()


_pools: weakref.WeakSet[WarmPool] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for pool in list(_pools):
        pool._renew_in_child()  # noqa: SLF001 -- the same module


os.register_at_fork(after_in_child=_after_fork_in_child)
