"""Every key that a request names is authorised, and forbidden ones are told alike.

Each operation and action is sent with each of its parameters that name a key set to a
key that the principal may not use: one that works, is disabled, waits for deletion, is
due to rotate, or is not there; by id, by alias and by ARN.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from applications import NOW, Application
from openapi_caller import Caller, Refused
from signing import error_of

from pairsmith import Instance
from pairsmith.errors import DecryptionError
from pairsmith.registry.schema import registry as registry_table
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.operations import OPERATIONS
from pairsmith.server.openapi.actions import ACTIONS
from pairsmith.server.openapi.parameters import Parameter
from pairsmith.server.path import hallway
from pairsmith.server.path.decision import Decided

MISSING = "key-" + "0" * 21
BEGUN = NOW - timedelta(days=2)
"""From when identities are valid: the registry's clock is ahead of the server's."""

KEYS = {"RegionId": "local", "ResourceType": "key"}


@dataclass
class Keys:
    """Keys of an instance: one that may be used, and the names of those that may not.

    Attributes:
        mine: Its id; it is ``alias/mine`` too.
        theirs: The id of another that works; it is ``alias/theirs`` too.
        forbidden: Ids and aliases of all the others.
    """

    mine: str
    theirs: str
    forbidden: list[str]


@pytest.fixture
def keys(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Keys in every state; one of them is due to rotate."""
    registry = instance.registry
    ids = {
        name: registry.create_key(name, rotation_interval="7d").key_id
        for name in ("mine", "theirs", "disabled", "deleted", "due")
    }
    for name, key_id in ids.items():
        registry.create_alias(f"alias/{name}", key_id)
    registry.disable_key(ids["disabled"])
    registry.schedule_key_deletion(ids["deleted"], 366)
    for name in ("mine", "theirs"):
        registry.update_rotation_policy(ids[name], enabled=False)
    now_ms = registry.access.now_ms
    monkeypatch.setattr(registry.access, "now_ms", lambda: now_ms() + 30 * 86_400_000)
    others = [name for name in ids if name != "mine"]
    names = [each for name in others for each in (ids[name], f"alias/{name}")]
    return Keys(ids["mine"], ids["theirs"], [*names, MISSING, "alias/missing"])


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_operations_tell_forbidden_keys_alike(
    application: Application, instance: Instance, keys: Keys, operation: str
) -> None:
    """One and the same answer, but for the name that was sent; and no write."""
    client = application.client(f"*:{keys.mine}", not_before=BEGUN)
    request = getattr(messages, f"{operation}Request")
    if "KeyId" not in request.DESCRIPTOR.fields_by_name:
        assert operation == "GenerateRandom"
        return
    for fields in valid_messages(instance, keys.mine, operation):
        for name in (keys.mine, "alias/mine"):
            assert client.send(operation, request(**fields, KeyId=name)).is_success
        before = written(instance)
        for name in keys.forbidden:
            error = error_of(client.send(operation, request(**fields, KeyId=name)))
            words = f'This operation for "{name}" is forbidden by permission system.'
            assert (error.StatusCode, error.ErrorCode) == (
                403,
                "Forbidden.NoPermission",
            ), (fields, name)
            assert error.ErrorMessage == words
        assert written(instance) == before


def valid_messages(
    instance: Instance, key_id: str, operation: str
) -> list[dict[str, Any]]:
    """Fields of an operation that is served for that key, all but KeyId."""
    plain = instance.encrypt(key_id, b"x")
    advance = instance.advance_encrypt(key_id, b"x")
    opened = {"CiphertextBlob": plain.ciphertext_blob, "Iv": plain.iv}
    if operation == "AdvanceDecrypt":
        return [opened, {"CiphertextBlob": advance.ciphertext_blob}]
    if operation == "Decrypt":
        return [opened]
    if operation.endswith("Encrypt"):
        return [{"Plaintext": b"x"}]
    if operation.endswith("GenerateDataKey"):
        return [{"NumberOfBytes": 32}]
    return [{"KeyPairSpec": "EC_P256", "KeyFormat": "DER"}]


def written(instance: Instance) -> Any:
    """What changes with every write to the registry."""
    with instance.registry.access.database.reading() as connection:
        return connection.execute(sa.select(registry_table)).all()


def test_blobs_tell_forbidden_keys_alike(
    application: Application, instance: Instance, keys: Keys
) -> None:
    """An Advance blob names a key, too: of a forbidden key, or of one that is not."""
    client = application.client(f"*:{keys.mine}", not_before=BEGUN)
    caller = application.caller(f"*:{keys.mine}", not_before=BEGUN)
    mine = instance.advance_encrypt(keys.mine, b"x").ciphertext_blob
    theirs = instance.advance_encrypt(keys.theirs, b"x").ciphertext_blob
    version = theirs[3:39]
    before = written(instance)
    for key_id in [name for name in keys.forbidden if name.startswith("key-")]:
        made_up = mine[:3] + key_id.encode() + version[25:] + mine[39:]
        for blob in (made_up, theirs):
            of_blob = blob[3:28].decode()
            for name in ("", keys.mine, key_id):
                message = messages.AdvanceDecryptRequest(
                    CiphertextBlob=blob, KeyId=name
                )
                error = error_of(client.send("AdvanceDecrypt", message))
                assert error.ErrorCode == "Forbidden.NoPermission"
                assert f'"{of_blob}"' in error.ErrorMessage
            text = base64.b64encode(blob).decode()
            given = {"CiphertextBlob": text, "DestinationKeyId": keys.mine}
            assert outcome(caller, "ReEncrypt", given) == FORBIDDEN
    assert written(instance) == before


WORDS = "This operation is forbidden by permission system."
FORBIDDEN = (403, "Forbidden.NoPermission", WORDS)


def outcome(caller: Caller, action: str, given: dict[str, str]) -> tuple[int, str, str]:
    """Status, code and message of an action's answer."""
    try:
        caller.call(action, **given)
    except Refused as refused:
        return refused.status, refused.code, refused.message
    return 200, "OK", ""


NAMING = [
    (action, parameter) for action in ACTIONS for parameter in ACTIONS[action].keys
]


@pytest.mark.parametrize(("action", "parameter"), NAMING)
def test_actions_tell_forbidden_keys_alike(
    application: Application,
    instance: Instance,
    keys: Keys,
    action: str,
    parameter: str,
) -> None:
    """One and the same answer, by id, alias or ARN; in a list, too; and no write."""
    caller = application.caller(f"*:{keys.mine}", not_before=BEGUN)
    given = valid_parameters(instance, keys.mine)[action]
    if action == "CancelKeyDeletion":
        instance.schedule_key_deletion(keys.mine, 366)
    if action != "DeleteAlias":  # which can be done once
        assert outcome(caller, action, given) == (200, "OK", ""), given
    before = written(instance)
    for name in keys.forbidden:
        of_kind = "" if name.startswith("alias/") else "key/"
        for text in (name, f"acs:kms:local:0:{of_kind}{name}"):
            if parameter == "AliasName" and not text.startswith("alias/"):
                continue
            if parameter == "ResourceId":
                named = given | {"ResourceId.1": text}
                also = given | {"ResourceId.2": text}
                assert outcome(caller, action, also) == FORBIDDEN, also
            else:
                named = given | {parameter: text}
            assert outcome(caller, action, named) == FORBIDDEN, named
    assert written(instance) == before


def valid_parameters(instance: Instance, key_id: str) -> dict[str, dict[str, str]]:
    """Parameters with which each action that names a key is done for that key."""
    version = instance.describe_key(key_id).primary_key_version
    blob = instance.advance_encrypt(key_id, b"x").ciphertext_blob
    key = {"KeyId": key_id}
    resources = KEYS | {"ResourceId.1": key_id}
    return {
        "DescribeKey": key,
        "UpdateKeyDescription": key | {"Description": "x"},
        "EnableKey": key,
        "DisableKey": key,
        "ScheduleKeyDeletion": key | {"PendingWindowInDays": "366"},
        "CancelKeyDeletion": key,
        "SetDeletionProtection": key | {"EnableDeletionProtection": "false"},
        "CreateKeyVersion": key,
        "DescribeKeyVersion": key | {"KeyVersionId": version},
        "ListKeyVersions": key,
        "UpdateRotationPolicy": key | {"EnableAutomaticRotation": "false"},
        "CreateAlias": key | {"AliasName": "alias/new"},
        "UpdateAlias": key | {"AliasName": "alias/mine"},
        "DeleteAlias": {"AliasName": "alias/mine"},
        "ListAliasesByKeyId": key,
        "TagResource": key | {"Tags": json.dumps([{"TagKey": "a", "TagValue": "b"}])},
        "UntagResource": key | {"TagKeys": '["a"]'},
        "ListResourceTags": key,
        "TagResources": resources | {"Tag.1.Key": "a"},
        "UntagResources": resources | {"All": "true"},
        "ListTagResources": resources,
        "ReEncrypt": {
            "CiphertextBlob": base64.b64encode(blob).decode(),
            "DestinationKeyId": key_id,
            "SourceKeyId": key_id,
        },
    }  # fmt: skip


def test_no_parameter_that_names_a_key_is_forgotten() -> None:
    """Each one is among those that are authorised; a new alias names no key yet."""
    meaning = ("KeyId", "Arn", "ResourceId", "AliasName")
    for name, action in ACTIONS.items():
        for parameter in action.parameters:
            is_key = any(parameter.name.endswith(each) for each in meaning)
            is_key = is_key and parameter.name != "ClientKeyId"
            if (name, parameter.name) != ("CreateAlias", "AliasName"):
                assert (parameter.name in action.keys) is is_key, (name, parameter.name)
            assert isinstance(parameter, Parameter) or parameter.limit <= 50


def test_a_name_beside_a_blob_neither_rotates_nor_opens(
    application: Application, instance: Instance, keys: Keys
) -> None:
    """Who may use every key gets the answer of a blob that does not belong there."""
    client = application.client(not_before=BEGUN)
    blob = instance.advance_encrypt(keys.mine, b"x").ciphertext_blob
    before = written(instance)
    for name in ("alias/due", instance.describe_key("alias/due").key_id, keys.theirs):
        message = messages.AdvanceDecryptRequest(CiphertextBlob=blob, KeyId=name)
        error = error_of(client.send("AdvanceDecrypt", message))
        assert error.ErrorCode == "InternalFailure"
        with pytest.raises(DecryptionError):
            instance.advance_decrypt(blob, key_id=name)
    for name in ("alias/mine", keys.mine, ""):
        opened = client.call("AdvanceDecrypt", CiphertextBlob=blob, KeyId=name)
        assert opened.Plaintext == b"x"
    assert written(instance) == before


def move_when_decided(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, key_id: str
) -> None:
    """Let ``alias/mine`` lead to a key as soon as a request was decided about."""

    def with_moving(original: Callable[..., Decided]) -> Callable[..., Decided]:
        def moved(*arguments: Any) -> Decided:
            decided = original(*arguments)
            if any(key.name == "alias/mine" for key in decided.call.keys):
                instance.registry.update_alias("alias/mine", key_id)
            return decided

        return moved

    for name in ("decide", "decide_in_database"):
        monkeypatch.setattr(hallway, name, with_moving(getattr(hallway, name)))


@pytest.mark.parametrize("rule", ["{}", "alias/mine", "tag:a=b"])
def test_what_is_decided_about_is_what_is_used(
    application: Application,
    instance: Instance,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
) -> None:
    """An alias that moves after the decision does not lead the work to another key."""
    instance.registry.tag_key(keys.mine, {"a": "b"})
    rights = f"crypto,decrypt:{rule.format(keys.mine)}"
    client = application.client(rights, not_before=BEGUN)
    hidden = instance.encrypt(keys.theirs, b"hidden")
    move_when_decided(instance, monkeypatch, keys.theirs)
    named = {"KeyId": "alias/mine"}
    blob = {"CiphertextBlob": hidden.ciphertext_blob, "Iv": hidden.iv}
    refused = client.send("Decrypt", messages.DecryptRequest(**named, **blob))
    assert error_of(refused).ErrorCode == "InternalFailure"
    for operation in ("Encrypt", "AdvanceEncrypt"):
        instance.registry.update_alias("alias/mine", keys.mine)
        assert client.call(operation, **named, Plaintext=b"x").KeyId == keys.mine


LATER = {"UpdateAlias", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion"}
"""Actions that would move the alias back, or forbid what comes after them."""


def test_actions_work_on_what_was_decided_about(
    application: Application,
    instance: Instance,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each action that names a key but by an alias that it is to change."""
    caller = application.caller(f"*:{keys.mine}", not_before=BEGUN)
    given = valid_parameters(instance, keys.mine)
    move_when_decided(instance, monkeypatch, keys.theirs)
    theirs = instance.describe_key(keys.theirs)
    for action, parameter in NAMING:
        if parameter == "AliasName" or action in LATER:
            continue
        instance.registry.update_alias("alias/mine", keys.mine)
        name = "ResourceId.1" if parameter == "ResourceId" else parameter
        named = given[action] | {name: "alias/mine"}
        assert outcome(caller, action, named) == (200, "OK", ""), named
    assert instance.describe_key(keys.theirs) == theirs
    assert instance.registry.list_tags(keys.theirs) == ()
    assert instance.describe_key(keys.mine).description == "x"


def test_a_name_that_comes_twice_means_one_key(
    application: Application,
    instance: Instance,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each right is asked for on the same key, though the alias moves in between."""
    rules = f"ReEncryptFrom:{keys.mine}", f"ReEncryptTo:{keys.theirs}"
    caller = application.caller(*rules, not_before=BEGUN)
    given = valid_parameters(instance, keys.mine)["ReEncrypt"]
    given |= {"SourceKeyId": "alias/mine", "DestinationKeyId": "alias/mine"}
    move_when_decided(instance, monkeypatch, keys.theirs)
    assert outcome(caller, "ReEncrypt", given) == FORBIDDEN
