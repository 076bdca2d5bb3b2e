"""Rights on keys are judged where the keys are found, in the same transaction."""

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from tampering import relax

from clock import Clock
from pairsmith.errors import AliasNotFound, KeyNotFound, LimitExceeded, PairsmithError
from pairsmith.registry import Registry, parameters
from pairsmith.registry.access import Access
from pairsmith.registry.actor import Actor, acting
from pairsmith.registry.key_facts import KeyFacts, facts_of_absent
from pairsmith.registry.key_operations import KeyOperations
from pairsmith.registry.label_operations import LabelOperations
from pairsmith.registry.permission import permitted, require_permission
from pairsmith.registry.schema import aliases, key_versions
from pairsmith.registry.schema import registry as registry_table
from pairsmith.registry.tags import TagQuery
from places import Place

ABSENT = "key-" + "0" * 21


class Forbidden(PairsmithError):  # noqa: N818 -- that is what it says
    """The permission of these tests does not permit a key."""


class Asked:
    """A permission that notes what it is asked; ``rule`` tells what is permitted."""

    def __init__(self, rule: Callable[[KeyFacts], bool] = lambda _: True) -> None:
        self.facts: list[KeyFacts] = []
        self._rule = rule

    def __call__(self, facts: KeyFacts) -> None:
        self.facts.append(facts)
        if not self._rule(facts):
            raise Forbidden


def of_mine(facts: KeyFacts) -> bool:
    """A right that hangs on a tag."""
    return facts.tags.get("Team") == "mine"


def nothing(_: KeyFacts) -> bool:
    """No right at all."""
    return False


Call = Callable[[Registry, str], object]
"""One operation on the key of this name."""

OPERATIONS: dict[str, Call] = {
    "describe_key": lambda r, key: r.describe_key(key),
    "update_key_description": lambda r, key: r.update_key_description(key, "x"),
    "enable_key": lambda r, key: r.enable_key(key),
    "disable_key": lambda r, key: r.disable_key(key),
    "schedule_key_deletion": lambda r, key: r.schedule_key_deletion(key, 7),
    "cancel_key_deletion": lambda r, key: r.cancel_key_deletion(key),
    "set_deletion_protection": lambda r, key: r.set_deletion_protection(
        key, enabled=True
    ),
    "create_key_version": lambda r, key: r.create_key_version(key),
    "describe_key_version": lambda r, key: r.describe_key_version(key, version_of(r)),
    "list_key_versions": lambda r, key: r.list_key_versions(key),
    "retire_key_version": lambda r, key: r.retire_key_version(key, version_of(r)),
    "restore_key_version": lambda r, key: r.restore_key_version(key, version_of(r)),
    "update_rotation_policy": lambda r, key: r.update_rotation_policy(
        key, enabled=False
    ),
    "tag_key": lambda r, key: r.tag_key(key, {"a": "b"}),
    "untag_key": lambda r, key: r.untag_key(key, ["Team"]),
    "tag_keys": lambda r, key: r.tag_keys([key], {"a": "b"}),
    "untag_keys": lambda r, key: r.untag_keys([key], None),
    "list_tags": lambda r, key: r.list_tags(key),
    "create_alias": lambda r, key: r.create_alias("alias/new", key),
    "update_alias": lambda r, key: r.update_alias("alias/mine", key),
    "delete_alias": lambda r, key: r.delete_alias(key),
    "list_aliases_by_key_id": lambda r, key: r.list_aliases_by_key_id(key),
}
"""Every one that names a key."""

LISTS = {"list_keys", "list_aliases", "search_tags"}
"""Those that show many keys, of which the caller says which are meant."""


def version_of(registry: Registry) -> str:
    """The second of three versions of ``alias/mine``, found past all judgement."""
    bearer = sa.select(aliases.c.key_id).where(aliases.c.alias_name == "alias/mine")
    query = (
        sa.select(key_versions.c.key_version_id)
        .where(key_versions.c.key_id == bearer.scalar_subquery())
        .order_by(key_versions.c.sequence)
    )
    with registry.access.database.reading() as connection:
        return str(connection.execute(query).scalars().all()[1])


def written(registry: Registry) -> Any:
    """What changes with every write, the change log included."""
    with registry.access.database.reading() as connection:
        row = connection.execute(sa.select(registry_table)).one()
    return row, registry.changes_head()


@pytest.fixture
def key(registry: Registry) -> str:
    """A key of ours with an alias, a tag and three versions."""
    made = registry.create_key("mine", tags={"Team": "mine"}).key_id
    registry.create_alias("alias/mine", made)
    for _ in range(2):
        registry.create_key_version(made)
    return made


def test_no_operation_on_a_key_is_forgotten() -> None:
    """What takes the name of a key is in the table above."""
    naming = {"key_id", "key_ids", "alias_name"}
    for kind in (KeyOperations, LabelOperations):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("_") or name == "create_key":
                continue
            takes_name = bool(naming & inspect.signature(method).parameters.keys())
            assert takes_name is (name in OPERATIONS), name
            assert takes_name is (name not in LISTS), name


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_key_is_judged_where_it_is_found(
    registry: Registry, key: str, operation: str
) -> None:
    """By its facts before the change, once; if it is forbidden, nothing is written."""
    if operation == "cancel_key_deletion":
        registry.schedule_key_deletion(key, 366)
    names = ["alias/mine"] if operation == "delete_alias" else [key, "alias/mine"]
    facts = KeyFacts(key, ("alias/mine",), {"Team": "mine"})
    before = written(registry)
    for name in names:
        forbidding = Asked(nothing)
        with permitted(forbidding), pytest.raises(Forbidden):
            OPERATIONS[operation](registry, name)
        assert forbidding.facts == [facts], name
    assert written(registry) == before
    permitting = Asked(of_mine)
    with permitted(permitting):
        OPERATIONS[operation](registry, names[-1])
    assert permitting.facts == [facts]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_not_there_is_judged_too(
    registry: Registry, key: str, operation: str
) -> None:
    """Before it is told that it is not there."""
    assert key
    before = written(registry)
    names = {"alias/absent": AliasNotFound, ABSENT: KeyNotFound}
    if operation == "delete_alias":
        del names[ABSENT]
    for name, error in names.items():
        for asked, expected in ((Asked(nothing), Forbidden), (Asked(), error)):
            with permitted(asked), pytest.raises(expected):
                OPERATIONS[operation](registry, name)
            assert asked.facts == [facts_of_absent(name)]
    assert written(registry) == before


def test_each_name_that_leads_nowhere_is_judged(registry: Registry, key: str) -> None:
    """One that is permitted says nothing about the next, nor about itself later."""
    asked = Asked()
    with permitted(asked), registry.access.stored_keys() as stored:
        for name in ("alias/absent", "alias/other", "alias/absent"):
            with pytest.raises(AliasNotFound):
                stored.find(name)
        for name in (key, "alias/mine", key):
            assert stored.find(name).key_id == key
    absent, other = facts_of_absent("alias/absent"), facts_of_absent("alias/other")
    assert asked.facts[:3] == [absent, other, absent]
    assert [facts.id for facts in asked.facts[3:]] == [key]


def test_a_change_does_not_justify_itself(registry: Registry, key: str) -> None:
    """A right that a tag gives is not there until the tag is."""
    other = registry.create_key().key_id
    before = written(registry)
    with permitted(Asked(of_mine)):
        for call in (
            lambda: registry.tag_key(other, {"Team": "mine"}),
            lambda: registry.tag_keys([other], {"Team": "mine"}),
            lambda: registry.tag_keys([other, other], {"Team": "mine"}),
            lambda: registry.create_alias("alias/other", other),
        ):
            with pytest.raises(Forbidden):
                call()
    assert written(registry) == before
    assert registry.describe_key(key)


def test_a_change_does_not_take_its_own_right_away(
    registry: Registry, key: str
) -> None:
    """A key that is named twice is judged by what it was when it was found first."""
    asked = Asked(of_mine)
    with permitted(asked):
        registry.untag_keys([key, "alias/mine", key], ["Team"])
    assert asked.facts == [KeyFacts(key, ("alias/mine",), {"Team": "mine"})]
    assert registry.list_tags(key) == ()
    with permitted(asked), pytest.raises(Forbidden):
        registry.tag_key(key, {"Team": "mine"})


@pytest.mark.parametrize("change", ["tag_keys", "untag_keys"])
def test_of_several_keys_none_is_changed_if_one_is_forbidden(
    registry: Registry, key: str, change: str
) -> None:
    """Wherever it stands, and whether it is there."""
    other = registry.create_key().key_id
    before = written(registry)
    given: Any = {"a": "b"} if change == "tag_keys" else None
    for names in ([key, other], [other, key], [key, ABSENT], [key, "alias/absent"]):
        with permitted(Asked(of_mine)), pytest.raises(Forbidden):
            getattr(registry, change)(names, given)
    assert written(registry) == before


def test_moving_an_alias_takes_the_right_to_both_keys(
    registry: Registry, key: str
) -> None:
    """To the key that gets it, and to the one that loses it."""
    other = registry.create_key().key_id
    registry.create_alias("alias/other", other)
    before = written(registry)
    with permitted(Asked(of_mine)):
        for alias, to in (("alias/mine", other), ("alias/other", key)):
            with pytest.raises(Forbidden):
                registry.update_alias(alias, to)
        with pytest.raises(Forbidden):
            registry.delete_alias("alias/other")
        with pytest.raises(Forbidden):
            registry.update_alias("alias/absent", key)
    assert written(registry) == before
    registry.tag_key(other, {"Team": "mine"})
    asked = Asked(of_mine)
    with permitted(asked):
        registry.update_alias("alias/mine", other)
    assert [facts.id for facts in asked.facts] == [other, key]
    assert registry.describe_key("alias/mine").key_id == other


def test_an_alias_of_a_key_that_is_gone_is_judged_as_one_that_is_not_there(
    place: Place, registry: Registry, key: str
) -> None:
    """And who is permitted may still move or delete it."""
    relax(place)
    for alias in ("alias/gone", "alias/lost"):
        place.execute("INSERT INTO aliases VALUES (:a, :k)", a=alias, k=ABSENT)
    with permitted(Asked(of_mine)):
        with pytest.raises(Forbidden):
            registry.delete_alias("alias/gone")
        with pytest.raises(Forbidden):
            registry.update_alias("alias/gone", key)
    asked = Asked()
    with permitted(asked):
        registry.update_alias("alias/gone", key)
        registry.delete_alias("alias/lost")
    assert asked.facts[1:] == [
        facts_of_absent("alias/gone"),
        facts_of_absent("alias/lost"),
    ]
    assert [each.alias_name for each in registry.list_aliases().items] == [
        "alias/gone",
        "alias/mine",
    ]


def test_nobody_gets_a_right_by_a_row_that_somebody_has_written(
    place: Place, registry: Registry, key: str
) -> None:
    """A damaged key has no aliases and no tags, and is not told to be damaged."""
    place.execute("INSERT INTO tags VALUES (:k, 'b', 'c')", k=key)
    for operation, call in OPERATIONS.items():
        asked = Asked(of_mine)
        with permitted(asked), pytest.raises(Forbidden):
            call(registry, "alias/mine" if operation == "delete_alias" else key)
        assert asked.facts == [KeyFacts(key)], operation


def test_whoever_makes_a_key_is_not_asked_about_its_facts(registry: Registry) -> None:
    """It is judged as what is not there: no tag that it is given counts."""
    asked = Asked()
    with permitted(asked):
        made = registry.create_key(tags={"Team": "mine"}).key_id
    assert asked.facts == [facts_of_absent(made)]


def test_lists_are_for_their_callers_to_limit(registry: Registry, key: str) -> None:
    """They show what is meant, in their own transaction, and ask about no key."""
    asked = Asked(nothing)
    with permitted(asked):
        assert [each.key_id for each in registry.list_keys().items] == [key]
        assert [each.key_id for each in registry.list_aliases().items] == [key]
        assert [each.key_id for each in registry.search_tags(TagQuery())] == [key]
    assert asked.facts == []


def test_what_is_due_is_done_by_nobodys_right(
    registry: Registry, key: str, clock: Clock
) -> None:
    """A call that meets it is neither refused for it nor judged by it."""
    doomed = registry.create_key().key_id
    registry.schedule_key_deletion(doomed, 7)
    due = registry.create_key(rotation_interval="7d").key_id
    clock.advance(days=8)
    asked = Asked(of_mine)
    with acting(Actor("server")), permitted(asked):
        assert registry.describe_key(key)
        assert registry.access.rotate_if_due(due)
        assert registry.run_maintenance().destroyed == ()  # it is already
    assert {facts.id for facts in asked.facts} == {key}
    with pytest.raises(KeyNotFound):
        registry.describe_key(doomed)


def test_a_permission_is_for_what_is_inside_and_for_this_thread() -> None:
    """Errors inside and permissions within change nothing about that."""
    asked, inner = Asked(), Asked()
    with ThreadPoolExecutor(1) as other, permitted(asked):
        other.submit(require_permission, KeyFacts("a")).result()
        with suppress(ZeroDivisionError), permitted(inner):
            require_permission(KeyFacts("b"))
            1 / 0  # noqa: B018 -- an error inside
        require_permission(KeyFacts("c"))
    require_permission(KeyFacts("d"))
    assert [facts.id for facts in asked.facts] == ["c"]
    assert [facts.id for facts in inner.facts] == ["b"]


@pytest.mark.parametrize("taken", ["tag", "alias"])
def test_a_right_that_another_process_takes_away_before_the_transaction_is_gone(
    place: Place,
    registry: Registry,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    taken: str,
) -> None:
    """Whatever was known before: what counts is what the transaction finds."""
    elsewhere = place.open()
    other = registry.create_key().key_id

    def by_alias(facts: KeyFacts) -> bool:
        return "alias/mine" in facts.aliases

    begin_use = Access.begin_use

    def begin_after_them(self: Access) -> None:
        monkeypatch.setattr(Access, "begin_use", begin_use)
        with permitted(None):  # they know of nobody's right here
            if taken == "tag":
                elsewhere.untag_key(key, ["Team"])
            else:
                elsewhere.update_alias("alias/mine", other)
        begin_use(self)

    assert registry.describe_key("alias/mine").key_id == key
    monkeypatch.setattr(Access, "begin_use", begin_after_them)
    rule = of_mine if taken == "tag" else by_alias
    with permitted(Asked(rule)), pytest.raises(Forbidden):
        registry.disable_key(key)
    assert registry.describe_key(key).key_state == "Enabled"


def test_what_is_told_of_a_permitted_key_is_as_ever(
    registry: Registry, key: str
) -> None:
    """An error after the judgement changes nothing, either."""
    before = written(registry)
    many = {f"t{number}": "x" for number in range(parameters.TAGS_PER_KEY)}
    with permitted(Asked(of_mine)), pytest.raises(LimitExceeded):
        registry.tag_key(key, many)
    assert written(registry) == before
