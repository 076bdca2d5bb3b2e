"""Waiting for what has to happen, on a machine of any speed."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 180
"""Only ends a test that hangs: far longer than anything takes on a busy machine."""

POLL_SECONDS = 0.01


def eventually(ask: Callable[[], Any], is_right: Callable[[Any], Any] = bool) -> Any:
    """Ask until the answer is right, and give it; fail if it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_right(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(POLL_SECONDS)
    return answer
