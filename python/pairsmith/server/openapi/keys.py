"""Actions on keys: made, described, listed, switched, deleted, protected."""

from typing import Any

from pairsmith.errors import InvalidParameter, RejectedUnsupportedOperation
from pairsmith.model import KeyMetadata, Page
from pairsmith.server.openapi.context import (
    KEY_ID,
    PAGING,
    Action,
    Content,
    Context,
    Table,
)
from pairsmith.server.openapi.failures import MissingParameter
from pairsmith.server.openapi.names import key_arn, key_name, require_instance
from pairsmith.server.openapi.parameters import (
    Given,
    Parameter,
    choice,
    filters,
    flag,
    integer,
    tags,
)

CLOUD_SPECS = (
    "Aliyun_AES_128",
    "Aliyun_AES_192",
    "Aliyun_SM4",
    "EC_P256",
    "EC_P256K",
    "EC_SM2",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
)
"""Kinds of keys that the cloud service has besides."""

REGISTRY_FILTERS = {
    "KeyState": "key_state",
    "KeySpec": "key_spec",
    "KeyUsage": "key_usage",
    "ProtectionLevel": "protection_level",
    "Creator": "creator",
    "KeyId": "key_id",
    "AliasName": "alias_name",
    "TagKey": "tag_key",
    "TagValue": "tag_value",
}
CREATOR_TYPE = "User"
"""All keys are made by users: no service of a cloud makes any here."""


def create_key(context: Context, given: Given) -> Content:
    """Make a key."""
    require_instance(context.names, given["DKMSInstanceId"])
    if given["Policy"]:
        raise RejectedUnsupportedOperation("Keys have no policies; clients have.")
    interval = given["RotationInterval"]
    if given["EnableAutomaticRotation"] and not interval:
        raise MissingParameter("RotationInterval")
    made = context.registry.create_key(
        given["Description"],
        tags=given["Tags"],
        rotation_interval=interval if given["EnableAutomaticRotation"] else None,
        creator=context.principal.name,
    )
    return {"KeyMetadata": _metadata(context, made)}


def describe_key(context: Context, given: Given) -> Content:
    """Show a key."""
    found = context.registry.describe_key(_key(context, given))
    return {"KeyMetadata": _metadata(context, found)}


def list_keys(context: Context, given: Given) -> Content:
    """List keys, page by page: those that the policy means."""
    wanted = dict(given["Filters"])
    here = {"CreatorType": CREATOR_TYPE, "DKMSInstanceId": context.names.instance}
    number, size = given["PageNumber"], given["PageSize"]
    elsewhere = any(
        wanted.pop(name, None) not in (None, []) and value not in given["Filters"][name]
        for name, value in here.items()
    )
    by_name = _registry_filters(wanted)
    if elsewhere:
        page: Page[KeyMetadata] = Page((), number, size, 0, "Keys.Key")
    else:
        within = context.principal.policy.selection("ListKeys")
        page = context.registry.list_keys(number, size, by_name, within=within)
    listed = [
        {"KeyId": key.key_id, "KeyArn": key_arn(context.names, key.key_id)}
        for key in page.items
    ]
    return page.to_dict() | {"Keys": {"Key": listed}}


def update_key_description(context: Context, given: Given) -> Content:
    """Give a key another description."""
    context.registry.update_key_description(_key(context, given), given["Description"])
    return {}


def enable_key(context: Context, given: Given) -> Content:
    """Let a key work again."""
    context.registry.enable_key(_key(context, given))
    return {}


def disable_key(context: Context, given: Given) -> Content:
    """Stop every use of a key."""
    context.registry.disable_key(_key(context, given))
    return {}


def schedule_key_deletion(context: Context, given: Given) -> Content:
    """Destroy a key in some days."""
    days = given["PendingWindowInDays"]
    context.registry.schedule_key_deletion(_key(context, given), days)
    return {}


def cancel_key_deletion(context: Context, given: Given) -> Content:
    """Bring a key back."""
    context.registry.cancel_key_deletion(_key(context, given))
    return {}


def set_deletion_protection(context: Context, given: Given) -> Content:
    """Refuse that a key's deletion is scheduled, or permit it again."""
    require_instance(context.names, given["KmsInstanceId"])
    name = given["ProtectedResourceArn"] or given["KeyId"]
    if name is None:
        raise MissingParameter("ProtectedResourceArn")
    enabled = given["EnableDeletionProtection"]
    # Of a protection that is switched off there is nothing to describe.
    text = given["DeletionProtectionDescription"] if enabled else ""
    context.registry.set_deletion_protection(
        key_name(context.names, name), enabled, text
    )
    return {}


def update_rotation_policy(context: Context, given: Given) -> Content:
    """Let a key rotate by itself, or only by hand."""
    enabled, interval = given["EnableAutomaticRotation"], given["RotationInterval"]
    if enabled and not interval:
        raise MissingParameter("RotationInterval")
    context.registry.update_rotation_policy(
        _key(context, given), enabled, interval if enabled else None
    )
    return {}


def _key(context: Context, given: Given) -> str:
    return key_name(context.names, given["KeyId"])


def _metadata(context: Context, key: KeyMetadata) -> dict[str, Any]:
    return key.to_dict() | {
        "Arn": key_arn(context.names, key.key_id),
        "DKMSInstanceId": context.names.instance,
    }


def _registry_filters(wanted: dict[str, list[str]]) -> dict[str, list[str]]:
    """The filters under the registry's names; one without values restricts nothing."""
    # The SDK's documents write keyId, those of the service KeyId.
    by_wire_name = {name[:1].upper() + name[1:]: wanted[name] for name in wanted}
    if not by_wire_name.keys() <= REGISTRY_FILTERS.keys():
        raise InvalidParameter("Filters", "there is no such key to filter by.")
    return {
        REGISTRY_FILTERS[name]: values
        for name, values in by_wire_name.items()
        if values
    }


ACTIONS: Table = {
    "CreateKey": Action(
        create_key,
        (
            Parameter("DKMSInstanceId"),
            Parameter("KeySpec", choice("Aliyun_AES_256", elsewhere=CLOUD_SPECS)),
            Parameter(
                "KeyUsage", choice("ENCRYPT/DECRYPT", elsewhere=("SIGN/VERIFY",))
            ),
            Parameter("Origin", choice("Aliyun_KMS", elsewhere=("EXTERNAL",))),
            # Without a meaning in an instance, as documented.
            Parameter("ProtectionLevel", choice("SOFTWARE", "HSM")),
            Parameter("Description", default=""),
            Parameter("EnableAutomaticRotation", flag, default=False),
            Parameter("RotationInterval"),
            Parameter("Tags", tags, default={}),
            Parameter("Policy"),
        ),
    ),
    "DescribeKey": Action(describe_key, (KEY_ID,), ("KeyId",)),
    "ListKeys": Action(list_keys, (*PAGING, Parameter("Filters", filters, default={}))),
    "UpdateKeyDescription": Action(
        update_key_description,
        (KEY_ID, Parameter("Description", required=True)),
        ("KeyId",),
    ),
    "EnableKey": Action(enable_key, (KEY_ID,), ("KeyId",)),
    "DisableKey": Action(disable_key, (KEY_ID,), ("KeyId",)),
    "ScheduleKeyDeletion": Action(
        schedule_key_deletion,
        (
            KEY_ID,
            Parameter("PendingWindowInDays", integer(7, 366), required=True),
        ),
        ("KeyId",),
    ),
    "CancelKeyDeletion": Action(cancel_key_deletion, (KEY_ID,), ("KeyId",)),
    "SetDeletionProtection": Action(
        set_deletion_protection,
        (
            Parameter("ProtectedResourceArn"),
            Parameter("KeyId"),
            Parameter("KmsInstanceId"),
            Parameter("EnableDeletionProtection", flag, required=True),
            Parameter("DeletionProtectionDescription", default=""),
        ),
        ("ProtectedResourceArn", "KeyId"),
    ),
    "UpdateRotationPolicy": Action(
        update_rotation_policy,
        (
            KEY_ID,
            Parameter("EnableAutomaticRotation", flag, required=True),
            Parameter("RotationInterval"),
        ),
        ("KeyId",),
    ),
}
