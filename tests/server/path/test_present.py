"""One look at the database renews what all requests that wait believe."""

import asyncio
from collections.abc import Callable
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest
from applications import Application

from pairsmith.errors import DatabaseError
from pairsmith.server.path.hallway import RENEWAL
from pairsmith.server.path.present import PresentView
from pairsmith.server.path.threads import FairThreads


class Looks:
    """A registry that is looked at, and the thread in which that is done.

    Attributes:
        count: How often it was looked at.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self.error = error
        self.view: object | None = None
        self.may_end = asyncio.Event()
        self.registry: Any = SimpleNamespace(
            present_view=lambda: self.view, renew=self.renew
        )

    def renew(self) -> None:
        if self.error is not None:
            raise self.error
        self.view = object()

    async def in_thread(self, look: Callable[[], None]) -> None:
        self.count += 1
        await self.may_end.wait()
        look()


def test_all_who_wait_share_one_look() -> None:
    """And who comes afterwards takes none."""

    async def test() -> None:
        looks = Looks()
        present = PresentView(looks.registry, looks.in_thread)
        waiting = [asyncio.ensure_future(present.get()) for _ in range(100)]
        await asyncio.sleep(0)
        looks.may_end.set()
        views = await asyncio.gather(*waiting)
        assert {id(view) for view in views} == {id(looks.view)}
        assert await present.get() is looks.view
        assert looks.count == 1

    asyncio.run(test())


def test_who_goes_away_takes_the_look_from_nobody() -> None:
    """The others still get the view."""

    async def test() -> None:
        looks = Looks()
        present = PresentView(looks.registry, looks.in_thread)
        first, second = (asyncio.ensure_future(present.get()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        looks.may_end.set()
        assert await second is looks.view
        assert looks.count == 1

    asyncio.run(test())


def test_a_look_that_fails_is_told_to_all_and_made_again() -> None:
    """The next request tries anew."""

    async def test() -> None:
        looks = Looks(DatabaseError("gone"))
        looks.may_end.set()
        present = PresentView(looks.registry, looks.in_thread)
        outcomes = await asyncio.gather(
            *(present.get() for _ in range(3)), return_exceptions=True
        )
        assert all(isinstance(each, DatabaseError) for each in outcomes)
        with pytest.raises(DatabaseError):
            await present.get()
        looks.error = None
        assert await present.get() is looks.view

    asyncio.run(test())


def test_strangers_do_not_keep_the_view_from_being_renewed(
    application: Application, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has an account of its own among those who take threads."""
    accounts: list[str] = []
    run = FairThreads.run

    async def noted(threads: FairThreads, principal_id: str, work: Any) -> Any:
        accounts.append(principal_id)
        return await run(threads, principal_id, work)

    client = application.client()
    client.call("Encrypt", KeyId=key_id, Plaintext=b"x")
    monkeypatch.setattr(FairThreads, "run", noted)
    application.instance.registry.access.cache.fresh_until = -inf
    client.call("Encrypt", KeyId=key_id, Plaintext=b"x")
    assert accounts == [RENEWAL]
