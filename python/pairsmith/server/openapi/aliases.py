"""Actions on aliases."""

from pairsmith.model import Alias, Page
from pairsmith.server.openapi.context import (
    ALIAS_NAME,
    KEY_ID,
    PAGING,
    Action,
    Content,
    Context,
    Table,
)
from pairsmith.server.openapi.names import alias_arn, key_name
from pairsmith.server.openapi.parameters import Given, Parameter


def create_alias(context: Context, given: Given) -> Content:
    """Give a key one more name."""
    key = key_name(context.names, given["KeyId"])
    context.registry.create_alias(given["AliasName"], key)
    return {}


def update_alias(context: Context, given: Given) -> Content:
    """Bind an alias to another key."""
    key = key_name(context.names, given["KeyId"])
    context.registry.update_alias(given["AliasName"], key)
    return {}


def delete_alias(context: Context, given: Given) -> Content:
    """Forget an alias."""
    context.registry.delete_alias(given["AliasName"])
    return {}


def list_aliases(context: Context, given: Given) -> Content:
    """List all aliases of the keys that the policy means."""
    number, size = given["PageNumber"], given["PageSize"]
    within = context.principal.policy.selection("ListAliases")
    return _listed(context, context.registry.list_aliases(number, size, within=within))


def list_aliases_by_key_id(context: Context, given: Given) -> Content:
    """List the aliases of one key."""
    key = key_name(context.names, given["KeyId"])
    number, size = given["PageNumber"], given["PageSize"]
    return _listed(context, context.registry.list_aliases_by_key_id(key, number, size))


def _listed(context: Context, page: Page[Alias]) -> Content:
    content = page.to_dict()
    for alias in content["Aliases"]["Alias"]:
        alias["AliasArn"] = alias_arn(context.names, alias["AliasName"])
    return content


ALIAS = Parameter(ALIAS_NAME, required=True)

ACTIONS: Table = {
    "CreateAlias": Action(create_alias, (ALIAS, KEY_ID), ("KeyId",)),
    # Taking a name away from a key takes the right to that key as well.
    "UpdateAlias": Action(update_alias, (ALIAS, KEY_ID), ("KeyId", ALIAS_NAME)),
    "DeleteAlias": Action(delete_alias, (ALIAS,), (ALIAS_NAME,)),
    "ListAliases": Action(list_aliases, tuple(PAGING)),
    "ListAliasesByKeyId": Action(list_aliases_by_key_id, (KEY_ID, *PAGING), ("KeyId",)),
}
