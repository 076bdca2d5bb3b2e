"""Honest changes after a dishonest one.

What is not as it was left is changed by nobody, for that would make it authentic; and
everything else can be changed as ever.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from random import Random

from campaign_report import Report
from database_mutations import Mutation
from mutated_world import Opened, World
from questions import DOCUMENTED, identity_object, key_object, page_object

from pairsmith.errors import PairsmithError
from pairsmith.registry.revisions import page_of

Write = Callable[[], object]

LATER = datetime(2026, 7, 1, tzinfo=UTC)
USABLE = ("plain", "other", "retired", "protected")
"""Keys that may be changed in every way."""


class Writes:
    """Tries operations that write."""

    def __init__(self, here: Opened, world: World, report: Report) -> None:
        self._here, self._world, self._report = here, world, report

    def on_damaged(self, change: Mutation) -> Iterable[str]:
        """Change what was damaged; each must be refused."""
        for name, write in self._of_objects(change.damaged):
            refused = self._refusal(write)
            if refused is None:
                yield f"{name} has changed what is not as it was left"
            elif refused:
                yield f"{name}: {refused}"

    def elsewhere(self, change: Mutation, random: Random) -> Iterable[str]:
        """Change something that nobody has touched; that must work."""
        objects = [
            *(key_object(self._world.keys[label]) for label in USABLE),
            identity_object(self._world.identities["app"]),
        ]
        whole = [each for each in objects if not {each, _page(each)} & change.touched]
        for name, write in self._of_objects(frozenset(random.sample(whole, 1))):
            try:
                write()
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is a finding
                yield f"{name} of what was not touched: {error!r:.300}"

    def _of_objects(self, objects: frozenset[str]) -> Iterable[tuple[str, Write]]:
        registry, store = self._here.registry, self._here.store
        for key in self._world.keys.values():
            if key_object(key) in objects:
                for name, write in (
                    ("tag_key", lambda key: registry.tag_key(key, {"New": "1"})),
                    ("describe", lambda key: registry.update_key_description(key, "x")),
                    ("create_key_version", registry.create_key_version),
                    ("create_alias", lambda key: registry.create_alias(NEW, key)),
                    ("delete_alias", lambda _: registry.delete_alias(NEW)),
                    ("disable_key", registry.disable_key),
                    ("enable_key", registry.enable_key),
                ):
                    yield name, partial(write, key)
        for identity in self._world.identities.values():
            if identity_object(identity) in objects:
                yield "set_not_after", partial(store.set_not_after, identity, LATER)

    def _refusal(self, write: Write) -> str | None:
        """Nothing if it succeeds; empty for a documented refusal, else what it was."""
        try:
            write()
        except PairsmithError as error:
            self._report.refusals[type(error).__name__] += 1
            return "" if error.code in DOCUMENTED else repr(error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is a finding
            return repr(error)
        return None


NEW = "alias/written"


def _page(name: str) -> str:
    return page_object(page_of(name))
