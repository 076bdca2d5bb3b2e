"""AsyncInstance: the same operations, awaited."""

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest

from pairsmith import AsyncInstance, Instance, errors
from waiting import PATIENCE_SECONDS

SEARCHES = 200


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end."""
    asyncio.run(test)


def test_it_has_every_operation_of_instance() -> None:
    """Nothing that Instance does is missing, and arguments have the same names."""
    for name, method in inspect.getmembers(Instance, inspect.isfunction):
        if name.startswith("_") or name == "close":
            continue
        twin = getattr(AsyncInstance, name)
        if isinstance(inspect.getattr_static(Instance, name), staticmethod):
            assert twin is method, name
            continue
        assert inspect.iscoroutinefunction(twin), name
        assert inspect.signature(twin) == inspect.signature(method), name


def test_pairs_are_generated_and_opened(url: str) -> None:
    """A pair made by one await is opened by another."""

    async def test() -> None:
        async with await AsyncInstance.open(url) as kms:
            key = await kms.create_key("async")
            pair = await kms.generate_data_key_pair(key.key_id, "RSA_2048", "PEM")
            opened = await kms.decrypt(pair.record())
            assert opened.plaintext == pair.private_key_plaintext
            with pytest.raises(errors.KeyNotFound):
                await kms.encrypt("alias/none", b"x")

    run(test())


def test_the_event_loop_keeps_turning(url: str) -> None:
    """While RSA_4096 pairs are searched for, the loop serves others."""

    async def test() -> None:
        async with await AsyncInstance.open(url) as kms:
            key_id = (await kms.create_key()).key_id
            turns, during = 0, 0

            async def tick() -> None:
                nonlocal turns
                while True:
                    await asyncio.sleep(0)
                    turns += 1

            ticking = asyncio.create_task(tick())
            for _ in range(SEARCHES):  # some are lucky and short
                before = turns
                await kms.generate_data_key_pair(key_id, "RSA_4096", "DER")
                during = max(during, turns - before)
                if during > 50:  # beginning and ending a search take a few
                    break
            ticking.cancel()
            assert during > 50

    run(test())


def test_cancelling_a_task_stops_the_search_and_frees_the_guard(url: str) -> None:
    """After the task of the last pair was cancelled, the next one is served."""

    async def test() -> None:
        async with await AsyncInstance.open(url) as kms:
            key_id = (await kms.create_key()).key_id
            for _ in range(10):
                task = asyncio.create_task(
                    kms.generate_data_key_pair(
                        key_id, "RSA_4096", "DER", wait=PATIENCE_SECONDS
                    )
                )
                await asyncio.sleep(0.005)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await kms.generate_data_key_pair(
                key_id, "EC_P256", "DER", wait=PATIENCE_SECONDS
            )

    run(test())


def test_one_of_many_tasks_is_served_at_a_time(url: str) -> None:
    """The guard holds between tasks; waiting tasks are all served in the end."""

    async def test() -> None:
        async with await AsyncInstance.open(url) as kms:
            key_id = (await kms.create_key()).key_id
            guard = kms._instance._guard
            slot = guard.acquire()
            tasks = [
                kms.generate_data_key_pair(key_id, "EC_P256", "DER") for _ in range(6)
            ]
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {errors.Throttled}
            guard.release(slot)
            waiting = [
                kms.generate_data_key_pair(
                    key_id, "EC_P256", "DER", wait=PATIENCE_SECONDS
                )
                for _ in range(20)
            ]
            assert len(await asyncio.gather(*waiting)) == 20

    run(test())


def test_batches_are_iterated_without_stopping_the_loop(url: str) -> None:
    """Every pair of a batch arrives; one that is left early frees the guard."""

    async def test() -> None:
        async with await AsyncInstance.open(url) as kms:
            key_id = (await kms.create_key()).key_id
            batch = await kms.generate_data_key_pairs(key_id, "EC_P256", "PEM", 500)
            pairs = [pair async for pair in batch]
            assert len({pair.encoded_public_key for pair in pairs}) == 500
            opened = await kms.decrypt(pairs[-1].record())
            assert opened.plaintext == pairs[-1].private_key_plaintext
            async with await kms.advance_generate_data_key_pairs_without_plaintext(
                key_id, "RSA_2048", "DER", 10**6
            ) as endless:
                async for pair in endless:
                    assert pair.key_version_id is not None
                    break
            await kms.generate_data_key_pair(key_id, "EC_P256", "PEM")

    run(test())
