"""Actions on the versions of a key."""

from pairsmith.server.openapi.context import (
    KEY_ID,
    PAGING,
    Action,
    Content,
    Context,
    Table,
)
from pairsmith.server.openapi.names import key_name
from pairsmith.server.openapi.parameters import Given, Parameter


def create_key_version(context: Context, given: Given) -> Content:
    """Rotate now."""
    made = context.registry.create_key_version(_key(context, given))
    return {"KeyVersion": made.to_dict()}


def describe_key_version(context: Context, given: Given) -> Content:
    """Show one version."""
    found = context.registry.describe_key_version(
        _key(context, given), given["KeyVersionId"]
    )
    return {"KeyVersion": found.to_dict()}


def list_key_versions(context: Context, given: Given) -> Content:
    """List versions, the initial one first."""
    page = context.registry.list_key_versions(
        _key(context, given), given["PageNumber"], given["PageSize"]
    )
    return page.to_dict()


def _key(context: Context, given: Given) -> str:
    return key_name(context.names, given["KeyId"])


ACTIONS: Table = {
    "CreateKeyVersion": Action(create_key_version, (KEY_ID,), ("KeyId",)),
    "DescribeKeyVersion": Action(
        describe_key_version,
        (KEY_ID, Parameter("KeyVersionId", required=True)),
        ("KeyId",),
    ),
    "ListKeyVersions": Action(list_key_versions, (KEY_ID, *PAGING), ("KeyId",)),
}
