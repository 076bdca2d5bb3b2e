"""A request as it came, taken apart once: headers, and parameters."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pairsmith.server.openapi.failures import MalformedRequest, UnsupportedHTTPMethod

METHODS = ("GET", "POST")
FORM = "application/x-www-form-urlencoded"
PARAMETERS = 1000
"""More than any action has."""

_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed request whose sender is not verified yet.

    Attributes:
        method: ``GET`` or ``POST``.
        headers: By name in lower case; of a name that came twice, all values.
        query: The parameters of the query.
        form: Those of a form-encoded body.
        body: As it came.
    """

    method: str
    headers: dict[str, tuple[str, ...]]
    query: dict[str, str]
    form: dict[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """All parameters, wherever they came."""
        return self.query | self.form

    def header(self, name: str) -> str:
        """The value of a header that may come once; empty if it did not come."""
        values = self.headers.get(name, ())
        if len(values) > 1:
            raise MalformedRequest
        return values[0].strip() if values else ""


def read_request(
    method: str, headers: Iterable[tuple[bytes, bytes]], query: bytes, body: bytes
) -> Request:
    """Take a request apart.

    Raises:
        UnsupportedHTTPMethod: It is neither GET nor POST.
        MalformedRequest: Parameters are not UTF-8, or one is given twice, which would
            leave it open which of them was meant.
    """
    if method not in METHODS:
        raise UnsupportedHTTPMethod
    by_name: dict[str, tuple[str, ...]] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        by_name[name] = (*by_name.get(name, ()), raw_value.decode("latin-1"))
    content_type = by_name.get("content-type", ("",))[0]
    is_form = content_type.partition(";")[0].strip().lower() == FORM
    request = Request(
        method, by_name, _decoded(query), _decoded(body) if is_form else {}, body
    )
    if request.query.keys() & request.form.keys():
        raise MalformedRequest
    return request


def _decoded(text: bytes) -> dict[str, str]:
    """Decode ``name=value`` pairs; a value may be empty."""
    if _BROKEN_ESCAPE.search(text):
        raise MalformedRequest
    try:
        pairs = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=PARAMETERS,
        )
    except ValueError:  # an encoding that is none, or too many
        raise MalformedRequest from None
    found = dict(pairs)
    # A NUL is in no parameter's range, and no database can hold it.
    if len(found) < len(pairs) or b"%00" in text or b"\0" in text:
        raise MalformedRequest
    return found
