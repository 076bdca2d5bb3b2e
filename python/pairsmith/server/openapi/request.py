"""A request as it came: headers, and parameters that are decoded when they are used.

Anybody can send one. So what names its sender is found without decoding the rest, and
the rest is decoded only for a sender who exists: see ``Claim`` in ``signature``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl

from pairsmith.server.openapi.failures import MalformedRequest, UnsupportedHTTPMethod

METHODS = ("GET", "POST")
FORM = "application/x-www-form-urlencoded"
PARAMETERS = 256
"""Twice what any action has: TagResources has 50 keys and 20 tags of two fields."""

NAME_BYTES = 384
"""Of a parameter's name, encoded: 128 characters that are all escapes."""

FIELD_BYTES = 3072
"""Of a field that tells of the sender, encoded: 1024 characters that are escapes."""

SHORT_BYTES = 4096
"""Parameters that are decoded at once: most are, and their faults are told first."""

QUERY_BYTES = 64 * 1024
"""As much as the server below takes; a test's client knows no bound."""

_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Parameters:
    """``name=value`` pairs, percent-encoded.

    Args:
        text: As it came.

    Raises:
        MalformedRequest: There are more than any action has, or longer names.
    """

    def __init__(self, text: bytes) -> None:
        # Counted first: splitting makes an object of each.
        if text.count(b"&") >= PARAMETERS:
            raise MalformedRequest
        self._text = text
        self._pairs = [pair.partition(b"=") for pair in text.split(b"&")]
        if any(len(name) > NAME_BYTES for name, _, _ in self._pairs):
            raise MalformedRequest

    def field(self, name: str) -> str | None:
        """Decode one short parameter, whose name is not escaped; ``None`` without it.

        Raises:
            MalformedRequest: It is there twice, is too long, or cannot be decoded.
        """
        wanted = name.encode()
        found = [value for each, _, value in self._pairs if each == wanted]
        if not found:
            return None
        if len(found) > 1 or len(found[0]) > FIELD_BYTES:
            raise MalformedRequest
        return _decoded(wanted + b"=" + found[0])[name]

    @cached_property
    def values(self) -> dict[str, str]:
        """All of them, decoded; a value may be empty.

        Raises:
            MalformedRequest: They are not UTF-8, or one is given twice, which would
                leave it open which of them was meant.
        """
        return _decoded(self._text)


@dataclass(frozen=True)
class Request:
    """A request whose sender is not verified yet.

    Attributes:
        method: ``GET`` or ``POST``.
        headers: By name in lower case; of a name that came twice, all values.
        query: The parameters of the query.
        form: Those of a form-encoded body.
        body: As it came.
    """

    method: str
    headers: dict[str, tuple[str, ...]] = field(repr=False)
    query: Parameters
    form: Parameters
    body: bytes = field(repr=False)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """All parameters, wherever they came; decoding them takes a while.

        Raises:
            MalformedRequest: They cannot be decoded, or one is given twice.
        """
        if self.query.values.keys() & self.form.values.keys():
            raise MalformedRequest
        return self.query.values | self.form.values

    def field(self, name: str) -> str | None:
        """One short parameter, wherever it came, as ``Parameters.field`` gives it."""
        found = [each.field(name) for each in (self.query, self.form)]
        given = [value for value in found if value is not None]
        if len(given) > 1:
            raise MalformedRequest
        return given[0] if given else None

    def header(self, name: str) -> str:
        """The value of a header that may come once; empty if it did not come."""
        values = self.headers.get(name, ())
        if len(values) > 1:
            raise MalformedRequest
        return values[0].strip() if values else ""


def read_request(
    method: str, headers: Iterable[tuple[bytes, bytes]], query: bytes, body: bytes
) -> Request:
    """Take a request apart; what is long is left encoded.

    Raises:
        UnsupportedHTTPMethod: It is neither GET nor POST.
        MalformedRequest: It has more parameters than any action, or longer names; or
            they are short and cannot be decoded.
    """
    if method not in METHODS:
        raise UnsupportedHTTPMethod
    if len(query) > QUERY_BYTES:
        raise MalformedRequest
    by_name: dict[str, tuple[str, ...]] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        by_name[name] = (*by_name.get(name, ()), raw_value.decode("latin-1"))
    content_type = by_name.get("content-type", ("",))[0]
    is_form = content_type.partition(";")[0].strip().lower() == FORM
    form = body if is_form else b""
    request = Request(method, by_name, Parameters(query), Parameters(form), body)
    if len(query) + len(form) <= SHORT_BYTES:
        _ = request.parameters
    return request


def _decoded(text: bytes) -> dict[str, str]:
    if _BROKEN_ESCAPE.search(text):
        raise MalformedRequest
    try:
        pairs = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=PARAMETERS,
        )
    except ValueError:  # an encoding that is none
        raise MalformedRequest from None
    found = dict(pairs)
    # A NUL is in no parameter's range, and no database can hold it.
    if len(found) < len(pairs) or b"%00" in text or b"\0" in text:
        raise MalformedRequest
    return found
