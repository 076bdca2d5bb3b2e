"""Class Instance: one registry with its guard, and every operation on it.

A data operation goes one way: parse the arguments, resolve the key (and its state),
take a slot of the guard if it makes a pair, call the Rust core once, return a frozen
result.
"""

from collections.abc import Mapping
from typing import NamedTuple, Self

from pairsmith import parameters as parse
from pairsmith._core import CancelToken, engine, self_tests
from pairsmith.errors import InvalidParameter
from pairsmith.guard import Slots
from pairsmith.instance.ciphers import CipherOperations
from pairsmith.instance.guards import open_guard
from pairsmith.instance.keys import KeyOperations
from pairsmith.instance.pairs import PairOperations
from pairsmith.instance.pool import PooledSpec, PoolStatus, WarmPool
from pairsmith.instance.re_encryption import ReEncryptOperations
from pairsmith.registry import Registry, RootKeys
from pairsmith.results import KeyPairSpec

__all__ = [
    "DEFAULT_URL",
    "CancelToken",
    "Instance",
    "PoolStatus",
    "PooledSpec",
    "SelfTestResult",
]


class SelfTestResult(NamedTuple):
    """How a primitive answered the questions whose answers are known."""

    name: str
    passed: bool
    seconds: float


DEFAULT_URL = "sqlite:///pairsmith.db"
"""A file in the current folder."""


class Instance(PairOperations, CipherOperations, ReEncryptOperations, KeyOperations):
    """One key management instance: open it, use it from any thread, close it.

    Wherever a key is named, its id or an alias (``alias/…``) will do. Plain operations
    use the key's initial version for ever, Advance operations its primary version.
    """

    def __init__(
        self,
        registry: Registry,
        guard: Slots,
        threads: int = 1,
        pool: WarmPool | None = None,
        *,
        pairwise_test: bool = False,
        refuse_format_1: bool = False,
    ) -> None:
        """Join the parts; ``open`` is what callers use."""
        self._registry = registry
        self._guard = guard
        self._threads = threads
        self._pool = pool
        self._pairwise_test = pairwise_test
        self._refuse_format_1 = refuse_format_1

    @classmethod
    def open(
        cls,
        url: str = DEFAULT_URL,
        root_key: RootKeys | None = None,
        *,
        pair_limit: int = 1,
        threads: int = 1,
        pool: Mapping[KeyPairSpec | str, int] | None = None,
        pool_max_age: float = parse.POOL_MAX_AGE_SECONDS,
        pairwise_test: bool = False,
        refuse_format_1: bool = False,
    ) -> Self:
        """Open the registry at ``url``, made new if it does not exist.

        Args:
            url: ``sqlite:///file.db`` or ``postgresql+psycopg://…``, as for SQLAlchemy.
            root_key: What wraps the keys at rest: a provider, or its text
                (``file:PATH``, ``env:NAME``, ``command:…``), or several of which one
                will do, while a re-wrap is under way. By default a file beside the
                SQLite database, made on first use.
            pair_limit: How many pairs may be generated at once over every process that
                shares the database; 1 is what the documented service allows.
            threads: How many threads, 1 to 64, search for one RSA pair together; worth
                it where cores are idle. The pair does not depend on it.
            pool: How many pairs of which spec, 1 to 1024 of each, are to wait ready
                made, such as ``{"RSA_2048": 32}``. They are made by threads of low
                priority and wait unwrapped in the memory of this process.
            pool_max_age: How many seconds a pair may wait there, a day at most; then it
                is erased and another one made. So is every one as soon as the system
                tells that the machine was copied.
            pairwise_test: Whether the halves of every pair are tried on each other
                before it leaves, as those of RSA always are. Lattices take about twice
                as long then, curves five times and more.
            refuse_format_1: Whether blobs of format 1 are refused, which do not say
                what they were made as, and a database that was never authenticated,
                which is taken over otherwise: set it once all that is stored was moved
                to format 2.

        Raises:
            DatabaseError: It cannot be opened; the message says what to do.
            SchemaTooNew: A newer Pairsmith has written it.
            RootKeyError: The root key is missing, unsafe or the wrong one.
            InvalidParameter: An argument cannot be understood.
            SelfTestError: The core gave a wrong answer to a known question.
        """
        threads = parse.parse_count("threads", threads, limit=parse.THREAD_LIMIT)
        pair_limit = parse.parse_count("pair_limit", pair_limit, limit=parse.PAIR_LIMIT)
        capacities = parse.parse_pool(pool)
        max_age = parse.parse_age(pool_max_age, "pool_max_age")
        tested = parse.parse_flag("pairwise_test", pairwise_test)
        refused = parse.parse_flag("refuse_format_1", refuse_format_1)
        cls.engine()  # one that does not exist is noticed here, not at the first pair
        registry = Registry.open(url, root_key, refuse_format_1=refused)
        try:
            guard = open_guard(registry, pair_limit)
        except BaseException:
            registry.close()
            raise
        try:
            warm = None
            if capacities:
                warm = WarmPool(capacities, pairwise_test=tested, max_age=max_age)
            return cls(
                registry,
                guard,
                threads,
                warm,
                pairwise_test=tested,
                refuse_format_1=refused,
            )
        except BaseException:
            guard.close()
            registry.close()
            raise

    def close(self) -> None:
        """Erase the pool, close the database and the guard; twice does nothing.

        Operations of other threads that are under way come to their end, and what is
        begun afterwards is refused with ``DatabaseError``.
        """
        if self._pool is not None:
            self._pool.raw.close()
        self._guard.close()
        self._registry.close()

    def pool_status(self) -> PoolStatus:
        """Say how many pairs wait, how often one did, and how they are kept."""
        return PoolStatus.of(None if self._pool is None else self._pool.raw)

    def warm_up(self, timeout: float = 60.0) -> bool:
        """Wait until the pool is full.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether it is full; so is a pool that there is not.

        Raises:
            InvalidParameter: ``timeout`` is no such number.
        """
        seconds = parse.parse_wait(timeout, "timeout")
        return self._pool is None or self._pool.raw.wait_full(seconds)

    def __enter__(self) -> Self:
        """Use the instance in a ``with`` statement; leaving it closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the instance."""
        self.close()

    @property
    def registry(self) -> Registry:
        """The registry that this instance uses, for what stands on both."""
        return self._registry

    @staticmethod
    def self_tests() -> list[SelfTestResult]:
        """Run the self-test of every primitive again, those not yet used included.

        One that fails stops the core: see ``SelfTestError``.
        """
        return [SelfTestResult(*result) for result in self_tests()]

    @staticmethod
    def engine() -> str:
        """Name the prime engine of this process: ``avx512ifma`` or ``portable``.

        Raises:
            InvalidParameter: ``PAIRSMITH_ENGINE`` asks for one that there is not.
        """
        try:
            return engine()
        except ValueError as error:
            raise InvalidParameter("PAIRSMITH_ENGINE", str(error)) from None
