"""AsyncInstance: every operation of Instance as an awaitable.

The work is done in threads of the instance's own, so the event loop never waits for
it. Cancelling the task of a pair operation stops its search within milliseconds and
frees the guard.
"""

import asyncio
import os
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from pairsmith.batch import PairBatch
from pairsmith.guard import closed
from pairsmith.instance import DEFAULT_URL, CancelToken, Instance
from pairsmith.pair_reader import PairReader, PairRecordBatch, PairTable
from pairsmith.parameters import POOL_MAX_AGE_SECONDS
from pairsmith.registry import RootKeys
from pairsmith.results import DataKeyPairWithoutPlaintext, KeyPairSpec

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")
Pair = TypeVar("Pair", bound=DataKeyPairWithoutPlaintext)

THREADS = 8
"""Operations that one instance works on at a time; more wait for their turn."""


def _awaitable(
    method: Callable[Concatenate[Instance, Parameters], Answer],
) -> Callable[Concatenate["AsyncInstance", Parameters], Coroutine[Any, Any, Answer]]:
    """The same operation, awaited."""

    @wraps(method)
    async def operation(
        self: "AsyncInstance", /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Answer:
        return await self._run(partial(method, self._instance, *args, **kwargs))

    return operation


def _cancellable(
    method: Callable[Concatenate[Instance, Parameters], Answer],
) -> Callable[Concatenate["AsyncInstance", Parameters], Coroutine[Any, Any, Answer]]:
    """The same operation, awaited; cancelling the task stops the work itself."""

    @wraps(method)
    async def operation(
        self: "AsyncInstance", /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Answer:
        token = kwargs.setdefault("cancel", CancelToken())
        try:
            return await self._run(partial(method, self._instance, *args, **kwargs))
        except asyncio.CancelledError:
            if isinstance(token, CancelToken):
                token.cancel()
            raise

    return operation


def _batch(
    method: Callable[Concatenate[Instance, Parameters], PairBatch[Pair]],
) -> Callable[
    Concatenate["AsyncInstance", Parameters],
    Coroutine[Any, Any, "AsyncPairBatch[Pair]"],
]:
    """The same batch, iterated with ``async for``."""

    @wraps(method)
    async def operation(
        self: "AsyncInstance", /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> "AsyncPairBatch[Pair]":
        batch = await self._run(partial(method, self._instance, *args, **kwargs))
        return AsyncPairBatch(self, batch)

    return operation


class AsyncPairBatch(AsyncIterator[Pair]):
    """Pairs in the order they are finished; iterate with ``async for``, or close."""

    def __init__(self, instance: "AsyncInstance", batch: PairBatch[Pair]) -> None:
        """Wrap a batch of the instance."""
        self._instance = instance
        self._batch = batch

    def __aiter__(self) -> Self:
        """Iterate once over all of it."""
        return self

    async def __anext__(self) -> Pair:
        """Give the next pair; the event loop does not wait for it."""
        if self._batch.is_ready:
            return next(self._batch)
        pair: Pair | None = await self._instance._run(partial(next, self._batch, None))  # noqa: SLF001 -- the same module
        if pair is None:
            raise StopAsyncIteration
        return pair

    def to_reader(self, rows: int | None = None) -> "AsyncPairReader":
        """Give what is left as tables of Arrow; iterate with ``async for``."""
        return AsyncPairReader(self._instance, self._batch.to_reader(rows))

    async def to_arrow(self) -> PairTable:
        """Wait for all that is left, and give it as one table of Arrow."""
        return await self._instance._run(self._batch.to_arrow)  # noqa: SLF001 -- the same module

    async def close(self) -> None:
        """Stop making pairs and free the slot."""
        await asyncio.to_thread(self._batch.close)

    async def __aenter__(self) -> Self:
        """Use the batch in an ``async with`` statement; leaving it closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the batch."""
        await self.close()


class AsyncPairReader(AsyncIterator[PairRecordBatch]):
    """Tables of the pairs that are left; iterate with ``async for``, or close."""

    def __init__(self, instance: "AsyncInstance", reader: PairReader) -> None:
        """Wrap a reader of one of its batches."""
        self._instance = instance
        self._reader = reader

    def __aiter__(self) -> Self:
        """Iterate once over all that is left."""
        return self

    async def __anext__(self) -> PairRecordBatch:
        """Give the next table; the event loop does not wait for it."""
        table = await self._instance._run(self._reader.read)  # noqa: SLF001 -- the same module
        if table is None:
            raise StopAsyncIteration
        return table

    async def close(self) -> None:
        """Stop making pairs and free the slot."""
        await asyncio.to_thread(self._reader.close)

    async def __aenter__(self) -> Self:
        """Use the reader in an ``async with`` statement; leaving it closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the reader."""
        await self.close()


class AsyncInstance:
    """An Instance for asyncio: the same operations, arguments, results and errors."""

    # What asks no database takes no thread: the same functions, called as they are.
    engine = staticmethod(Instance.engine)
    self_tests = staticmethod(Instance.self_tests)
    blob_key_version_id = staticmethod(Instance.blob_key_version_id)

    def __init__(self, instance: Instance) -> None:
        """Wrap an open instance; closing this one closes it."""
        self._instance = instance
        self._executor: ThreadPoolExecutor | None = None
        self._closed = False
        _instances.add(self)

    @classmethod
    async def open(
        cls,
        url: str = DEFAULT_URL,
        root_key: RootKeys | None = None,
        *,
        pair_limit: int = 1,
        threads: int = 1,
        pool: Mapping[KeyPairSpec | str, int] | None = None,
        pool_max_age: float = POOL_MAX_AGE_SECONDS,
        pairwise_test: bool = False,
        refuse_format_1: bool = False,
    ) -> Self:
        """Open an instance; arguments and errors are those of ``Instance.open``."""
        instance = await asyncio.to_thread(
            Instance.open,
            url,
            root_key,
            pair_limit=pair_limit,
            threads=threads,
            pool=pool,
            pool_max_age=pool_max_age,
            pairwise_test=pairwise_test,
            refuse_format_1=refuse_format_1,
        )
        return cls(instance)

    async def close(self) -> None:
        """Wait for the operations under way, then close the instance.

        What is begun afterwards is refused with ``DatabaseError``; twice does nothing.
        """
        self._closed = True
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown)
        await asyncio.to_thread(self._instance.close)

    async def __aenter__(self) -> Self:
        """Use the instance in an ``async with`` statement; leaving it closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the instance."""
        await self.close()

    async def _run(self, call: Callable[[], Answer]) -> Answer:
        if self._closed:
            raise closed()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="pairsmith")
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    generate_data_key_pair = _cancellable(Instance.generate_data_key_pair)
    generate_data_key_pair_without_plaintext = _cancellable(
        Instance.generate_data_key_pair_without_plaintext
    )
    advance_generate_data_key_pair = _cancellable(
        Instance.advance_generate_data_key_pair
    )
    advance_generate_data_key_pair_without_plaintext = _cancellable(
        Instance.advance_generate_data_key_pair_without_plaintext
    )
    generate_data_key_pairs = _batch(Instance.generate_data_key_pairs)
    generate_data_key_pairs_without_plaintext = _batch(
        Instance.generate_data_key_pairs_without_plaintext
    )
    advance_generate_data_key_pairs = _batch(Instance.advance_generate_data_key_pairs)
    advance_generate_data_key_pairs_without_plaintext = _batch(
        Instance.advance_generate_data_key_pairs_without_plaintext
    )
    decrypt = _awaitable(Instance.decrypt)
    advance_decrypt = _awaitable(Instance.advance_decrypt)
    encrypt = _awaitable(Instance.encrypt)
    advance_encrypt = _awaitable(Instance.advance_encrypt)
    generate_data_key = _awaitable(Instance.generate_data_key)
    advance_generate_data_key = _awaitable(Instance.advance_generate_data_key)
    re_encrypt = _awaitable(Instance.re_encrypt)
    re_encrypt_record = _awaitable(Instance.re_encrypt_record)
    generate_random = _awaitable(Instance.generate_random)

    create_key = _awaitable(Instance.create_key)
    describe_key = _awaitable(Instance.describe_key)
    list_keys = _awaitable(Instance.list_keys)
    update_key_description = _awaitable(Instance.update_key_description)
    enable_key = _awaitable(Instance.enable_key)
    disable_key = _awaitable(Instance.disable_key)
    schedule_key_deletion = _awaitable(Instance.schedule_key_deletion)
    cancel_key_deletion = _awaitable(Instance.cancel_key_deletion)
    set_deletion_protection = _awaitable(Instance.set_deletion_protection)
    tag_key = _awaitable(Instance.tag_key)
    untag_key = _awaitable(Instance.untag_key)
    list_tags = _awaitable(Instance.list_tags)
    create_alias = _awaitable(Instance.create_alias)
    update_alias = _awaitable(Instance.update_alias)
    delete_alias = _awaitable(Instance.delete_alias)
    list_aliases = _awaitable(Instance.list_aliases)
    list_aliases_by_key_id = _awaitable(Instance.list_aliases_by_key_id)
    create_key_version = _awaitable(Instance.create_key_version)
    describe_key_version = _awaitable(Instance.describe_key_version)
    list_key_versions = _awaitable(Instance.list_key_versions)
    retire_key_version = _awaitable(Instance.retire_key_version)
    restore_key_version = _awaitable(Instance.restore_key_version)
    update_rotation_policy = _awaitable(Instance.update_rotation_policy)
    pool_status = _awaitable(Instance.pool_status)
    warm_up = _awaitable(Instance.warm_up)
    run_maintenance = _awaitable(Instance.run_maintenance)
    repair_key = _awaitable(Instance.repair_key)
    rewrap = _awaitable(Instance.rewrap)


_instances: weakref.WeakSet[AsyncInstance] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """The parent's threads do not exist in the child; it makes its own when needed."""
    for instance in list(_instances):
        instance._executor = None  # noqa: SLF001 -- the same module


os.register_at_fork(after_in_child=_after_fork_in_child)
