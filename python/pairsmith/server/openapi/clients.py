"""Actions on client keys.

The cloud service gives rights to an *application access point*, which has client keys.
Here a client's name is its access point: a new key under a name has the rights that the
name has. The first is made by ``pairsmith client create``, which says what they are.

Nobody makes a key that may do more than its maker, and nothing that can be asked for
here changes what a name may do. All of that is decided in the transaction that does the
work; what is looked at before only spares refused requests the work.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from pairsmith.model import wire_date
from pairsmith.server.access.model import ClientKey
from pairsmith.server.access.policy import ClientName
from pairsmith.server.access.store import find_client
from pairsmith.server.openapi.context import Action, Content, Context, Table
from pairsmith.server.openapi.failures import (
    MissingParameter,
    NoPermission,
    ResourceNotFound,
)
from pairsmith.server.openapi.parameters import Given, Parameter, moment
from pairsmith.server.path.call import Right

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pairsmith.registry.view import View
    from pairsmith.server.access.model import AccessKey
    from pairsmith.server.access.policy import Policy

ALGORITHM = "RSA_2048"


def create_client_key(context: Context, given: Given) -> Content:
    """Make another client key for a name, within the rights of whoever asks."""
    not_before, not_after = given["NotBefore"], given["NotAfter"]
    if (not_before is None) != (not_after is None):
        raise MissingParameter("NotBefore" if not_before is None else "NotAfter")
    limits = context.services.settings.limits
    made = context.access.create_client(
        given["AapName"],
        partial(_mintable, context.principal.policy, given["AapName"]),
        given["Password"],
        not_before,
        not_after,
        longest=timedelta(days=limits.client_key_days),
    )
    context.exchange.result["Allow"] = made.key.policy.texts()
    return {
        "ClientKeyId": made.key.id,
        "KeyAlgorithm": ALGORITHM,
        "PrivateKeyData": json.loads(made.credential_json)["PrivateKeyData"],
        "NotBefore": wire_date(made.key.not_before),
        "NotAfter": wire_date(made.key.not_after),
    }


def get_client_key(context: Context, given: Given) -> Content:
    """Show a client key."""
    found = context.access.present_client(given["ClientKeyId"])
    return _shown(_permitted(context, "GetClientKey", found))


def list_client_keys(context: Context, given: Given) -> Content:
    """List the client keys of a name, or all, of which the principal may know."""
    name, policy = given["AapName"], context.principal.policy
    keys = [
        key
        for key in context.access.clients()
        if key.revoked_at is None
        and name in (None, key.name)
        and policy.allows("ListClientKeys", ClientName(key.name))
    ]
    return {"ClientKeys": [_shown(key) for key in keys]}


def delete_client_key(context: Context, given: Given) -> Content:
    """Let a client key never be valid again, at once."""
    permitted = partial(_permitted, context, "DeleteClientKey")
    found = permitted(context.access.client(given["ClientKeyId"]))
    context.access.revoke(found.id, permitted)
    return {}


def rights(operation: str) -> Callable[[View, Given], tuple[Right, ...]]:
    """The right to an operation on the client that is named, or whose key is."""

    def of_client(view: View, given: Given) -> tuple[Right, ...]:
        if "ClientKeyId" in given:
            key = _standing(find_client(view, given["ClientKeyId"]))
            return (Right((operation,), _name_of(key)),)
        name = given["AapName"]
        return (Right((operation,), None if name is None else ClientName(name)),)

    return of_client


def _standing(found: ClientKey | AccessKey | None) -> ClientKey | None:
    """A client key; one that was revoked is remembered, but not shown here."""
    if isinstance(found, ClientKey) and found.revoked_at is None:
        return found
    return None


def _name_of(standing: ClientKey | None) -> ClientName:
    """What a right is about; what is not there has no name: who may use all knows."""
    return ClientName("" if standing is None else standing.name)


def _permitted(
    context: Context, operation: str, found: ClientKey | AccessKey | None
) -> ClientKey:
    """Give the client key that was found, if it stands and is permitted.

    Raises:
        NoPermission: The policy does not allow the operation on its name.
        ResourceNotFound: It is not there, or not any more.
    """
    standing = _standing(found)
    if not context.principal.policy.allows(operation, _name_of(standing)):
        raise NoPermission
    if standing is None:
        raise ResourceNotFound
    return standing


def _mintable(maker: Policy, name: str, clients: Sequence[ClientKey]) -> Policy:
    """The rights of a name: those of its newest key, revoked or not.

    Else whoever may delete the newest brings back the rights of an older one. A name
    all of whose keys are revoked has none.

    Raises:
        NoPermission: Whoever makes the key has less rights.
        ResourceNotFound: The name has none.
    """
    keys = [key for key in clients if key.name == name]
    if all(key.revoked_at is not None for key in keys):
        raise ResourceNotFound
    policy = keys[-1].policy
    if not maker.covers(policy):
        raise NoPermission
    return policy


def _shown(key: ClientKey) -> dict[str, Any]:
    return {
        "ClientKeyId": key.id,
        "AapName": key.name,
        "KeyAlgorithm": ALGORITHM,
        "KeyOrigin": "KMS_PROVIDED",
        "CreateTime": wire_date(key.created_at),
        "NotBefore": wire_date(key.not_before),
        "NotAfter": wire_date(key.not_after),
        "PublicKeyData": base64.b64encode(key.public_key_der).decode("ascii"),
    }


CLIENT_KEY_ID = Parameter("ClientKeyId", required=True)

ACTIONS: Table = {
    "CreateClientKey": Action(
        create_client_key,
        (
            Parameter("AapName", required=True),
            Parameter("Password", required=True, secret=True),
            Parameter("NotBefore", moment),
            Parameter("NotAfter", moment),
        ),
        rights=rights("CreateClientKey"),
    ),
    "GetClientKey": Action(
        get_client_key, (CLIENT_KEY_ID,), rights=rights("GetClientKey")
    ),
    "ListClientKeys": Action(
        list_client_keys, (Parameter("AapName"),), rights=rights("ListClientKeys")
    ),
    "DeleteClientKey": Action(
        delete_client_key, (CLIENT_KEY_ID,), rights=rights("DeleteClientKey")
    ),
}
