"""Actions on tags: those of one key, and those of many."""

import base64
import binascii
import json

from pairsmith.documents import parse_json
from pairsmith.errors import InvalidParameter
from pairsmith.registry.tags import TagQuery
from pairsmith.server.openapi.context import KEY_ID, Action, Content, Context, Table
from pairsmith.server.openapi.failures import MissingParameter
from pairsmith.server.openapi.names import key_name
from pairsmith.server.openapi.parameters import (
    Given,
    Parameter,
    Repeated,
    choice,
    flag,
    tags,
    texts,
)

ROWS = 200
"""Tags on a page of ListTagResources, as documented."""


def tag_resource(context: Context, given: Given) -> Content:
    """Put tags on a key."""
    context.registry.tag_key(_key(context, given), given["Tags"])
    return {}


def untag_resource(context: Context, given: Given) -> Content:
    """Take tags off a key."""
    context.registry.untag_key(_key(context, given), given["TagKeys"])
    return {}


def list_resource_tags(context: Context, given: Given) -> Content:
    """List the tags of a key."""
    found = context.registry.list_tags(_key(context, given))
    return {"Tags": {"Tag": [tag.to_dict() for tag in found]}}


def tag_resources(context: Context, given: Given) -> Content:
    """Put tags on several keys."""
    wanted = {tag["Key"]: tag["Value"] or "" for tag in given["Tag"]}
    context.registry.tag_keys(_keys(context, given), wanted)
    return {}


def untag_resources(context: Context, given: Given) -> Content:
    """Take tags, or all of them, off several keys."""
    tag_keys = given["TagKey"]
    if not tag_keys and not given["All"]:
        raise MissingParameter("TagKey.1")
    context.registry.untag_keys(_keys(context, given), tag_keys or None)
    return {}


def list_tag_resources(context: Context, given: Given) -> Content:
    """List tags of keys that have all the tags that are given."""
    query = TagQuery(
        key_ids=_keys(context, given),
        wanted=[(tag["Key"] or "", tag["Value"]) for tag in given["Tag"]],
        after=given["NextToken"],
        limit=ROWS + 1,
        within=context.principal.policy.selection("ListTagResources"),
    )
    found = context.registry.search_tags(query)
    token = ""
    if len(found) > ROWS:
        token = _token(found[ROWS - 1].key_id, found[ROWS - 1].tag_key)
    rows = [
        {
            "ResourceId": tag.key_id,
            "ResourceType": "key",
            "TagKey": tag.tag_key,
            "TagValue": tag.tag_value,
        }
        for tag in found[:ROWS]
    ]
    return {"TagResources": {"TagResource": rows}, "NextToken": token}


def _key(context: Context, given: Given) -> str:
    return key_name(context.names, given["KeyId"])


def _keys(context: Context, given: Given) -> list[str]:
    return [key_name(context.names, each) for each in given["ResourceId"]]


def _token(key_id: str, tag_key: str) -> str:
    """Where a page ended, as a text that is nobody's business."""
    return base64.urlsafe_b64encode(json.dumps([key_id, tag_key]).encode()).decode()


def _after(token: str) -> tuple[str, str]:
    """Where the page ended that had this token."""
    try:
        place = parse_json("NextToken", base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, InvalidParameter):
        place = None
    match place:
        case [str(key_id), str(tag_key)] if (key_id + tag_key).isprintable():
            return key_id, tag_key
    raise InvalidParameter("NextToken", "give that of the page before.")


RESOURCE_TYPE = Parameter(
    "ResourceType", choice("key", elsewhere=("secret",)), required=True
)
REGION_ID = Parameter("RegionId", required=True)
RESOURCE_IDS = Repeated("ResourceId", 50, required=True)
TAG = ("Key", "Value")

ACTIONS: Table = {
    "TagResource": Action(
        tag_resource, (KEY_ID, Parameter("Tags", tags, required=True)), ("KeyId",)
    ),
    "UntagResource": Action(
        untag_resource, (KEY_ID, Parameter("TagKeys", texts, required=True)), ("KeyId",)
    ),
    "ListResourceTags": Action(list_resource_tags, (KEY_ID,), ("KeyId",)),
    "TagResources": Action(
        tag_resources,
        (
            REGION_ID,
            RESOURCE_TYPE,
            RESOURCE_IDS,
            Repeated("Tag", 20, TAG, required=True),
        ),
        ("ResourceId",),
    ),
    "UntagResources": Action(
        untag_resources,
        (
            REGION_ID,
            RESOURCE_TYPE,
            RESOURCE_IDS,
            Repeated("TagKey", 20),
            Parameter("All", flag, default=False),
        ),
        ("ResourceId",),
    ),
    "ListTagResources": Action(
        list_tag_resources,
        (
            REGION_ID,
            RESOURCE_TYPE,
            Repeated("ResourceId", 50),
            Repeated("Tag", 20, TAG),
            Parameter("NextToken", _after),
        ),
        ("ResourceId",),
    ),
}
