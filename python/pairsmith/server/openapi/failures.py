"""What the OpenAPI refuses a request with, and its words for what the registry refuses.

One class per documented code, in the order of their HTTP status. The words of
``SignatureDoesNotMatch`` and ``SignatureNonceUsed`` are those of the gateway before the
cloud service, for the documents of the service itself have none.
"""

# ruff: noqa: N818 -- the names are those of the documented codes.

import re
from typing import Any

from pairsmith.errors import InvalidParameter, PairsmithError
from pairsmith.server.path.refusals import SenderRefused


class RequestRefused(PairsmithError):
    """The request itself is refused; its message is documented, and told."""

    http_status = 400


class MalformedRequest(RequestRefused):
    """Query or body cannot be read as parameters: wrong encoding, or twice the same."""

    code = "ParseRequestParameterException"
    wire_message = "The request parameters cannot be parsed."


class MissingParameter(RequestRefused):
    """A required parameter is not given."""

    code = "MissingParameter"

    def __init__(self, name: str) -> None:
        super().__init__(f'The parameter "{name}" is needed but not provided.')


class IncompleteSignature(RequestRefused):
    """There is no signature, or not one in a form that is known."""

    code = "IncompleteSignature"
    wire_message = "The request signature does not conform to Aliyun standards."


class IllegalTimestamp(RequestRefused):
    """The time of the request is missing, malformed, or too far from this clock."""

    code = "IllegalTimestamp"
    wire_message = (
        'The input parameter "Timestamp" that is mandatory for processing this request '
        "is not supplied."
    )


class SignatureDoesNotMatch(RequestRefused, SenderRefused):
    """The signature is not that of this request by this access key."""

    code = "SignatureDoesNotMatch"
    wire_message = "Specified signature is not matched with our calculation."


class SignatureNonceUsed(RequestRefused):
    """A request of this access key with this nonce has been served already."""

    code = "SignatureNonceUsed"
    wire_message = "Specified signature nonce was used already."


class UnsupportedAction(RequestRefused):
    """The action does not exist, or not here."""

    code = "UnsupportedOperation"
    wire_message = "This action is not supported."


class DryRunSucceeded(RequestRefused):
    """It would have been done, had ``DryRun`` not asked for a rehearsal."""

    code = "DryRunOperationError"
    wire_message = (
        "The request would have succeeded if the DryRun parameter was not configured."
    )


class UnsupportedHTTPMethod(RequestRefused):
    """Only GET and POST are answered."""

    code = "UnsupportedHTTPMethod"
    http_status = 403
    wire_message = "This http method is not supported."


class NoPermission(RequestRefused):
    """The access key's policy does not allow the action, or not on this key."""

    code = "Forbidden.NoPermission"
    http_status = 403
    wire_message = "This operation is forbidden by permission system."


class InstanceNotFound(RequestRefused):
    """The instance that is named is another one."""

    code = "Forbidden.DKMSInstanceNotFound"
    http_status = 403
    wire_message = "The specified DKMS Instance is not found."


class InvalidAccessKeyId(RequestRefused, SenderRefused):
    """There is no such access key, or none that is valid now."""

    code = "InvalidAccessKeyId.NotFound"
    http_status = 404
    wire_message = "The Access Key ID provided does not exist in our records."


class ResourceNotFound(RequestRefused):
    """No client has this name, or no client key this id."""

    code = "Forbidden.ResourceNotFound"
    http_status = 404
    wire_message = "The specified resource is not found."


WORDS = {
    "Forbidden.KeyNotFound": "The specified Key is not found.",
    "UnsupportedOperation": UnsupportedAction.wire_message,
}
"""Where the OpenAPI has other words than the Instance API for the same code."""

WIRE_NAMES = {
    "name": "AapName",
    "pending_window_days": "PendingWindowInDays",
    "tag_key": "Tags",
    "tag_value": "Tags",
    "tag_keys": "TagKeys",
}
"""Parameters whose name in Python is not that of the wire in snake case."""


def wire_text(error: PairsmithError) -> str:
    """All that the wire tells of an error: documented words, never our own."""
    if isinstance(error, RequestRefused):
        return str(error)
    if isinstance(error, InvalidParameter):
        name = wire_name(error.parameter)
        shown = name if name == "RotationInterval" else f'"{name}"'  # as documented
        return f"The specified parameter {shown} is not valid."
    return WORDS.get(error.code, error.wire_message)


def wire_name(parameter: str) -> str:
    """A parameter as the wire calls it: ``key_id`` is ``KeyId``."""
    if not re.fullmatch(r"[a-z_]+", parameter):
        return parameter
    words = parameter.split("_")
    return WIRE_NAMES.get(parameter) or "".join(word.capitalize() for word in words)


def error_content(error: PairsmithError, request_id: str, host: str) -> dict[str, Any]:
    """The JSON object that answers instead of an action's result."""
    return {
        "HttpStatus": error.http_status,
        "Code": error.code,
        "Message": wire_text(error),
        "RequestId": request_id,
        "HostId": host,
    }
