"""Actions on client keys.

The cloud service gives rights to an *application access point*, which has client keys.
Here a client's name is its access point: a new key under a name has the rights that the
name has. The first is made by ``pairsmith client create``, which says what they are.
"""

import base64
import json
from typing import Any

from pairsmith.model import wire_date
from pairsmith.server.access.model import ClientKey
from pairsmith.server.access.policy import Policy
from pairsmith.server.openapi.context import Action, Content, Context, Table
from pairsmith.server.openapi.failures import MissingParameter, ResourceNotFound
from pairsmith.server.openapi.parameters import Given, Parameter, moment

ALGORITHM = "RSA_2048"


def create_client_key(context: Context, given: Given) -> Content:
    """Make another client key for a name that has rights."""
    not_before, not_after = given["NotBefore"], given["NotAfter"]
    if (not_before is None) != (not_after is None):
        raise MissingParameter("NotBefore" if not_before is None else "NotAfter")
    made = context.access.create_client(
        given["AapName"],
        _policy_of(context, given["AapName"]),
        given["Password"],
        not_before,
        not_after,
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
    """List the client keys of a name, or all."""
    name = given["AapName"]
    keys = [key for key in _standing(context) if name in (None, key.name)]
    return {"ClientKeys": [_shown(key) for key in keys]}


def delete_client_key(context: Context, given: Given) -> Content:
    """Let a client key never be valid again, at once."""
    context.access.revoke(_found(context, given["ClientKeyId"]).id)
    return {}


def _standing(context: Context) -> list[ClientKey]:
    """All that were not revoked; those are remembered, but not shown to the API."""
    return [key for key in context.access.clients() if key.revoked_at is None]


def _found(context: Context, client_key_id: str) -> ClientKey:
    found = context.access.client(client_key_id)
    if found is None or found.revoked_at is not None:
        raise ResourceNotFound
    return found


def _policy_of(context: Context, name: str) -> Policy:
    """The rights of a name: those of its newest key."""
    keys = [key for key in _standing(context) if key.name == name]
    if not keys:
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
    ),
    "GetClientKey": Action(get_client_key, (CLIENT_KEY_ID,)),
    "ListClientKeys": Action(list_client_keys, (Parameter("AapName"),)),
    "DeleteClientKey": Action(delete_client_key, (CLIENT_KEY_ID,)),
}
