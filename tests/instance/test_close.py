"""Closing an instance, also while other threads use it."""

import asyncio
import os
import threading
import warnings
from collections.abc import Callable

import pytest

from pairsmith import AsyncInstance, Instance
from pairsmith.errors import DatabaseError, Throttled

CLOSED = "open it again"


def _uses(instance: Instance, key_id: str) -> list[Callable[[], object]]:
    return [
        lambda: instance.encrypt(key_id, b"x"),
        lambda: instance.generate_data_key_pair(key_id, "EC_P256", "DER"),
        instance.list_keys,
        instance.create_key,
        instance.run_maintenance,
    ]


def test_closed_instance_says_so(instance: Instance, key_id: str) -> None:
    """After close, and after a second one, every operation says what to do."""
    instance.encrypt(key_id, b"x")
    instance.close()
    instance.close()
    for use in _uses(instance, key_id):
        with pytest.raises(DatabaseError, match=CLOSED) as caught:
            use()
        assert not caught.value.retryable


def test_close_under_use(instance: Instance, key_id: str) -> None:
    """Operations of other threads end with a result or say that it was closed."""
    begun = threading.Barrier(6)
    failures: list[BaseException] = []

    def work(use: Callable[[], object]) -> None:
        begun.wait()
        while True:
            try:
                use()
            except Throttled:
                continue
            except DatabaseError as error:
                if CLOSED not in str(error):
                    failures.append(error)
                return
            except BaseException as error:
                failures.append(error)
                raise

    threads = [
        threading.Thread(target=work, args=(use,)) for use in _uses(instance, key_id)
    ]
    for thread in threads:
        thread.start()
    begun.wait()
    closers = [threading.Thread(target=instance.close) for _ in range(3)]
    for closer in closers:
        closer.start()
    for thread in threads + closers:
        thread.join(60)
        assert not thread.is_alive()
    assert failures == []
    assert instance.registry.access.database._engine.pool.checkedin() == 0


def test_slot_in_use_stays_taken(instance: Instance, url: str, key_id: str) -> None:
    """A batch that goes on after close keeps its slot until it ends."""
    batch = instance.generate_data_key_pairs(key_id, "EC_P256", "DER", 100)
    next(batch)
    instance.close()
    with Instance.open(url) as other:
        with pytest.raises(Throttled):
            other.generate_data_key_pair(key_id, "EC_P256", "DER")
        batch.close()
        assert other.generate_data_key_pair(key_id, "EC_P256", "DER")


def test_close_in_a_forked_child(instance: Instance, key_id: str) -> None:
    """A child that closes what it inherited leaves its parent's alone."""
    instance.encrypt(key_id, b"x")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            instance.close()
            instance.close()
            try:
                instance.list_keys()
            except DatabaseError:
                status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert instance.generate_data_key_pair(key_id, "EC_P256", "DER")


def test_async_close_under_use(url: str) -> None:
    """Awaited operations end, and what is begun after close is refused."""

    async def work() -> None:
        kms = await AsyncInstance.open(url)
        key = (await kms.create_key()).key_id
        under_way = [asyncio.create_task(kms.encrypt(key, b"x")) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.gather(kms.close(), kms.close())
        for each in await asyncio.gather(*under_way, return_exceptions=True):
            assert not isinstance(each, BaseException) or CLOSED in str(each)
        with pytest.raises(DatabaseError, match=CLOSED):
            await kms.list_keys()
        assert kms._executor is None

    asyncio.run(work())
