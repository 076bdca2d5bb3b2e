"""The registry against a model of plain dictionaries, in every order of operations."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from clock import DAY
from pairsmith.errors import PairsmithError
from pairsmith.registry import Registry
from places import Place

OK = ""
USE = {
    "Enabled": OK,
    "Disabled": "Rejected.Disabled",
    "PendingDeletion": "Rejected.PendingDeletion",
}
UNMODIFIED = "Rejected.StateModifiedFailed"
ALIASES = [f"alias/{name}" for name in "abcd"]


@dataclass
class ModelKey:
    """What a key should be."""

    description: str
    versions: list[str]
    last_rotation: float
    state: str = "Enabled"
    interval: float | None = None
    delete_at: float | None = None
    protected: bool = False
    tags: dict[str, str] = field(default_factory=dict)


class RegistryMachine(RuleBasedStateMachine):
    """Two nodes on one database; each operation goes to either of them."""

    keys = Bundle("keys")
    new_database: Callable[[Path], AbstractContextManager[str]]

    @initialize()
    def open(self) -> None:
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
        self.directory = tempfile.TemporaryDirectory(dir=base, prefix="pairsmith-")
        path = Path(self.directory.name)
        self.database = ExitStack()
        url = self.database.enter_context(self.new_database(path))
        self.place = Place(url, path)
        self.nodes = [self.place.open(), self.place.open()]
        self.model: dict[str, ModelKey] = {}
        self.aliases: dict[str, str] = {}
        self.turn = 0

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.place.opened.close()
            self.database.close()
            self.directory.cleanup()

    @property
    def node(self) -> Registry:
        """Take turns, and let each node forget how fresh its cache is."""
        self.turn += 1
        node = self.nodes[self.turn % 2]
        node._access.cache.fresh_until = 0.0
        return node

    def now(self) -> float:
        return self.place.clock.now

    def attempt(self, expected: str, operation: str, *args: object) -> object:
        """Call an operation that should end with this code."""
        if operation in ("resolve_primary", "resolve_initial"):
            call = partial(
                self.node.resolve, *args, primary=operation.endswith("primary")
            )
        else:
            call = partial(getattr(self.node, operation), *args)
        if expected == OK:
            return call()
        with pytest.raises(PairsmithError) as caught:
            call()
        assert caught.value.code == expected, (operation, args)
        return None

    def alive(self, key: str) -> ModelKey | None:
        """Forget whatever is to be destroyed by now; give the key if it is left."""
        for gone in [k for k, m in self.model.items() if self.is_over(m)]:
            del self.model[gone]
            self.aliases = {a: k for a, k in self.aliases.items() if k != gone}
        return self.model.get(key)

    def is_over(self, key: ModelKey) -> bool:
        return key.delete_at is not None and key.delete_at <= self.now()

    def expect(self, key: str, codes: dict[str, str]) -> str:
        """Tell the code for an operation on this key, by its state."""
        model = self.alive(key)
        return codes.get(model.state, OK) if model else "Forbidden.KeyNotFound"

    # Rules.

    @rule(target=keys, text=st.text(max_size=20), days=st.sampled_from([None, 7, 30]))
    def create_key(self, text: str, days: int | None) -> object:
        text = text.replace("\0", "")
        self.alive("")
        interval = None if days is None else f"{days}d"
        made = self.node.create_key(text, rotation_interval=interval)
        self.model[made.key_id] = ModelKey(
            text,
            [made.primary_key_version],
            self.now(),
            interval=None if days is None else days * DAY,
        )
        return made.key_id

    @rule(key=keys, text=st.sampled_from(["", "one", "two"]))
    def update_description(self, key: str, text: str) -> None:
        code = self.expect(key, {"PendingDeletion": "Rejected.PendingDeletion"})
        self.attempt(code, "update_key_description", key, text)
        if code == OK:
            self.model[key].description = text

    @rule(key=keys, state=st.sampled_from(["Enabled", "Disabled"]))
    def switch(self, key: str, state: str) -> None:
        code = self.expect(key, {"PendingDeletion": UNMODIFIED})
        name = "enable_key" if state == "Enabled" else "disable_key"
        self.attempt(code, name, key)
        if code == OK:
            self.model[key].state = state

    @rule(key=keys, days=st.sampled_from([7, 8, 366]))
    def schedule_deletion(self, key: str, days: int) -> None:
        code = self.expect(key, {"PendingDeletion": UNMODIFIED})
        if code == OK and self.model[key].protected:
            code = "Rejected.UnsupportedOperation"
        self.attempt(code, "schedule_key_deletion", key, days)
        if code == OK:
            self.model[key].state = "PendingDeletion"
            self.model[key].delete_at = self.now() + days * DAY

    @rule(key=keys)
    def cancel_deletion(self, key: str) -> None:
        code = self.expect(key, {"Enabled": UNMODIFIED, "Disabled": UNMODIFIED})
        self.attempt(code, "cancel_key_deletion", key)
        if code == OK:
            self.model[key].state = "Enabled"
            self.model[key].delete_at = None

    @rule(key=keys, enabled=st.booleans())
    def protect(self, key: str, enabled: bool) -> None:  # noqa: FBT001 -- a strategy's
        code = self.expect(key, {"PendingDeletion": "Rejected.PendingDeletion"})
        self.attempt(code, "set_deletion_protection", key, enabled)
        if code == OK:
            self.model[key].protected = enabled

    @rule(key=keys, tags=st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12")))
    def tag(self, key: str, tags: dict[str, str]) -> None:
        code = self.expect(key, {})
        self.attempt(code, "tag_key", key, tags)
        if code == OK:
            self.model[key].tags |= tags

    @rule(key=keys, tag=st.sampled_from("xyz"))
    def untag(self, key: str, tag: str) -> None:
        code = self.expect(key, {})
        self.attempt(code, "untag_key", key, [tag])
        if code == OK:
            self.model[key].tags.pop(tag, None)

    @rule(key=keys, alias=st.sampled_from(ALIASES))
    def create_alias(self, key: str, alias: str) -> None:
        code = self.expect(key, {"PendingDeletion": UNMODIFIED})
        if code == OK and alias in self.aliases:
            code = "AliasAlreadyExists"
        self.attempt(code, "create_alias", alias, key)
        if code == OK:
            self.aliases[alias] = key

    @rule(key=keys, alias=st.sampled_from(ALIASES))
    def update_alias(self, key: str, alias: str) -> None:
        code = self.expect(key, {"PendingDeletion": "Rejected.PendingDeletion"})
        if code == OK and alias not in self.aliases:
            code = "Forbidden.AliasNotFound"
        self.attempt(code, "update_alias", alias, key)
        if code == OK:
            self.aliases[alias] = key

    @rule(alias=st.sampled_from(ALIASES))
    def delete_alias(self, alias: str) -> None:
        self.alive("")
        code = OK if alias in self.aliases else "Forbidden.AliasNotFound"
        self.attempt(code, "delete_alias", alias)
        self.aliases.pop(alias, None)

    @rule(key=keys)
    def create_version(self, key: str) -> None:
        code = self.expect(key, USE)
        made = self.attempt(code, "create_key_version", key)
        if made is not None:
            self.model[key].versions.append(made.key_version_id)
            self.model[key].last_rotation = self.now()

    @rule(key=keys, days=st.sampled_from([None, 7, 30, 365]))
    def set_policy(self, key: str, days: int | None) -> None:
        code = self.expect(key, USE)
        args = (key, days is not None, f"{days}d")
        self.attempt(code, "update_rotation_policy", *args)
        if code == OK:
            self.model[key].interval = None if days is None else days * DAY

    @rule(key=keys)
    def use_primary(self, key: str) -> None:
        code = self.expect(key, USE)
        found = self.attempt(code, "resolve_primary", key)
        if found is not None:
            self.note_rotation(key, found.key_version_id)
            assert found.key_version_id == self.model[key].versions[-1]

    @rule(key=keys, data=st.data())
    def use_by_version(self, key: str, data: st.DataObject) -> None:
        code = self.expect(key, USE)
        if code == "Forbidden.KeyNotFound":
            return
        version = data.draw(st.sampled_from(self.model[key].versions))
        found = self.attempt(code, "resolve_version", version)
        assert found is None or found.key_version_id == version

    @rule(alias=st.sampled_from(ALIASES))
    def use_initial_by_alias(self, alias: str) -> None:
        self.alive("")
        key = self.aliases.get(alias, "")
        code = self.expect(key, USE)
        found = self.attempt(code, "resolve_initial", alias)
        if found is not None:
            assert found.key_version_id == self.model[key].versions[0]

    @rule(days=st.sampled_from([0.5, 3, 7, 40, -3, -40]))
    def let_time_pass(self, days: float) -> None:
        self.alive("")
        if days < 0:  # what was due has been noticed before the clock is set back
            self.maintain()
        self.place.clock.advance(days=days)

    @rule()
    def maintain(self) -> None:
        self.alive("")
        report = self.node.run_maintenance()
        for key in report.rotated:
            newest = self.node.describe_key(key).primary_key_version
            self.note_rotation(key, newest)
        due = [key for key in self.model if self.is_due(key)]
        assert due == []

    @rule(target=keys, gone=consumes(keys))
    def drop(self, gone: str) -> object:
        """Let hypothesis forget keys that are gone, so that rules meet living ones."""
        return multiple() if self.alive(gone) is None else multiple(gone)

    def is_due(self, key: str) -> bool:
        model = self.model[key]
        return (
            model.interval is not None
            and model.state == "Enabled"
            and model.last_rotation + model.interval <= self.now()
        )

    def note_rotation(self, key: str, newest: str) -> None:
        """Accept a new version exactly when one was due."""
        if self.is_due(key):
            assert newest not in self.model[key].versions
            self.model[key].versions.append(newest)
            self.model[key].last_rotation = self.now()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "nodes"):
            return
        self.alive("")
        node = self.node
        shown = {key.key_id: key for key in node.list_keys(page_size=100).items}
        assert list(shown) == list(self.model)
        for key, model in self.model.items():
            found = shown[key]
            assert found.description == model.description
            assert found.key_state == model.state
            assert found.initial_key_version == model.versions[0]
            assert found.primary_key_version == model.versions[-1]
            assert found.deletion_protection == model.protected
            assert (found.delete_date is not None) == (model.delete_at is not None)
            listed = node.list_key_versions(key, page_size=100).items
            assert [each.key_version_id for each in listed] == model.versions
            tags = {tag.tag_key: tag.tag_value for tag in node.list_tags(key)}
            assert tags == model.tags
        bound = {a.alias_name: a.key_id for a in node.list_aliases(1, 100).items}
        assert bound == self.aliases


@pytest.mark.parametrize(
    ("database", "examples"),
    [
        ("sqlite", 12),
        ("postgresql", 3),
        pytest.param("sqlite", 100, marks=pytest.mark.slow),
        pytest.param("postgresql", 100, marks=pytest.mark.slow),
    ],
)
def test_every_order_of_operations(
    request: pytest.FixtureRequest, database: str, examples: int
) -> None:
    """The registry and the model agree after each of many operations."""
    url = _on_sqlite
    if database == "postgresql":
        server, migrated = map(request.getfixturevalue, ("postgresql", "migrated"))
        url = lambda _: server.database(migrated)  # noqa: E731 -- named above

    class Machine(RegistryMachine):
        new_database = staticmethod(url)

    how = settings(
        max_examples=examples, stateful_step_count=40, deadline=None, derandomize=True
    )
    run_state_machine_as_test(Machine, settings=how)


def _on_sqlite(directory: Path) -> AbstractContextManager[str]:
    return nullcontext(f"sqlite:///{directory}/kms.db")
