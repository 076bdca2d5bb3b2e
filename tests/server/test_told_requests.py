"""Each line of the audit log names every identifier of its request, and no secret."""

import base64
import json
from typing import Any

import pytest
from applications import Application
from openapi_caller import Refused
from requests_of import (
    AAD,
    ACTIONS,
    CONTEXT,
    OPERATIONS,
    PASSWORD,
    PLAINTEXT,
    SECRET,
    Asked,
    World,
    texts,
)

from pairsmith import Instance
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api import operations
from pairsmith.server.openapi import actions
from pairsmith.server.openapi.parameters import Repeated

SECRETS = (
    PASSWORD,
    *(text.decode() for text in (PLAINTEXT, AAD)),
    *(base64.b64encode(text).decode()[:-4] for text in (PLAINTEXT, AAD)),
    *CONTEXT.values(),
)

RENAMED = {
    "CreateClientKey": ("CreateIdentity", "CreateClient"),
    "DeleteClientKey": ("UpdateIdentity", "RevokeIdentity"),
}
"""Changes that have another name in the registry, for other ways lead to them, too."""


@pytest.fixture
def world(application: Application, instance: Instance) -> World:
    """Two keys, and an application that serves them."""
    made = World(application, instance)
    assert made.one != made.two
    return made


def last_line(world: World) -> str:
    """The newest line of the audit log, as it is written."""
    return json.dumps(world.application.audit.entries[-1].to_dict())


def plain(asked: Asked) -> list[str]:
    """Every text that a line about the request must have."""
    told = {name: each for name, each in asked.given.items() if name not in SECRET}
    words = [text for each in told.values() for text in texts(each) if text]
    return [
        *(word for word in words if not word.startswith("WyJ")),  # a page's token
        *asked.behind,
    ]


def missing(words: list[str], line: str) -> list[str]:
    """Those that are not in it."""
    return [word for word in words if word not in line]


def names_of(action: str) -> set[str]:
    """Every parameter of an action, as it is written on the wire."""
    found = set()
    for parameter in actions.ACTIONS[action].parameters:
        if isinstance(parameter, Repeated):
            ends = [f".{field}" for field in parameter.fields] or [""]
            found |= {f"{parameter.name}.1{end}" for end in ends}
        else:
            found.add(parameter.name)
    return found


def test_every_action_and_operation_has_a_case() -> None:
    """A new one fails here until its line is looked at."""
    assert ACTIONS.keys() == actions.ACTIONS.keys()
    assert OPERATIONS.keys() == operations.OPERATIONS.keys()


def test_secret_parameters_are_those_and_no_others() -> None:
    """Whoever adds a parameter decides here whether the log may tell it."""
    every = [each for action in actions.ACTIONS.values() for each in action.parameters]
    assert {each.name for each in every if getattr(each, "secret", False)} == SECRET


@pytest.mark.parametrize("action", ACTIONS)
def test_a_line_names_all_of_an_action(action: str, world: World) -> None:
    """What was asked for, the real ids behind it, and what was made."""
    asked = ACTIONS[action](world)
    assert names_of(action) <= asked.given.keys()
    answer = world.application.caller().call(action, **asked.given)
    line = last_line(world)
    shown: dict[str, Any] = answer | answer.get("KeyMetadata", {})
    shown |= answer.get("KeyVersion", {})
    made = [shown[name] for name in asked.made]
    assert missing([*plain(asked), *made], line) == []
    assert [word for word in SECRETS if word in line] == []
    assert json.loads(line)["code"] == "OK"


@pytest.mark.parametrize("action", ACTIONS)
def test_a_change_is_in_the_change_log_of_the_same_request(
    action: str, world: World
) -> None:
    """By the same principal and request id, about all that was changed; else none."""
    asked = ACTIONS[action](world)
    registry = world.instance.registry
    before = registry.changes_head().sequence
    caller = world.application.caller()
    assert registry.changes_head().sequence == before + 1  # the caller's access key
    answer = caller.call(action, **asked.given)
    after = registry.verify_changes().lines
    if asked.changes is None:
        assert after == before + 1
        return
    assert after == before + 2
    (change,) = registry.changes(limit=1)
    actor, line = change.told["actor"], json.loads(last_line(world))
    assert actor["kind"] == "server"
    assert actor["request_id"] == line["request_id"] == answer["RequestId"]
    assert actor["principal_id"] == line["principal_id"] == caller.key_id
    assert (actor["principal_kind"], actor["principal_name"]) == ("access_key", "test")
    assert actor["remote_address"] == line["remote_address"] == "127.0.0.1"
    assert change.told["operation"] in (action, *RENAMED.get(action, ()))
    shown: dict[str, Any] = answer | answer.get("KeyMetadata", {})
    shown |= answer.get("KeyVersion", {})
    made = [shown[name] for name in asked.made]
    text = json.dumps(change.told, ensure_ascii=False)
    assert missing([*asked.changes, *made], text) == []
    assert [word for word in SECRETS if word in text] == []


@pytest.mark.parametrize(
    "action", [name for name in ACTIONS if name != "DescribeRegions"]
)
def test_a_line_names_what_somebody_was_refused(action: str, world: World) -> None:
    """Who has no right to it leaves a line with everything that was asked for."""
    asked = ACTIONS[action](world)
    caller = world.application.caller("DescribeRegions")
    head = world.instance.registry.changes_head()
    with pytest.raises(Refused):
        caller.call(action, **asked.given)
    assert world.instance.registry.changes_head() == head
    line = last_line(world)
    behind = set(asked.behind) - {"alias/one"}
    assert missing([word for word in plain(asked) if word not in behind], line) == []
    assert [word for word in SECRETS if word in line] == []
    assert json.loads(line)["code"] != "OK"


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("rules", [(), ("DescribeRegions",)])
def test_a_line_names_all_of_an_operation(
    name: str, rules: tuple[str, ...], world: World
) -> None:
    """Granted or refused: names and numbers, and nothing that is bytes."""
    asked = OPERATIONS[name](world)
    kind = getattr(messages, f"{name}Request")
    fields = kind.DESCRIPTOR.fields_by_name
    assert set(fields) <= asked.given.keys()
    request = kind(**{key: asked.given[key] for key in fields})
    response = world.application.client(*rules).send(name, request)
    assert response.status_code == (200 if not rules else 403)
    line = last_line(world)
    told = [
        text
        for key in fields
        if not isinstance(asked.given[key], bytes)
        for text in texts(asked.given[key])
        if text
    ]
    behind = [] if rules and name != "AdvanceDecrypt" else asked.behind
    assert missing([*told, *behind], line) == []
    assert [word for word in SECRETS if word in line] == []


def test_a_line_tells_what_was_opened(world: World) -> None:
    """Message, data key or pair, whichever operation opened it; nothing else does."""
    client, instance, key = world.application.client(), world.instance, "alias/one"
    pair = instance.generate_data_key_pair_without_plaintext(key, "EC_P256", "PEM")
    advance = instance.advance_generate_data_key_pair_without_plaintext(
        key, "EC_P256", "PEM"
    )
    data_key = instance.generate_data_key(key, 32)
    for purpose, sealed in (
        ("message", instance.encrypt(key, PLAINTEXT)),
        ("data key", data_key),
        ("data key", instance.advance_generate_data_key(key, 32)),
        ("message", instance.advance_encrypt(key, PLAINTEXT)),
    ):
        client.call("AdvanceDecrypt", CiphertextBlob=sealed.ciphertext_blob,
                    Iv=sealed.iv, KeyId=key)  # fmt: skip
        assert json.loads(last_line(world))["purpose"] == purpose
    for made in (pair, advance):
        client.call("AdvanceDecrypt", CiphertextBlob=made.private_key_ciphertext_blob,
                    Iv=made.iv, KeyId=key)  # fmt: skip
        assert json.loads(last_line(world))["purpose"] == "pair"
    client.call("Decrypt", CiphertextBlob=data_key.ciphertext_blob, Iv=data_key.iv,
                KeyId=key)  # fmt: skip
    assert json.loads(last_line(world))["purpose"] == "data key"
    client.call("Encrypt", KeyId=key, Plaintext=PLAINTEXT)
    assert "purpose" not in json.loads(last_line(world))


def test_what_was_not_understood_is_told_as_it_was_written(world: World) -> None:
    """A wrong value, too many of one, and an action or operation that is not there."""
    caller = world.application.caller()
    many = {f"ResourceId.{number}": f"key-{number}x" for number in range(1, 60)}
    for action, given in (
        ("ScheduleKeyDeletion", {"KeyId": "alias/one", "PendingWindowInDays": "soon"}),
        ("TagResource", {"KeyId": "alias/one", "Tags": '[{"TagKey": "team'}),
        ("CreateClientKey", {"AapName": "app", "NotBefore": "1949"}),
        ("TagResources", many | {"RegionId": "local", "ResourceType": "key"}),
        ("UpdateAlias", {"AliasName": "alias/one"}),
        ("DropKey", {}),
    ):
        with pytest.raises(Refused):
            caller.call(action, **given)
        line = json.loads(last_line(world))
        assert line.get("operation", line["request"].get("Action")) == action
        assert missing([*given.values()], json.dumps(line, ensure_ascii=False)
                       .replace('\\"', '"')) == []  # fmt: skip
    client = world.application.client()
    client.send("GetSecretValue", messages.GetSecretValueRequest(SecretName="db"))
    line = json.loads(last_line(world))
    assert line["request"] == {"ApiName": "GetSecretValue", "SecretName": "db"}
    client.send("DropKey")
    assert json.loads(last_line(world))["request"] == {"ApiName": "DropKey"}
    client.send("Encrypt", b"\xff\xff no message")
    assert "request" not in json.loads(last_line(world))


def test_a_line_is_bounded_whatever_is_sent(world: World) -> None:
    """Long texts and many of them are cut."""
    caller = world.application.caller()
    tags = [{"TagKey": "k" * 5000, "TagValue": "v" * 5000}] * 100
    for action, given in (
        ("CreateKey", {"Description": "d" * 500_000}),
        ("TagResource", {"KeyId": "k" * 500_000, "Tags": json.dumps(tags)}),
        ("X" * 100_000, {}),
    ):
        caller.send(action, {}, form=given)
        line = json.loads(last_line(world))
        assert line.get("operation", line["request"].get("Action")) == action[:512]
        assert len(last_line(world)) < 250_000
