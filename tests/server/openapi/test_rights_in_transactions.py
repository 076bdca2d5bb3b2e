"""Rights are judged in the transaction that does the work, whatever was known before.

Another process changes what a right hangs on once a request is admitted: it is another
registry on the same database, of whose changes the server's caches do not know.
"""

import contextvars
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest
from applications import NOW, Application
from openapi_caller import Caller
from test_named_keys import FORBIDDEN, KEYS, outcome, valid_parameters, written

from pairsmith import Instance
from pairsmith.registry import Registry
from pairsmith.server.access import credentials
from pairsmith.server.access.credentials import FixedClient
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.openapi.actions import ACTIONS
from pairsmith.server.openapi.context import Action, Content, Context

OK = (200, "OK", "")
MISSING = (404, "Forbidden.ResourceNotFound", "The specified resource is not found.")
PASSWORD = "pass-word1"
RIGHT = {"Right": "yes"}
TAGS = json.dumps([{"TagKey": "Right", "TagValue": "yes"}])

NAMING = {name for name, action in ACTIONS.items() if action.keys}
JUDGED = sorted(NAMING - {"ListTagResources", "ReEncrypt"})
"""Actions on keys that are named: but for a list, which is narrowed, and for data."""

Step = Callable[[], object]
"""What another process does meanwhile."""


@pytest.fixture
def elsewhere(url: str, instance: Instance) -> Iterator[Registry]:
    """The registry of another process."""
    assert instance
    with Registry.open(url, background=False) as opened:
        yield opened


@pytest.fixture
def mine(instance: Instance) -> str:
    """A key with the tag and the alias that rights hang on, and with another alias."""
    key_id = instance.registry.create_key("mine", tags=RIGHT).key_id
    for alias in ("alias/right", "alias/mine"):
        instance.create_alias(alias, key_id)
    return key_id


@pytest.fixture
def theirs(instance: Instance) -> str:
    """A key without the right."""
    key_id = instance.create_key("theirs").key_id
    instance.create_alias("alias/theirs", key_id)
    return key_id


def prepared(instance: Instance, key_id: str, action: str) -> dict[str, str]:
    """Parameters with which an action can be done for a key now."""
    given = valid_parameters(instance, key_id)[action]
    if action == "CancelKeyDeletion":
        instance.schedule_key_deletion(key_id, 366)
    return given


@contextmanager
def once_admitted(action: str, step: Step) -> Iterator[None]:
    """Let something happen between the admission of each such request and its work."""
    original = ACTIONS[action]

    def run(context: Context, given: Any) -> Content:
        contextvars.Context().run(step)  # another process knows of no actor here
        return original.run(context, given)

    with pytest.MonkeyPatch.context() as patched:
        actions = cast("dict[str, Action]", ACTIONS)
        patched.setitem(actions, action, replace(original, run=run))
        yield


def answer_after(
    application: Application,
    caller: Caller,
    action: str,
    given: dict[str, str],
    step: Step,
) -> tuple[int, str, str]:
    """What is answered if something happens meanwhile; if not OK, nothing is done."""
    instance, before = application.instance, []

    def everything() -> Any:
        return written(instance), instance.registry.changes_head()

    def first() -> None:
        step()
        before.append(everything())

    with once_admitted(action, first):
        answer = outcome(caller, action, given)
    assert len(before) == 1
    entry = application.audit.entries[-1]
    assert (entry.operation, entry.code, entry.http_status) == (
        action,
        answer[1],
        answer[0],
    )
    if answer != OK:
        assert before == [everything()]
    return answer


def test_the_right_to_every_key_that_is_named_is_judged() -> None:
    """Of each action but those whose rights are no right to the action on a key."""
    for name, action in ACTIONS.items():
        permission = action.permission(name, parse_policy(["*"]))
        has_others = action.rights is not None or action.named is not None
        assert (permission is None) is has_others, name
        if has_others:
            assert name == "ReEncrypt" or name.endswith(("ClientKey", "ClientKeys"))


@pytest.mark.parametrize("right", ["tag:Right=yes", "alias/right"])
@pytest.mark.parametrize("action", JUDGED)
def test_a_right_that_is_taken_away_meanwhile_is_gone(
    application: Application,
    elsewhere: Registry,
    mine: str,
    theirs: str,
    action: str,
    right: str,
) -> None:
    """403, audited, and nothing is written; given back, the action is done."""
    given = prepared(application.instance, mine, action)
    caller = application.caller(f"{action}:{right}")
    take: Step = partial(elsewhere.untag_key, mine, ["Right"])
    give: Step = partial(elsewhere.tag_key, mine, RIGHT)
    if right.startswith("alias/"):
        take = partial(elsewhere.update_alias, right, theirs)
        give = partial(elsewhere.update_alias, right, mine)
    assert answer_after(application, caller, action, given, take) == FORBIDDEN
    assert application.audit.entries[-1].key_ids == (mine,)
    if action == "CancelKeyDeletion":
        elsewhere.cancel_key_deletion(mine)
    give()
    prepared(application.instance, mine, action)
    assert outcome(caller, action, given) == OK


@pytest.mark.parametrize("action", JUDGED)
def test_a_right_that_stays_is_a_right(
    application: Application, elsewhere: Registry, mine: str, action: str
) -> None:
    """Whatever else changes; and a star needs no facts at all."""
    given = prepared(application.instance, mine, action)
    caller = application.caller(f"{action}:tag:Right=yes")
    change = partial(elsewhere.delete_alias, "alias/right")
    assert answer_after(application, caller, action, given, change) == OK
    if action not in ("DeleteAlias", "CreateAlias", "CancelKeyDeletion"):
        change = partial(elsewhere.untag_key, mine, ["Right"])
        if action == "ScheduleKeyDeletion":
            elsewhere.cancel_key_deletion(mine)
        mighty = application.caller("*")
        assert answer_after(application, mighty, action, given, change) == OK


@pytest.mark.parametrize("action", ["TagResource", "TagResources"])
def test_no_tag_justifies_itself(
    application: Application, elsewhere: Registry, mine: str, action: str
) -> None:
    """Who may not put a tag on a key any more does not get the right by that tag."""
    caller = application.caller("manage:tag:Right=yes")
    given = {"KeyId": mine, "Tags": TAGS}
    if action == "TagResources":
        tag = {"Tag.1.Key": "Right", "Tag.1.Value": "yes"}
        given = KEYS | {"ResourceId.1": mine, "ResourceId.2": mine} | tag
    take = partial(elsewhere.untag_key, mine, ["Right"])
    assert answer_after(application, caller, action, given, take) == FORBIDDEN
    assert elsewhere.list_tags(mine) == ()


@pytest.mark.parametrize("action", ["TagResources", "UntagResources"])
def test_of_several_keys_none_is_changed(
    application: Application, elsewhere: Registry, mine: str, theirs: str, action: str
) -> None:
    """If the right to one of them is taken away, whichever."""
    elsewhere.tag_key(theirs, RIGHT)
    caller = application.caller(f"{action}:tag:Right=yes")
    given = KEYS | {"ResourceId.1": mine, "ResourceId.2": theirs}
    given |= {"Tag.1.Key": "a"} if action == "TagResources" else {"TagKey.1": "Right"}
    for key_id in (mine, theirs):
        take = partial(elsewhere.untag_key, key_id, ["Right"])
        assert answer_after(application, caller, action, given, take) == FORBIDDEN
        elsewhere.tag_key(key_id, RIGHT)
    assert outcome(caller, action, given) == OK


@pytest.mark.parametrize("losing", [True, False])
def test_moving_an_alias_takes_the_right_to_both_keys(
    application: Application,
    elsewhere: Registry,
    mine: str,
    theirs: str,
    losing: bool,  # noqa: FBT001 -- a case of the test
) -> None:
    """To the key that loses it and to the one that gets it."""
    elsewhere.tag_key(theirs, RIGHT)
    caller = application.caller("UpdateAlias:tag:Right=yes")
    given = {"KeyId": mine, "AliasName": "alias/theirs"}
    key_id = theirs if losing else mine
    take = partial(elsewhere.untag_key, key_id, ["Right"])
    assert answer_after(application, caller, "UpdateAlias", given, take) == FORBIDDEN
    elsewhere.tag_key(key_id, RIGHT)
    assert outcome(caller, "UpdateAlias", given) == OK


@pytest.mark.parametrize("action", ["UpdateAlias", "DeleteAlias"])
def test_an_alias_that_moves_meanwhile_is_not_taken_from_its_new_key(
    application: Application, elsewhere: Registry, mine: str, theirs: str, action: str
) -> None:
    """The alias is what is named, so the key that has it then is judged."""
    caller = application.caller(f"{action}:tag:Right=yes")
    given = valid_parameters(application.instance, mine)[action]
    move = partial(elsewhere.update_alias, "alias/mine", theirs)
    assert answer_after(application, caller, action, given, move) == FORBIDDEN
    assert elsewhere.describe_key("alias/mine").key_id == theirs
    forget = partial(elsewhere.delete_alias, "alias/mine")
    elsewhere.update_alias("alias/mine", mine)
    assert answer_after(application, caller, action, given, forget) == FORBIDDEN


def test_a_protection_is_judged_by_whichever_name_it_is_asked_for(
    application: Application, elsewhere: Registry, mine: str
) -> None:
    """By id, by the ARN of the key, and by that of an alias."""
    action = "SetDeletionProtection"
    caller = application.caller(f"{action}:tag:Right=yes")
    for named in (
        {"ProtectedResourceArn": f"acs:kms:local:0:key/{mine}"},
        {"ProtectedResourceArn": "acs:kms:local:0:alias/mine"},
        {"ProtectedResourceArn": mine, "KeyId": mine},
    ):
        given = named | {"EnableDeletionProtection": "true"}
        take = partial(elsewhere.untag_key, mine, ["Right"])
        assert answer_after(application, caller, action, given, take) == FORBIDDEN
        elsewhere.tag_key(mine, RIGHT)
        assert outcome(caller, action, given) == OK


def test_lists_show_what_their_transaction_finds(
    application: Application, elsewhere: Registry, mine: str
) -> None:
    """They are not refused, but narrowed: nothing of the key is shown any more."""
    caller = application.caller("read:tag:Right=yes")
    given = {"RegionId": "local", "ResourceType": "key", "ResourceId__1": mine}
    shown: dict[str, Callable[[], list[Any]]] = {
        "ListKeys": lambda: caller.call("ListKeys")["Keys"]["Key"],
        "ListAliases": lambda: caller.call("ListAliases")["Aliases"]["Alias"],
        "ListTagResources": lambda: caller.call("ListTagResources", **given)[
            "TagResources"
        ]["TagResource"],
    }
    for action, listed in shown.items():
        assert listed()
        with once_admitted(action, partial(elsewhere.untag_key, mine, ["Right"])):
            assert listed() == []
        elsewhere.tag_key(mine, RIGHT)


# Client keys, by the names of which rights are given.


@pytest.fixture
def other_store(elsewhere: Registry) -> Iterator[AccessStore]:
    """The identities as another process has them."""
    made = AccessStore(elsewhere)
    yield made
    made.close()


@pytest.mark.parametrize("action", ["DeleteClientKey", "GetClientKey"])
def test_a_client_key_is_judged_by_the_name_that_it_has_then(
    application: Application, other_store: AccessStore, action: str
) -> None:
    """And one that is gone or revoked meanwhile like one that never was."""
    policy = parse_policy(["GenerateRandom"])
    callers = application.caller("clients:team-a-*"), application.caller("*")

    def renamed(key_id: str) -> None:
        other_store.remove(key_id)
        other_store.create_client("team-b", policy, fixed=FixedClient(key_id))

    steps: dict[Callable[[str], None], Any] = {
        other_store.remove: (FORBIDDEN, MISSING),
        other_store.revoke: (FORBIDDEN, MISSING),
        renamed: (FORBIDDEN, OK),
    }
    for step, answers in steps.items():
        for caller, expected in zip(callers, answers, strict=True):
            key_id = application.access.create_client("team-a-x", policy).key.id
            given = {"ClientKeyId": key_id}
            meanwhile = partial(step, key_id)
            answer = answer_after(application, caller, action, given, meanwhile)
            assert answer == expected, step
            if answer == FORBIDDEN and step is renamed:
                key = other_store.client(key_id)
                assert key is not None
                assert key.valid_at(NOW)


def test_what_a_new_client_key_may_do_is_decided_when_it_is_written(
    application: Application, other_store: AccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody makes one that may do more than its maker, or than its name does then."""
    weak, usual, strong = (
        parse_policy([rule]) for rule in ("GenerateRandom", "crypto:*", "*")
    )
    caller = application.caller("clients:*", "crypto:*")
    given = {"AapName": "app", "Password": PASSWORD}
    first = other_store.create_client("app", usual).key
    make = credentials.create_client_credential

    def minted(step: Step) -> tuple[int, str, str]:
        """Ask for a key, and let something happen while its key pair is made."""

        def made(*arguments: Any) -> Any:
            contextvars.Context().run(step)
            return make(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(credentials, "create_client_credential", made)
            return outcome(caller, "CreateClientKey", given)

    assert minted(partial(other_store.set_policy, first.id, strong)) == FORBIDDEN
    assert application.audit.entries[-1].code == "Forbidden.NoPermission"
    assert len(other_store.clients()) == 1
    other_store.set_policy(first.id, usual)
    assert minted(partial(other_store.set_policy, first.id, weak)) == OK
    assert application.audit.entries[-1].result["Allow"] == weak.texts()
    newest = other_store.clients()[-1]
    assert (newest.name, newest.policy) == ("app", weak)
    for key in other_store.clients()[1:]:
        other_store.revoke(key.id)
    assert minted(partial(other_store.revoke, first.id)) == MISSING
    assert len(other_store.clients()) == 2
