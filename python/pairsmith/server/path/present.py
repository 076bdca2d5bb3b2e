"""The present view of the registry, which all requests of an event loop share.

It is believed for a quarter of a second. Then one look at the database's change counter
renews it, in a thread, for all requests that wait by then: not one look for each.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pairsmith.registry.access import Access
    from pairsmith.registry.view import View

    InThread = Callable[[Callable[[], None]], Awaitable[None]]


class PresentView:
    """Gives the view of the present; used in one event loop.

    Args:
        registry: Of which.
        in_thread: Does something in a thread.
    """

    def __init__(self, registry: Access, in_thread: InThread) -> None:
        self._registry = registry
        self._in_thread = in_thread
        self._renewal: asyncio.Task[None] | None = None

    async def get(self) -> View | None:
        """Give the view; ``None`` if the registry changes while it is being renewed.

        Raises:
            DatabaseError: The registry cannot be looked at.
            ServiceUnavailable: Too much waits for threads already.
        """
        view = self._registry.present_view()
        if view is not None:
            return view
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.ensure_future(self._renew())
        # Whoever goes away does not take the look from the others.
        await asyncio.shield(self._renewal)
        return self._registry.present_view()

    async def _renew(self) -> None:
        await self._in_thread(self._registry.renew)
