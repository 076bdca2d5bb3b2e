"""Actions on client keys.

The cloud service gives rights to an *application access point*, which has client keys.
Here a client's name is its access point: a new key under a name has the rights that the
name has. The first is made by ``pairsmith client create``, which says what they are.

Nobody makes a key that may do more than its maker, and nothing that can be asked for
here changes what a name may do.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pairsmith.model import wire_date
from pairsmith.server.access.policy import ClientName
from pairsmith.server.openapi.context import Action, Content, Context, Right, Table
from pairsmith.server.openapi.failures import (
    MissingParameter,
    NoPermission,
    ResourceNotFound,
)
from pairsmith.server.openapi.parameters import Given, Parameter, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairsmith.server.access.model import ClientKey
    from pairsmith.server.access.policy import Policy
    from pairsmith.server.access.store import AccessStore
    from pairsmith.server.services import Services

ALGORITHM = "RSA_2048"


def create_client_key(context: Context, given: Given) -> Content:
    """Make another client key for a name, within the rights of whoever asks."""
    not_before, not_after = given["NotBefore"], given["NotAfter"]
    if (not_before is None) != (not_after is None):
        raise MissingParameter("NotBefore" if not_before is None else "NotAfter")
    policy = _policy_of(context, given["AapName"])
    if not context.principal.policy.covers(policy):
        raise NoPermission
    limits = context.services.settings.limits
    made = context.access.create_client(
        given["AapName"],
        policy,
        given["Password"],
        not_before,
        not_after,
        longest=timedelta(days=limits.client_key_days),
    )
    context.trace.result["Allow"] = made.key.policy.texts()
    return {
        "ClientKeyId": made.key.id,
        "KeyAlgorithm": ALGORITHM,
        "PrivateKeyData": json.loads(made.credential_json)["PrivateKeyData"],
        "NotBefore": wire_date(made.key.not_before),
        "NotAfter": wire_date(made.key.not_after),
    }


def get_client_key(context: Context, given: Given) -> Content:
    """Show a client key."""
    return _shown(_found(context, given["ClientKeyId"]))


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
    context.access.revoke(_found(context, given["ClientKeyId"]).id)
    return {}


def rights(operation: str) -> Callable[[Services, Given], list[Right]]:
    """The right to an operation on the client that is named, or whose key is."""

    def of_client(services: Services, given: Given) -> list[Right]:
        if "ClientKeyId" in given:
            key = _standing(services.access, given["ClientKeyId"])
            # One that is not there has no name: only who may use all learns that.
            return [Right((operation,), client=ClientName(key.name if key else ""))]
        name = given["AapName"]
        client = None if name is None else ClientName(name)
        return [Right((operation,), client=client)]

    return of_client


def _standing(access: AccessStore, client_key_id: str) -> ClientKey | None:
    """Find a client key; one that was revoked is remembered, but not shown here."""
    found = access.client(client_key_id)
    return None if found is None or found.revoked_at is not None else found


def _found(context: Context, client_key_id: str) -> ClientKey:
    found = _standing(context.access, client_key_id)
    if found is None:
        raise ResourceNotFound
    return found


def _policy_of(context: Context, name: str) -> Policy:
    """The rights of a name: those of its newest key, revoked or not.

    Else whoever may delete the newest brings back the rights of an older one. A name
    all of whose keys are revoked has none.
    """
    keys = [key for key in context.access.clients() if key.name == name]
    if all(key.revoked_at is not None for key in keys):
        raise ResourceNotFound
    return keys[-1].policy


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
