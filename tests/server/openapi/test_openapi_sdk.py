"""The official Python SDK against a running server: the judge of the OpenAPI."""

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from official import OPENAPI_DRIVER, Refused, Sdk

from pairsmith.parameters import encryption_context_aad
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.testing import RunningServer
from waiting import eventually

"""A change by another process is promised within one."""


@pytest.fixture(scope="module")
def access(pairsmith_server: RunningServer) -> Iterator[AccessStore]:
    """The server's own identities, in this process."""
    with pairsmith_server.open_instance() as instance:
        store = AccessStore(instance.registry)
        yield store
        store.close()


@pytest.fixture(scope="module", params=["ACS3-HMAC-SHA256", "v2"])
def sdk(
    request: pytest.FixtureRequest,
    pairsmith_server: RunningServer,
    access: AccessStore,
) -> Iterator[Sdk]:
    """The SDK over TLS, trusting the server's CA, in each way of signing."""
    key, secret = access.create_access_key("sdk", parse_policy(["*"]))
    config = {
        "access_key_id": key.id,
        "access_key_secret": secret,
        "endpoint": pairsmith_server.endpoint,
        "protocol": "https",
        "ca": str(pairsmith_server.ca_file),
        "signature_algorithm": request.param,
    }
    with Sdk(config, OPENAPI_DRIVER) as client:
        yield client


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_key_lives(sdk: Sdk, *, asynchronous: bool) -> None:
    """Made, described, rotated, switched, tagged, protected, scheduled and back."""

    def call(method: str, **fields: Any) -> Any:
        return sdk.call(method, asynchronous=asynchronous, **fields)

    made = call(
        "create_key",
        Description="orders ü +/",
        EnableAutomaticRotation=True,
        RotationInterval="7d",
        Tags=json.dumps([{"TagKey": "team", "TagValue": "core"}]),
    )["KeyMetadata"]
    key = made["KeyId"]
    assert (made["Description"], made["Creator"]) == ("orders ü +/", "sdk")
    assert call("describe_key", KeyId=made["Arn"])["KeyMetadata"]["KeyId"] == key
    version = call("create_key_version", KeyId=key)["KeyVersion"]["KeyVersionId"]
    listed = call("list_key_versions", KeyId=key)["KeyVersions"]["KeyVersion"]
    assert [each["KeyVersionId"] for each in listed] == [
        made["PrimaryKeyVersion"],
        version,
    ]
    call("describe_key_version", KeyId=key, KeyVersionId=version)
    call("update_rotation_policy", KeyId=key, EnableAutomaticRotation=False)
    call("update_key_description", KeyId=key, Description="new")
    call("disable_key", KeyId=key)
    shown = call("describe_key", KeyId=key)["KeyMetadata"]
    assert (shown["KeyState"], shown["Description"]) == ("Disabled", "new")
    assert (shown["AutomaticRotation"], shown["PrimaryKeyVersion"]) == (
        "Disabled",
        version,
    )
    call("enable_key", KeyId=key)
    call("tag_resource", KeyId=key, Tags='[{"TagKey": "a", "TagValue": "1"}]')
    call("untag_resource", KeyId=key, TagKeys='["team"]')
    listed = call("list_resource_tags", KeyId=key)["Tags"]["Tag"]
    assert [(each["TagKey"], each["TagValue"]) for each in listed] == [("a", "1")]
    protection = {"ProtectedResourceArn": made["Arn"], "EnableDeletionProtection": True}
    call("set_deletion_protection", **protection)
    with pytest.raises(Refused) as refused:
        call("schedule_key_deletion", KeyId=key, PendingWindowInDays=7)
    assert refused.value.code == "Rejected.UnsupportedOperation"
    call("set_deletion_protection", **protection | {"EnableDeletionProtection": False})
    call("schedule_key_deletion", KeyId=key, PendingWindowInDays=7)
    shown = call("describe_key", KeyId=key)["KeyMetadata"]
    assert shown["KeyState"] == "PendingDeletion"
    assert shown["DeleteDate"]
    call("cancel_key_deletion", KeyId=key)
    assert call("describe_key", KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_names_pages_filters_and_tags(sdk: Sdk, *, asynchronous: bool) -> None:
    """Aliases move; lists come in pages; filters and tags find what they should."""

    def call(method: str, **fields: Any) -> Any:
        return sdk.call(method, asynchronous=asynchronous, **fields)

    keys = [call("create_key")["KeyMetadata"]["KeyId"] for _ in range(3)]
    alias = "alias/sdk-" + keys[0].removeprefix("key-")
    call("create_alias", AliasName=alias, KeyId=keys[0])
    call("update_alias", AliasName=alias, KeyId=keys[1])
    assert call("describe_key", KeyId=alias)["KeyMetadata"]["KeyId"] == keys[1]
    (found,) = call("list_aliases_by_key_id", KeyId=keys[1])["Aliases"]["Alias"]
    assert (found["AliasName"], found["KeyId"]) == (alias, keys[1])
    assert call("list_aliases", PageSize=100)["TotalCount"] >= 1
    call("delete_alias", AliasName=alias)
    filters = json.dumps([{"Key": "keyId", "Values": keys}])
    pages = [
        call("list_keys", PageNumber=number, PageSize=2, Filters=filters)
        for number in (1, 2)
    ]
    assert [page["TotalCount"] for page in pages] == [3, 3]
    seen = [each["KeyId"] for page in pages for each in page["Keys"]["Key"]]
    assert seen == keys
    several = {"RegionId": "local", "ResourceType": "key", "ResourceId": keys[:2]}
    tag = {"Key": "sdk", "Value": alias}
    call("tag_resources", **several, Tag=[tag])
    wanted = {"RegionId": "local", "ResourceType": "key", "Tag": [tag]}
    rows = call("list_tag_resources", **wanted)["TagResources"]["TagResource"]
    assert {row["ResourceId"] for row in rows} == set(keys[:2])
    call("untag_resources", **several, TagKey=["sdk"])
    rows = call("list_tag_resources", **wanted)["TagResources"]
    assert rows == {"TagResource": []}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_where_the_keys_are(
    pairsmith_server: RunningServer, sdk: Sdk, *, asynchronous: bool
) -> None:
    """Region, account and instance, whose CA is the one that clients are to trust."""

    def call(method: str, **fields: Any) -> Any:
        return sdk.call(method, asynchronous=asynchronous, **fields)

    assert call("describe_regions")["Regions"]["Region"] == [{"RegionId": "local"}]
    assert call("describe_account_kms_status")["AccountStatus"] == "Enabled"
    (listed,) = call("list_kms_instances")["KmsInstances"]["KmsInstance"]
    shown = call("get_kms_instance", KmsInstanceId=listed["KmsInstanceId"])
    ca = pairsmith_server.ca_file.read_text()
    assert shown["KmsInstance"]["CaCertificateChainPem"] == ca


def test_a_client_key_made_by_the_sdk_serves_the_other_sdk(
    pairsmith_server: RunningServer, access: AccessStore, sdk: Sdk
) -> None:
    """Made under a name that has rights, it opens the Instance API until deleted."""
    access.create_client("sdk-app", parse_policy(["crypto:*"]))
    password = "pass-word1"
    made = sdk.call("create_client_key", AapName="sdk-app", Password=password)
    key = sdk.call("create_key")["KeyMetadata"]["KeyId"]
    content = {"KeyId": made["ClientKeyId"], "PrivateKeyData": made["PrivateKeyData"]}
    assert base64.b64decode(made["PrivateKeyData"])
    config = pairsmith_server.sdk_config() | {"password": password}
    del config["client_key_file"]
    with Sdk(config | {"client_key_content": json.dumps(content)}) as instance_sdk:
        answer = instance_sdk.call("encrypt", KeyId=key, Plaintext=b"plain")
        assert answer["KeyId"] == key
        listed = sdk.call("list_client_keys", AapName="sdk-app")["ClientKeys"]
        assert made["ClientKeyId"] in [each["ClientKeyId"] for each in listed]
        assert sdk.call("get_client_key", ClientKeyId=made["ClientKeyId"])[
            "AapName"
        ] == ("sdk-app")
        sdk.call("delete_client_key", ClientKeyId=made["ClientKeyId"])
        # At once: the process that revoked it is the one that serves.
        with pytest.raises(Refused) as refused:
            instance_sdk.call("encrypt", KeyId=key, Plaintext=b"plain")
        assert (refused.value.status, refused.value.code) == (404, "Unauthorized")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_blob_is_re_encrypted(
    pairsmith_server: RunningServer, sdk: Sdk, *, asynchronous: bool
) -> None:
    """The longest private key moves to another key, with both contexts as maps."""
    old, new = (sdk.call("create_key")["KeyMetadata"]["KeyId"] for _ in range(2))
    contexts = [{"tenant": "ü +/", "order": "1"}, {"tenant": "8"}]
    aads = [encryption_context_aad(each) for each in contexts]
    message = secrets.token_bytes(3300)  # as RSA_4096 in PEM
    with pairsmith_server.open_instance() as instance:
        blob = instance.advance_encrypt(old, message, aad=aads[0]).ciphertext_blob
        moved = sdk.call(
            "re_encrypt",
            asynchronous=asynchronous,
            CiphertextBlob=base64.b64encode(blob).decode(),
            SourceEncryptionContext=contexts[0],
            DestinationKeyId=new,
            DestinationEncryptionContext=contexts[1],
        )
        opened = instance.advance_decrypt(
            base64.b64decode(moved["CiphertextBlob"]), key_id=new, aad=aads[1]
        )
    assert opened.plaintext == message
    assert moved["KeyId"] == old
    assert moved["KeyVersionId"].startswith(f"{old}-")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_errors_as_the_sdk_tells_them(sdk: Sdk, *, asynchronous: bool) -> None:
    """Code and status, and the documented text within the SDK's own."""
    unknown = f"key-{'0' * 21}"
    for method, fields, status, code, text in [
        ("describe_key", {"KeyId": unknown}, 404, "Forbidden.KeyNotFound",
         "The specified Key is not found."),
        ("describe_key", {}, 400, "MissingParameter",
         'The parameter "KeyId" is needed but not provided.'),
        ("list_keys", {"PageSize": 101}, 400, "InvalidParameter",
         'The specified parameter "PageSize" is not valid.'),
        ("create_secret", {"SecretName": "s"}, 400, "UnsupportedOperation",
         "This action is not supported."),
        ("delete_alias", {"AliasName": "alias/none"}, 404, "Forbidden.AliasNotFound",
         "The specified Alias is not found."),
    ]:  # fmt: skip
        with pytest.raises(Refused) as refused:
            sdk.call(method, asynchronous=asynchronous, **fields)
        error = refused.value
        assert (error.status, error.code) == (status, code)
        assert text in error.message


def test_who_is_refused(access: AccessStore, sdk: Sdk) -> None:
    """A wrong secret, an unknown key, what no rule allows, and a revoked key."""
    key, secret = access.create_access_key("few", parse_policy(["ListKeys"]))
    few = {"access_key_id": key.id, "access_key_secret": secret}

    def outcome(method: str, **changed: str) -> Any:
        (found,) = sdk.outcomes(method, {}, config=few | changed)
        return (found.status, found.code) if isinstance(found, Refused) else found

    unknown = "LTAI" + "0" * 20
    no_key = (404, "InvalidAccessKeyId.NotFound")
    assert outcome("list_keys", access_key_id=unknown) == no_key
    wrong = outcome("list_keys", access_key_secret="wrong")
    assert wrong == (400, "SignatureDoesNotMatch")
    assert outcome("create_key") == (403, "Forbidden.NoPermission")
    assert outcome("list_keys")["PageNumber"] == 1
    access.revoke(key.id)
    eventually(lambda: outcome("list_keys"), lambda answer: answer == no_key)
