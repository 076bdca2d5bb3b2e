"""Every action of the OpenAPI, through the application in this process."""

import base64
import json
import re
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from applications import NOW, Application
from cryptography.hazmat.primitives.serialization import load_der_public_key
from openapi_caller import Caller, Refused, answer_of, wire_date
from signing import Client, Signer, error_of

from pairsmith.errors import RootKeyError
from pairsmith.registry.key_ring import KeyRing
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.openapi.actions import ACTIONS

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def caller(application: Application) -> Caller:
    """Somebody who may do everything."""
    return application.caller()


def key_of(caller: Caller, **parameters: Any) -> str:
    """Make a key; give its id."""
    return str(caller.call("CreateKey", **parameters)["KeyMetadata"]["KeyId"])


def described(caller: Caller, key_id: str) -> dict[str, Any]:
    """The metadata of a key."""
    metadata: dict[str, Any] = caller.call("DescribeKey", KeyId=key_id)["KeyMetadata"]
    return metadata


def test_a_new_key_tells_all_that_is_documented(caller: Caller) -> None:
    """Every field of KeyMetadata, dates in the documented form, and who made it."""
    made = caller.call(
        "CreateKey",
        Description="orders ü",
        DKMSInstanceId="kst-pairsmith",
        KeySpec="Aliyun_AES_256",
        KeyUsage="ENCRYPT/DECRYPT",
        Origin="Aliyun_KMS",
        ProtectionLevel="HSM",
        EnableAutomaticRotation="true",
        RotationInterval="30d",
        Tags=json.dumps([{"TagKey": "team", "TagValue": "core"}]),
    )
    assert uuid.UUID(made["RequestId"]).version == 4
    shown = made["KeyMetadata"]
    key_id = shown["KeyId"]
    assert shown["Arn"] == f"acs:kms:local:0:key/{key_id}"
    assert (shown["Creator"], shown["Description"]) == ("test", "orders ü")
    assert (shown["KeyState"], shown["KeySpec"]) == ("Enabled", "Aliyun_AES_256")
    assert (shown["KeyUsage"], shown["Origin"]) == ("ENCRYPT/DECRYPT", "Aliyun_KMS")
    assert shown["ProtectionLevel"] == "SOFTWARE"
    assert shown["DKMSInstanceId"] == "kst-pairsmith"
    assert shown["PrimaryKeyVersion"].startswith(f"{key_id}-")
    assert (shown["AutomaticRotation"], shown["RotationInterval"]) == (
        "Enabled",
        "2592000s",
    )
    for name in ("CreationDate", "LastRotationDate", "NextRotationDate"):
        assert DATE.fullmatch(shown[name])
    assert "DeleteDate" not in shown
    for name in (key_id, shown["Arn"]):
        assert described(caller, name) == shown


def test_a_key_is_named_by_id_alias_or_arn(caller: Caller, key_id: str) -> None:
    """All four names mean the same key; an ARN of elsewhere means none."""
    for name in ("alias/test", f"acs:kms:local:0:key/{key_id}",
                 "acs:kms:local:0:alias/test", key_id):  # fmt: skip
        assert described(caller, name)["KeyId"] == key_id
    for name, code in [
        (f"acs:kms:elsewhere:0:key/{key_id}", "Forbidden.KeyNotFound"),
        (f"acs:kms:local:1:key/{key_id}", "Forbidden.KeyNotFound"),
        ("acs:kms:elsewhere:0:alias/test", "Forbidden.AliasNotFound"),
        ("acs:kms:local:0:secret/test", "Forbidden.KeyNotFound"),
    ]:
        with pytest.raises(Refused) as refused:
            caller.call("DescribeKey", KeyId=name)
        assert (refused.value.status, refused.value.code) == (404, code)


def test_a_key_lives_and_is_deleted(caller: Caller) -> None:
    """Described anew, disabled, enabled, protected, scheduled, and brought back."""
    key = key_of(caller)
    caller.call("UpdateKeyDescription", KeyId=key, Description="new")
    assert described(caller, key)["Description"] == "new"
    caller.call("UpdateKeyDescription", KeyId=key, Description="")
    assert described(caller, key)["Description"] == ""
    caller.call("DisableKey", KeyId=key)
    assert described(caller, key)["KeyState"] == "Disabled"
    caller.call("EnableKey", KeyId=key)
    assert described(caller, key)["KeyState"] == "Enabled"
    caller.call(
        "SetDeletionProtection",
        ProtectedResourceArn=f"acs:kms:local:0:key/{key}",
        EnableDeletionProtection="true",
        DeletionProtectionDescription="in use",
    )
    shown = described(caller, key)
    assert shown["DeletionProtection"] == "Enabled"
    assert shown["DeletionProtectionDescription"] == "in use"
    with pytest.raises(Refused) as refused:
        caller.call("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert refused.value.code == "Rejected.UnsupportedOperation"
    caller.call("SetDeletionProtection", KeyId=key, EnableDeletionProtection="False")
    assert described(caller, key)["DeletionProtection"] == "Disabled"
    caller.call("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=366)
    shown = described(caller, key)
    assert shown["KeyState"] == "PendingDeletion"
    assert DATE.fullmatch(shown["DeleteDate"])
    caller.call("CancelKeyDeletion", KeyId=key)
    assert described(caller, key)["KeyState"] == "Enabled"


def test_what_a_state_forbids_is_said_in_the_documented_words(caller: Caller) -> None:
    """Each row of the table of states that a client can reach."""
    key = key_of(caller)
    caller.call("DisableKey", KeyId=key)
    assert refusal(caller, "CreateKeyVersion", KeyId=key) == (
        409,
        "Rejected.Disabled",
        "The request was rejected because the key state is Disabled.",
    )
    assert refusal(caller, "CancelKeyDeletion", KeyId=key) == (
        409,
        "Rejected.StateModifiedFailed",
        "Keystate modified failed.",
    )
    caller.call("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    pending = "Rejected.PendingDeletion"
    for action, code in [
        ("EnableKey", "Rejected.StateModifiedFailed"),
        ("CreateKeyVersion", pending),
        ("UpdateKeyDescription", pending),
        ("UpdateRotationPolicy", pending),
        ("SetDeletionProtection", pending),
        ("CreateAlias", "Rejected.StateModifiedFailed"),
    ]:
        given = {
            "Description": "",
            "EnableAutomaticRotation": "false",
            "EnableDeletionProtection": "true",
            "AliasName": "alias/a",
        }
        status, found, _ = refusal(caller, action, KeyId=key, **given)
        assert (status, found) == (409, code), action


def test_versions_are_made_described_and_listed(caller: Caller) -> None:
    """A new version is primary; the list begins with the initial one, page by page."""
    key = key_of(caller)
    first = described(caller, key)["PrimaryKeyVersion"]
    made = caller.call("CreateKeyVersion", KeyId=key)["KeyVersion"]
    assert described(caller, key)["PrimaryKeyVersion"] == made["KeyVersionId"]
    shown = caller.call(
        "DescribeKeyVersion", KeyId=key, KeyVersionId=made["KeyVersionId"]
    )["KeyVersion"]
    assert shown == made
    assert DATE.fullmatch(made["CreationDate"])
    page = caller.call("ListKeyVersions", KeyId=key, PageNumber=1, PageSize=1)
    assert [each["KeyVersionId"] for each in page["KeyVersions"]["KeyVersion"]] == [
        first
    ]
    assert (page["PageNumber"], page["PageSize"], page["TotalCount"]) == (1, 1, 2)
    other = f"{key}-aaaaaaaaaa"
    assert refusal(caller, "DescribeKeyVersion", KeyId=key, KeyVersionId=other) == (
        404,
        "Forbidden.KeyVersionNotFound",
        "The specified Key version is not found.",
    )


def test_rotation_is_switched_on_and_off(caller: Caller) -> None:
    """An interval is needed to switch it on, within the documented range."""
    key = key_of(caller)
    policy = {"KeyId": key, "EnableAutomaticRotation": "true"}
    caller.call("UpdateRotationPolicy", **policy, RotationInterval="365d")
    assert described(caller, key)["RotationInterval"] == "31536000s"
    caller.call("DisableKey", KeyId=key)
    assert described(caller, key)["AutomaticRotation"] == "Suspended"
    caller.call("EnableKey", KeyId=key)
    for interval in ("6d", "366d", "7", "d", "-7d"):
        given = policy | {"RotationInterval": interval}
        assert refusal(caller, "UpdateRotationPolicy", **given) == (
            400,
            "InvalidParameter",
            "The specified parameter RotationInterval is not valid.",
        )
    assert refusal(caller, "UpdateRotationPolicy", **policy)[1] == "MissingParameter"
    caller.call("UpdateRotationPolicy", KeyId=key, EnableAutomaticRotation="false")
    assert described(caller, key)["AutomaticRotation"] == "Disabled"


def test_aliases_are_made_moved_listed_and_deleted(caller: Caller) -> None:
    """An alias belongs to one key at a time; its ARN is in the lists."""
    one, other = key_of(caller), key_of(caller)
    caller.call("CreateAlias", AliasName="alias/a", KeyId=one)
    caller.call("CreateAlias", AliasName="alias/b", KeyId=one)
    assert refusal(caller, "CreateAlias", AliasName="alias/a", KeyId=other) == (
        400,
        "AliasAlreadyExists",
        "AliasName Already Exists.",
    )
    caller.call("UpdateAlias", AliasName="alias/b", KeyId=other)
    listed = caller.call("ListAliases", PageSize=100)
    assert listed["TotalCount"] == 2
    assert listed["Aliases"]["Alias"] == [
        {
            "AliasName": name,
            "KeyId": key,
            "AliasArn": f"acs:kms:local:0:{name}",
        }
        for name, key in (("alias/a", one), ("alias/b", other))
    ]
    of_one = caller.call("ListAliasesByKeyId", KeyId=one)["Aliases"]["Alias"]
    assert [each["AliasName"] for each in of_one] == ["alias/a"]
    caller.call("DeleteAlias", AliasName="alias/a")
    for action in ("DeleteAlias", "UpdateAlias"):
        assert refusal(caller, action, AliasName="alias/a", KeyId=one) == (
            404,
            "Forbidden.AliasNotFound",
            "The specified Alias is not found.",
        )


def test_keys_are_listed_page_by_page(caller: Caller) -> None:
    """In the order they were made; a page beyond the last is empty."""
    made = [key_of(caller) for _ in range(5)]
    seen = []
    for number in (1, 2, 3, 4):
        page = caller.call("ListKeys", PageNumber=number, PageSize=2)
        assert (page["PageNumber"], page["PageSize"], page["TotalCount"]) == (
            number,
            2,
            5,
        )
        seen += page["Keys"]["Key"]
    assert seen == [
        {"KeyId": key, "KeyArn": f"acs:kms:local:0:key/{key}"} for key in made
    ]
    assert len(caller.call("ListKeys")["Keys"]["Key"]) == 5


FILTERS = [
    ([], "ab"),
    ([("KeyState", ["Disabled"])], "b"),
    ([("KeyState", ["Disabled", "Enabled"])], "ab"),
    ([("KeyState", ["Disabled"]), ("KeyState", ["Enabled"])], "ab"),
    ([("KeyState", ["Disabled"]), ("KeySpec", ["RSA_2048"])], ""),
    ([("KeyState", [])], "ab"),
    ([("KeyUsage", ["ENCRYPT/DECRYPT"]), ("ProtectionLevel", ["SOFTWARE"])], "ab"),
    ([("ProtectionLevel", ["HSM"])], ""),
    ([("CreatorType", ["User"])], "ab"),
    ([("CreatorType", ["Service"])], ""),
    ([("DKMSInstanceId", ["kst-pairsmith"])], "ab"),
    ([("DKMSInstanceId", ["kst-other"])], ""),
    ([("Creator", ["test"])], "ab"),
    ([("Creator", ["nobody"])], ""),
    ([("AliasName", ["alias/a"])], "a"),
    ([("TagKey", ["team"])], "a"),
    ([("TagKey", ["team"]), ("TagValue", ["other"])], ""),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_keys_are_filtered(
    caller: Caller, filters: list[tuple[str, list[str]]], expected: str
) -> None:
    """All filters must fit, each by any of its values, and repeated ones add values."""
    tags = json.dumps([{"TagKey": "team", "TagValue": "core"}])
    keys = {"a": key_of(caller, Tags=tags), "b": key_of(caller)}
    caller.call("CreateAlias", AliasName="alias/a", KeyId=keys["a"])
    caller.call("DisableKey", KeyId=keys["b"])
    given = json.dumps([{"Key": name, "Values": values} for name, values in filters])
    page = caller.call("ListKeys", Filters=given)
    found = [each["KeyId"] for each in page["Keys"]["Key"]]
    assert found == [keys[name] for name in expected]
    assert page["TotalCount"] == len(expected)


@pytest.mark.parametrize("name", ["KeyId", "keyId"])
def test_keys_are_filtered_by_id(caller: Caller, name: str) -> None:
    """Both spellings that the documents have."""
    key_of(caller)
    key = key_of(caller)
    given = json.dumps([{"Key": name, "Values": [key]}])
    page = caller.call("ListKeys", Filters=given)
    assert [each["KeyId"] for each in page["Keys"]["Key"]] == [key]


def test_the_tags_of_a_key(caller: Caller) -> None:
    """Put, replaced, listed, taken off."""
    key = key_of(caller)
    tags = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": ""}]
    caller.call("TagResource", KeyId=key, Tags=json.dumps(tags))
    caller.call("TagResource", KeyId=key, Tags='[{"TagKey": "a", "TagValue": "2"}]')
    listed = caller.call("ListResourceTags", KeyId=key)["Tags"]["Tag"]
    assert listed == [
        {"KeyId": key, "TagKey": "a", "TagValue": "2"},
        {"KeyId": key, "TagKey": "b", "TagValue": ""},
    ]
    caller.call("UntagResource", KeyId=key, TagKeys='["a", "unknown"]')
    listed = caller.call("ListResourceTags", KeyId=key)["Tags"]["Tag"]
    assert [each["TagKey"] for each in listed] == ["b"]


KEYS = {"RegionId": "local", "ResourceType": "key"}


def test_tags_of_several_keys(caller: Caller) -> None:
    """Put on all of them or on none; found by key and value; taken off, or all."""
    one, other = key_of(caller), key_of(caller)
    both = KEYS | {"ResourceId.1": one, "ResourceId.2": f"acs:kms:local:0:key/{other}"}
    tags = {"Tag.1.Key": "team", "Tag.1.Value": "core", "Tag.2.Key": "x"}
    answer_of(caller.send("TagResources", both | tags))
    rows = answer_of(caller.send("ListTagResources", KEYS))
    assert rows["NextToken"] == ""
    assert sorted(
        (row["ResourceId"], row["ResourceType"], row["TagKey"], row["TagValue"])
        for row in rows["TagResources"]["TagResource"]
    ) == sorted(
        (key, "key", name, value)
        for key in (one, other)
        for name, value in (("team", "core"), ("x", ""))
    )
    missing = KEYS | {"ResourceId.1": one, "ResourceId.2": f"key-{'0' * 21}"}
    response = caller.send("TagResources", missing | {"Tag.1.Key": "late"})
    assert response.json()["Code"] == "Forbidden.KeyNotFound"
    found = answer_of(caller.send("ListTagResources", KEYS | {"Tag.1.Key": "late"}))
    assert found["TagResources"]["TagResource"] == []
    answer_of(
        caller.send("UntagResources", KEYS | {"ResourceId.1": one, "TagKey.1": "team"})
    )
    wanted = KEYS | {"Tag.1.Key": "team", "Tag.1.Value": "core"}
    found = answer_of(caller.send("ListTagResources", wanted))
    keys = {row["ResourceId"] for row in found["TagResources"]["TagResource"]}
    assert keys == {other}
    answer_of(caller.send("UntagResources", both | {"All": "true"}))
    found = answer_of(caller.send("ListTagResources", both))
    assert found["TagResources"]["TagResource"] == []


def test_many_tags_come_in_pages_of_200(caller: Caller) -> None:
    """A token leads to the next page, and the last one has none."""
    twenty = json.dumps(
        [{"TagKey": f"t{number:02}", "TagValue": "v"} for number in range(20)]
    )
    keys = [key_of(caller, Tags=twenty) for _ in range(11)]
    first = answer_of(caller.send("ListTagResources", KEYS))
    rest = answer_of(
        caller.send("ListTagResources", KEYS | {"NextToken": first["NextToken"]})
    )
    rows = [page["TagResources"]["TagResource"] for page in (first, rest)]
    assert [len(each) for each in rows] == [200, 20]
    assert rest["NextToken"] == ""
    seen = {(row["ResourceId"], row["TagKey"]) for row in rows[0] + rows[1]}
    assert seen == {(key, f"t{number:02}") for key in keys for number in range(20)}


def test_a_client_key_made_here_signs_requests_of_the_instance_api(
    application: Application, caller: Caller, key_id: str
) -> None:
    """It has the rights of its name, is listed, and ends at once when it is deleted."""
    application.access.create_client("app", parse_policy(["crypto:alias/test"]))
    made = caller.call("CreateClientKey", AapName="app", Password="pass-word1")
    assert made["KeyAlgorithm"] == "RSA_2048"
    begin, end = (
        datetime.fromisoformat(made[name]) for name in ("NotBefore", "NotAfter")
    )
    assert end - begin == timedelta(days=5 * 365 + 1)
    signer = Signer.from_file(made["ClientKeyId"], made["PrivateKeyData"], "pass-word1")
    client = Client(application.http, replace(signer, now=lambda: NOW))
    assert client.call("Encrypt", KeyId="alias/test", Plaintext=b"p").KeyId == key_id
    shown = caller.call("GetClientKey", ClientKeyId=made["ClientKeyId"])
    assert (shown["AapName"], shown["KeyOrigin"]) == ("app", "KMS_PROVIDED")
    public_key = load_der_public_key(base64.b64decode(shown["PublicKeyData"]))
    assert public_key == signer.private_key.public_key()
    listed = caller.call("ListClientKeys", AapName="app")["ClientKeys"]
    assert made["ClientKeyId"] in [each["ClientKeyId"] for each in listed]
    assert caller.call("ListClientKeys", AapName="none")["ClientKeys"] == []
    caller.call("DeleteClientKey", ClientKeyId=made["ClientKeyId"])
    assert error_of(client.send("Encrypt")).ErrorCode == "Unauthorized"
    for action in ("GetClientKey", "DeleteClientKey"):
        given = {"ClientKeyId": made["ClientKeyId"]}
        status, code, _ = refusal(caller, action, **given)
        assert (status, code) == (404, "Forbidden.ResourceNotFound")
    listed = caller.call("ListClientKeys")["ClientKeys"]
    assert made["ClientKeyId"] not in [each["ClientKeyId"] for each in listed]


def test_a_client_key_needs_a_name_with_rights_and_a_good_password(
    application: Application, caller: Caller
) -> None:
    """Nobody gets rights by choosing a name; validity is given by both ends or none."""
    new = application.access.create_client("gone", parse_policy(["*"]))
    application.access.revoke(new.key.id)
    application.access.create_client("app", parse_policy(["*"]))
    good = {"AapName": "app", "Password": "pass-word1"}
    soon = wire_date(NOW + timedelta(days=1))
    later = wire_date(NOW + timedelta(days=2))
    for given, code in [
        (good | {"AapName": "other"}, "Forbidden.ResourceNotFound"),
        (good | {"AapName": "gone"}, "Forbidden.ResourceNotFound"),
        (good | {"Password": "short"}, "InvalidParameter"),
        (good | {"Password": "onlyletters"}, "InvalidParameter"),
        (good | {"NotBefore": soon}, "MissingParameter"),
        (good | {"NotAfter": soon}, "MissingParameter"),
        (good | {"NotBefore": later, "NotAfter": soon}, "InvalidParameter"),
        (good | {"NotBefore": "2026-13-01T00:00:00Z", "NotAfter": soon},
         "InvalidParameter"),
    ]:  # fmt: skip
        assert refusal(caller, "CreateClientKey", **given)[1] == code, given
    made = caller.call("CreateClientKey", **good, NotBefore=soon, NotAfter=later)
    assert (made["NotBefore"], made["NotAfter"]) == (soon, later)


def test_region_account_and_instance(
    application: Application, caller: Caller, tmp_path: Path
) -> None:
    """There is one of each, named by the settings; the instance shows its CA."""
    assert caller.call("DescribeRegions")["Regions"] == {
        "Region": [{"RegionId": "local"}]
    }
    assert caller.call("DescribeAccountKmsStatus")["AccountStatus"] == "Enabled"
    listed = caller.call("ListKmsInstances")
    assert listed["TotalCount"] == 1
    (instance,) = listed["KmsInstances"]["KmsInstance"]
    assert instance["KmsInstanceArn"] == "acs:kms:local:0:keystore/kst-pairsmith"
    assert caller.call("ListKmsInstances", PageNumber=2)["KmsInstances"] == {
        "KmsInstance": []
    }
    wanted = {"KmsInstanceId": instance["KmsInstanceId"]}
    shown = caller.call("GetKmsInstance", **wanted)["KmsInstance"]
    assert shown["Status"] == "Connected"
    assert "CaCertificateChainPem" not in shown
    tls = tmp_path / "server" / "tls"
    tls.mkdir(parents=True)
    (tls / "PrivateKmsCA_pairsmith.pem").write_text("the CA")
    shown = caller.call("GetKmsInstance", **wanted)["KmsInstance"]
    assert shown["CaCertificateChainPem"] == "the CA"
    for action, name in (
        ("GetKmsInstance", "KmsInstanceId"),
        ("CreateKey", "DKMSInstanceId"),
    ):
        assert refusal(caller, action, **{name: "kst-other"}) == (
            403,
            "Forbidden.DKMSInstanceNotFound",
            "The specified DKMS Instance is not found.",
        )
    assert application.audit.entries[-1].code == "Forbidden.DKMSInstanceNotFound"


def test_every_action_is_one_that_a_policy_can_name() -> None:
    """An action that no policy knows could be given to nobody but by a star."""
    for action in ACTIONS:
        assert parse_policy([f"{action}:*"])


def refusal(caller: Caller, action: str, **parameters: Any) -> tuple[int, str, str]:
    """Call what is to be refused; give status, code and message."""
    with pytest.raises(Refused) as refused:
        caller.call(action, **parameters)
    error = refused.value
    assert error.content["HttpStatus"] == error.status
    assert uuid.UUID(error.content["RequestId"]).version == 4
    assert error.content["HostId"] == "localhost"
    return error.status, error.code, error.message


def test_a_key_is_managed_without_its_root_key(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told or changed of a key opens no version of it."""
    key = key_of(caller)

    def refuse(*_: object) -> None:
        message = "the wrong one"
        raise RootKeyError(message)

    monkeypatch.setattr(KeyRing, "open_version", refuse)
    caller.call("CreateAlias", KeyId=key, AliasName="alias/without")
    assert described(caller, "alias/without")["KeyId"] == key
    caller.call("DisableKey", KeyId=key)
    assert described(caller, key)["KeyState"] == "Disabled"
