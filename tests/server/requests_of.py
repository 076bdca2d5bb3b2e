"""One request for each operation of either API, with every parameter that there is."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from applications import NOW, Application
from openapi_caller import wire_date

from pairsmith import Instance
from pairsmith.parameters import encryption_context_aad

PASSWORD = "Passw0rdPassw0rd-never-told"
CONTEXT = {"tenant": "aad-never-told"}
AAD = b"aad-never-told"
PLAINTEXT = b"plaintext-never-told"
ARN = "acs:kms:local:0:"


@dataclass
class World:
    """An application, two keys with an alias each, and somebody to ask for them."""

    application: Application
    instance: Instance

    @cached_property
    def one(self) -> str:
        """A key, ``alias/one``, with a retired version and tags."""
        key_id = self.instance.create_key(tags={"old": "tag"}).key_id
        self.instance.create_key_version(key_id)
        self.instance.create_alias("alias/one", key_id)
        return key_id

    @cached_property
    def two(self) -> str:
        """Another, ``alias/two``."""
        key_id = self.instance.create_key(tags={"old": "tag"}).key_id
        self.instance.create_alias("alias/two", key_id)
        return key_id

    @cached_property
    def client_key_id(self) -> str:
        """A client key of the name "app"."""
        from pairsmith.server.access.policy import parse_policy

        made = self.application.access.create_client(
            "app", parse_policy([f"decrypt:{self.one}"])
        )
        return made.key.id

    def version(self, key_id: str) -> str:
        """Its primary version."""
        return self.instance.describe_key(key_id).primary_key_version


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        given: Its parameters.
        behind: What they mean and do not say: real ids, versions.
        made: What the answer names that the line must, too, as names of its fields.
        changes: What the line of the change log must name besides; ``None`` if the
            request changes nothing.
    """

    given: dict[str, Any]
    behind: list[str] = field(default_factory=list)
    made: tuple[str, ...] = ()
    changes: list[str] | None = None


Request = Callable[[World], Asked]


def texts(value: object) -> list[str]:
    """Every text of a parameter, of JSON each within it but the names of members."""
    match value:
        case dict():
            return [text for each in value.values() for text in texts(each)]
        case list():
            return [text for each in value for text in texts(each)]
        case str() if value.startswith(("[", "{")):
            return texts(json.loads(value))
    return [str(value)]


# The OpenAPI.


def _key(world: World) -> Asked:
    return Asked({"KeyId": "alias/one"}, [world.one])


def _change_of_key(world: World) -> Asked:
    return Asked({"KeyId": "alias/one"}, [world.one], changes=[world.one])


def _create_key(world: World) -> Asked:
    given = {
        "DKMSInstanceId": "kst-pairsmith",
        "KeySpec": "Aliyun_AES_256",
        "KeyUsage": "ENCRYPT/DECRYPT",
        "Origin": "Aliyun_KMS",
        "ProtectionLevel": "HSM",
        "Description": "for orders",
        "EnableAutomaticRotation": "true",
        "RotationInterval": "30d",
        "Tags": json.dumps([{"TagKey": "team", "TagValue": "core"}]),
        "Policy": "",
    }
    del world
    return Asked(given, made=("KeyId", "PrimaryKeyVersion"),
                 changes=["team", "core", "2592000s"])  # fmt: skip


def _list_keys(world: World) -> Asked:
    filters = [{"Key": "KeyId", "Values": [world.one, world.two]}]
    given = {"PageNumber": "1", "PageSize": "7", "Filters": json.dumps(filters)}
    return Asked(given, [world.one, world.two])


def _update_key_description(world: World) -> Asked:
    given = {"KeyId": "alias/one", "Description": "other orders"}
    return Asked(given, [world.one], changes=[world.one])


def _enable(world: World) -> Asked:
    world.instance.disable_key(world.one)
    return _change_of_key(world)


def _schedule(world: World) -> Asked:
    given = {"KeyId": world.one, "PendingWindowInDays": "17"}
    return Asked(given, changes=[world.one, "17"])


def _cancel(world: World) -> Asked:
    world.instance.schedule_key_deletion(world.one, 7)
    return _change_of_key(world)


def _protect(world: World) -> Asked:
    given = {
        "ProtectedResourceArn": f"{ARN}alias/one",
        "KeyId": "alias/two",
        "KmsInstanceId": "kst-pairsmith",
        "EnableDeletionProtection": "true",
        "DeletionProtectionDescription": "in use",
    }
    return Asked(given, [world.one, world.two], changes=[world.one])


def _rotation_policy(world: World) -> Asked:
    given = {
        "KeyId": "alias/one",
        "EnableAutomaticRotation": "true",
        "RotationInterval": "77d",
    }
    return Asked(given, [world.one], changes=[world.one, "6652800s"])


def _create_version(world: World) -> Asked:
    return Asked({"KeyId": "alias/one"}, [world.one], ("KeyVersionId",), [world.one])


def _describe_version(world: World) -> Asked:
    given = {"KeyId": "alias/one", "KeyVersionId": world.version(world.one)}
    return Asked(given, [world.one])


def _key_and_page(world: World) -> Asked:
    given = {"KeyId": "alias/one", "PageNumber": "1", "PageSize": "7"}
    return Asked(given, [world.one])


def _page(world: World) -> Asked:
    del world
    return Asked({"PageNumber": "1", "PageSize": "7"})


def _re_encrypt(world: World) -> Asked:
    blob = world.instance.advance_encrypt(
        world.one, PLAINTEXT, aad=encryption_context_aad(CONTEXT)
    ).ciphertext_blob
    given = {
        "CiphertextBlob": base64.b64encode(blob).decode(),
        "DestinationKeyId": "alias/two",
        "SourceEncryptionContext": json.dumps(CONTEXT),
        "DestinationEncryptionContext": json.dumps(CONTEXT),
        "SourceKeyId": "alias/one",
        "SourceKeyVersionId": world.version(world.one),
        "SourceEncryptionAlgorithm": "",
        "DryRun": "false",
    }
    return Asked(given, [world.one, world.two])


def _create_alias(world: World) -> Asked:
    given = {"AliasName": "alias/new", "KeyId": "alias/one"}
    return Asked(given, [world.one], changes=["alias/new", world.one])


def _update_alias(world: World) -> Asked:
    given = {"AliasName": "alias/one", "KeyId": f"{ARN}alias/two"}
    both = [world.one, world.two]
    return Asked(given, both, changes=["alias/one", *both])


def _delete_alias(world: World) -> Asked:
    return Asked({"AliasName": "alias/one"}, [world.one],
                 changes=["alias/one", world.one])  # fmt: skip


def _tag(world: World) -> Asked:
    tags = [{"TagKey": "team", "TagValue": "core"}, {"TagKey": "x", "TagValue": "yz"}]
    given = {"KeyId": "alias/one", "Tags": json.dumps(tags)}
    return Asked(given, [world.one], changes=[world.one, "team", "core", "x", "yz"])


def _untag(world: World) -> Asked:
    given = {"KeyId": "alias/one", "TagKeys": '["old", "none"]'}
    return Asked(given, [world.one], changes=[world.one, "old"])


def _several(world: World) -> dict[str, str]:
    del world
    return {
        "RegionId": "local",
        "ResourceType": "key",
        "ResourceId.1": "alias/one",
        "ResourceId.2": f"{ARN}alias/two",
    }


def _tag_several(world: World) -> Asked:
    tags = {
        "Tag.1.Key": "team", "Tag.1.Value": "core",
        "Tag.2.Key": "stage", "Tag.2.Value": "test",
    }  # fmt: skip
    both = [world.one, world.two]
    return Asked(_several(world) | tags, both, changes=[*both, *tags.values()])


def _untag_several(world: World) -> Asked:
    tags = {"TagKey.1": "old", "TagKey.2": "none", "All": "false"}
    both = [world.one, world.two]
    return Asked(_several(world) | tags, both, changes=[*both, "old"])


def _list_tags_of_several(world: World) -> Asked:
    token = base64.urlsafe_b64encode(b'["key-a", "old"]').decode()
    more = {"ResourceId.1": world.one, "ResourceId.2": world.two, "Tag.1.Key": "old",
            "Tag.1.Value": "tag", "NextToken": token}  # fmt: skip
    return Asked(_several(world) | more, ["key-a"])


def _create_client_key(world: World) -> Asked:
    assert world.client_key_id
    given = {
        "AapName": "app",
        "Password": PASSWORD,
        "NotBefore": wire_date(NOW),
        "NotAfter": wire_date(NOW + timedelta(days=30)),
    }
    rights = f"decrypt:{world.one}"
    return Asked(
        given, [rights], ("ClientKeyId",), ["app", rights, wire_date(NOW)[:19]]
    )


def _client_key(world: World) -> Asked:
    return Asked({"ClientKeyId": world.client_key_id})


def _delete_client_key(world: World) -> Asked:
    key_id = world.client_key_id
    return Asked({"ClientKeyId": key_id}, changes=[key_id, "app"])


def _list_client_keys(world: World) -> Asked:
    return Asked({"AapName": "app"}, [world.client_key_id])


def _nothing(world: World) -> Asked:
    del world
    return Asked({})


def _instance(world: World) -> Asked:
    del world
    return Asked({"KmsInstanceId": "kst-pairsmith"})


ACTIONS: dict[str, Request] = {
    "CreateKey": _create_key,
    "DescribeKey": _key,
    "ListKeys": _list_keys,
    "UpdateKeyDescription": _update_key_description,
    "EnableKey": _enable,
    "DisableKey": _change_of_key,
    "ScheduleKeyDeletion": _schedule,
    "CancelKeyDeletion": _cancel,
    "SetDeletionProtection": _protect,
    "UpdateRotationPolicy": _rotation_policy,
    "CreateKeyVersion": _create_version,
    "DescribeKeyVersion": _describe_version,
    "ListKeyVersions": _key_and_page,
    "ReEncrypt": _re_encrypt,
    "CreateAlias": _create_alias,
    "UpdateAlias": _update_alias,
    "DeleteAlias": _delete_alias,
    "ListAliases": _page,
    "ListAliasesByKeyId": _key_and_page,
    "TagResource": _tag,
    "UntagResource": _untag,
    "ListResourceTags": _key,
    "TagResources": _tag_several,
    "UntagResources": _untag_several,
    "ListTagResources": _list_tags_of_several,
    "CreateClientKey": _create_client_key,
    "GetClientKey": _client_key,
    "ListClientKeys": _list_client_keys,
    "DeleteClientKey": _delete_client_key,
    "DescribeRegions": _nothing,
    "DescribeAccountKmsStatus": _nothing,
    "GetKmsInstance": _instance,
    "ListKmsInstances": _page,
}

SECRET = {
    "Password",
    "CiphertextBlob",
    "SourceEncryptionContext",
    "DestinationEncryptionContext",
}
"""Parameters that no line tells."""


# The Instance API.

COMMON = {"KeyId": "alias/one", "Aad": AAD, "Algorithm": "AES_GCM"}


def _pair(world: World) -> Asked:
    pair = {"KeyPairSpec": "EC_P256", "KeyFormat": "DER"}
    return Asked(COMMON | pair, [world.one])


def _data_key(world: World) -> Asked:
    return Asked(COMMON | {"NumberOfBytes": 33}, [world.one])


def _encrypt(world: World) -> Asked:
    given = COMMON | {"Plaintext": PLAINTEXT, "Iv": b"", "PaddingMode": ""}
    return Asked(given, [world.one])


def _decrypt(world: World) -> Asked:
    sealed = world.instance.encrypt(world.one, PLAINTEXT, aad=AAD)
    given = {"CiphertextBlob": sealed.ciphertext_blob, "Iv": sealed.iv}
    return Asked(COMMON | given | {"PaddingMode": ""}, [world.one])


def _advance_decrypt(world: World) -> Asked:
    sealed = world.instance.advance_encrypt(world.one, PLAINTEXT, aad=AAD)
    given = {"CiphertextBlob": sealed.ciphertext_blob, "Iv": sealed.iv}
    behind = [world.one, world.version(world.one)]
    return Asked(COMMON | given | {"PaddingMode": ""}, behind)


def _random(world: World) -> Asked:
    del world
    return Asked({"Length": 33})


OPERATIONS: dict[str, Request] = {
    "GenerateDataKeyPair": _pair,
    "GenerateDataKeyPairWithoutPlaintext": _pair,
    "AdvanceGenerateDataKeyPair": _pair,
    "AdvanceGenerateDataKeyPairWithoutPlaintext": _pair,
    "GenerateDataKey": _data_key,
    "AdvanceGenerateDataKey": _data_key,
    "Encrypt": _encrypt,
    "AdvanceEncrypt": _encrypt,
    "Decrypt": _decrypt,
    "AdvanceDecrypt": _advance_decrypt,
    "GenerateRandom": _random,
}
