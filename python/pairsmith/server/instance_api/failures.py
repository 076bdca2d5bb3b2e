"""What the Instance API refuses a request with, before or instead of an operation.

One class per documented code, in the order of their HTTP status. The message of each is
the documented text with its placeholders filled in, and is what the wire tells; errors
of the operations themselves tell the ``wire_message`` of their class.
"""

# ruff: noqa: N818 -- the names are those of the documented codes.

from pairsmith.errors import PairsmithError
from pairsmith.server.instance_api.messages_pb2 import Error
from pairsmith.server.path.refusals import SenderRefused


class RequestRefused(PairsmithError):
    """The request itself is refused: its form, its sender, or the sender's rights."""

    http_status = 400


class InvalidApiName(RequestRefused):
    """``x-kms-apiname`` names no operation of the API."""

    code = "InvalidApiName"

    def __init__(self, name: str) -> None:
        super().__init__(f'The ApiName "{name}" is invalid.')


class InvalidApiVersion(RequestRefused):
    """``x-kms-apiversion`` is missing or not the one that there is."""

    code = "InvalidApiVersion"

    def __init__(self, version: str) -> None:
        super().__init__(f'The ApiVersion "{version}" is invalid.')


class InvalidParam(RequestRefused):
    """A header is missing, given twice, or not in the form it must have."""

    code = "InvalidParam"

    def __init__(self, header: str, value: str = "") -> None:
        told = f' message:"{value}".' if value else ""
        super().__init__(f"The Param {header} is invalid.{told}")


class MissingParameter(RequestRefused):
    """The header that names the client key is missing."""

    code = "MissingParameter"

    def __init__(self, header: str) -> None:
        super().__init__(f"Parameter {header} does not exist in http header or body.")


class RequestTimeTooSkewed(RequestRefused):
    """``Date`` is further from this server's clock than it may be."""

    code = "RequestTimeTooSkewed"
    wire_message = "Request time exceeds server time more than 15 minutes."


class SignatureNotMatch(RequestRefused, SenderRefused):
    """The signature is not that of this request by this client key."""

    code = "SignatureNotMatch"
    http_status = 401
    wire_message = "Signature is not matched."


class NoPermission(RequestRefused):
    """The client key's policy does not allow the operation, or not on this key."""

    code = "Forbidden.NoPermission"
    http_status = 403

    def __init__(self, name: str) -> None:
        super().__init__(
            f'This operation for "{name}" is forbidden by permission system.'
        )


class Unauthorized(RequestRefused, SenderRefused):
    """There is no such client key, or none that is valid now."""

    code = "Unauthorized"
    http_status = 404

    def __init__(self, access_key_id: str) -> None:
        super().__init__(
            f'The AccessKey ID "{access_key_id}" does not exist in our records.'
        )


class InvalidContentType(RequestRefused):
    """The body is not said to be protobuf."""

    code = "InvalidContentType"
    http_status = 415

    def __init__(self, content_type: str) -> None:
        super().__init__(f'Content-Type "{content_type}" is unsupported.')


def wire_text(error: PairsmithError) -> str:
    """All that the wire tells of an error: documented words, never our own."""
    return str(error) if isinstance(error, RequestRefused) else error.wire_message


def error_body(error: PairsmithError, request_id: str) -> bytes:
    """The protobuf ``Error`` that answers instead of an operation's message.

    An error without words, such as a body that is too large, is answered with nothing.
    """
    if not wire_text(error):
        return b""
    return Error(
        StatusCode=error.http_status,
        ErrorCode=error.code,
        ErrorMessage=wire_text(error),
        RequestId=request_id,
    ).SerializeToString()
