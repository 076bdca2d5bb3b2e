"""A change and its line are one: killed anywhere between, there is neither or both."""

import os
import signal
from collections.abc import Callable
from typing import Any

import points
import pytest
import sqlalchemy as sa

from pairsmith.registry import Registry
from places import Place

Change = Callable[[Registry], Any]

CHANGES: dict[str, Change] = {
    "tags of two keys": lambda registry: registry.tag_keys(
        ["alias/one", "alias/two"], {"new": "tag"}
    ),
    "another key behind an alias": lambda registry: registry.update_alias(
        "alias/one", "alias/two"
    ),
    "a new key": lambda registry: registry.create_key("new", tags={"new": "tag"}),
}


def state(place: Place) -> list[Any]:
    """Everything that those changes change."""
    return [
        sorted(map(tuple, place.execute(f"SELECT {columns}")))
        for columns in (
            "key_id, tag_key FROM tags", "alias_name, key_id FROM aliases",
            "key_id FROM keys", "key_version_id FROM key_versions",
        )
    ]  # fmt: skip


def change_in_child(place: Place, change: Change, last: int) -> int:
    """Make a change in a child that is killed before that statement or commit.

    Returns:
        How it ended; ``points.DONE`` if it has fewer statements.
    """

    def work() -> None:
        passed = 0

        def reach(*_: object) -> None:
            nonlocal passed
            if passed == last:
                os.kill(os.getpid(), signal.SIGKILL)
            passed += 1

        registry = Registry.open(place.url, place.root_key, background=False)
        sa.event.listen(sa.Engine, "before_cursor_execute", reach)
        sa.event.listen(sa.Engine, "commit", reach)
        change(registry)

    return points.run(work)


@pytest.mark.parametrize("name", CHANGES)
def test_killed_between_change_and_line_there_is_neither(
    place: Place, name: str
) -> None:
    """At every statement of the transaction, and before its commit."""
    with place.open() as registry:
        for alias in ("alias/one", "alias/two"):
            registry.create_alias(alias, registry.create_key().key_id)
        head = registry.changes_head()
    before = state(place)
    killed = 0
    while change_in_child(place, CHANGES[name], killed) == -signal.SIGKILL:
        assert state(place) == before, killed
        with place.open() as registry:
            assert registry.verify_changes().head == head, killed
        killed += 1
    assert killed > 8
    assert state(place) != before
    with place.open() as registry:
        assert registry.verify_changes().head.sequence == head.sequence + 1
