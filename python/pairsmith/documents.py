"""JSON and TOML that others wrote, read strictly and within bounds.

Every document that comes from a file, a request or a caller is read here: a damaged or
hostile one is refused with ``InvalidParameter``, after work that its size bounds.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tomllib
from typing import TYPE_CHECKING, Any, Never

from pairsmith.errors import InvalidParameter
from pairsmith.trusted_folders import Untrusted, others_may_write, resolve_trusted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPTH_LIMIT = 32
"""Lists and objects in each other at most; no document of ours has more than 6."""

NUMBER_LIMIT = 20
"""Characters of a number at most: every integer of 64 bits has its place."""

RECORD_BYTES = 256 * 1024
"""A record at most; the longest, RSA_4096 with the longest Aad, has 25,000."""

SETTINGS_BYTES = 1024 * 1024
"""A settings file or seed file at most."""

# Possessive, and content with a missing end, so that no text makes it try again.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _Refused(ValueError):  # noqa: N818 -- it ends a parse, and is told as another
    """What the hooks raise inside the parser."""


def parse_json(
    name: str, text: str | bytes | bytearray, *, limit: int = RECORD_BYTES
) -> Any:  # noqa: ANN401 -- whatever was written
    """Read one JSON document (RFC 8259) in UTF-8.

    Refused beyond the grammar: a byte order mark, a name that an object has twice, NaN
    and infinities, numbers of more than 20 characters, escapes that are no character,
    more than 32 levels.

    Args:
        name: What the document is, for the message.
        text: All of it.
        limit: Bytes at most.

    Raises:
        InvalidParameter: It is something else; the message says what.
    """
    decoded = _decoded(name, text, limit)
    if _depth(decoded) > DEPTH_LIMIT:
        reason = f"it is JSON of more than {DEPTH_LIMIT} levels"
        raise InvalidParameter(name, reason)
    try:
        document = _DECODER.decode(decoded)
        if _SURROGATE.search(decoded):
            for each in _texts(document):
                each.encode()
    except _Refused as refused:
        raise InvalidParameter(name, str(refused)) from None
    except UnicodeEncodeError:
        reason = "it has an escape that is no character"
        raise InvalidParameter(name, reason) from None
    except (ValueError, RecursionError):
        raise InvalidParameter(name, "it is not JSON") from None
    return document


def read_toml(name: str, path: Path) -> tuple[dict[str, Any], str]:
    """Read one TOML file in UTF-8, of 1 MiB at most, that nobody else can change.

    It decides what the server does: neither the file, nor a folder or a link on the way
    to it, may belong to another user than root and this one, or be written by others.

    Args:
        name: What the file is, for the message.
        path: Where it is.

    Returns:
        What it says, and its text.

    Raises:
        InvalidParameter: It cannot be read, others may change it, or it is something
            else; the message says what, and where.
    """
    name = f"{name} {path}"
    try:
        with path.open("rb") as file:
            _require_unchanged(path, os.fstat(file.fileno()))
            text = file.read(SETTINGS_BYTES + 1)
    except OSError as error:
        raise InvalidParameter(name, f"{error.strerror or error}.") from None
    decoded = _decoded(name, text, SETTINGS_BYTES)
    try:
        return tomllib.loads(decoded), decoded
    except RecursionError:
        raise InvalidParameter(name, "its values are nested too deeply") from None
    except ValueError as error:  # also a number of thousands of digits
        raise InvalidParameter(name, str(error)) from None


def _require_unchanged(path: Path, found: os.stat_result) -> None:
    """See that a file is as its owner, who is root or this user, has left it."""
    if stat.S_ISREG(found.st_mode):  # a pipe has no name that leads to it
        resolve_trusted(path)
    reason = others_may_write(path, found)
    if reason:
        raise Untrusted(path, reason)


def shown(value: object, limit: int = 60) -> str:
    """A foreign value for a message, cut to a length that a line has room for."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def _decoded(name: str, text: str | bytes | bytearray, limit: int) -> str:
    if not isinstance(text, str | bytes | bytearray):
        raise InvalidParameter(name, "it must be text or bytes")
    if len(text) > limit:
        raise InvalidParameter(name, f"it may have {limit} bytes at most")
    try:
        if isinstance(text, str):
            text.encode()
            decoded = text
        else:
            decoded = text.decode()
    except UnicodeError:
        raise InvalidParameter(name, "it is not UTF-8") from None
    if decoded.startswith("\ufeff"):
        raise InvalidParameter(
            name, "it begins with a byte order mark: save it as UTF-8 without one"
        )
    return decoded


def _depth(text: str) -> int:
    """How deep it is nested; counted before parsing, which takes stack for each."""
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _texts(document: object) -> Iterator[str]:
    """Every text in a document, names included."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for each in document:
            yield from _texts(each)
    elif isinstance(document, dict):
        yield from document
        for each in document.values():
            yield from _texts(each)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise _Refused("one of its objects has a name twice")
    return found


def _integer(text: str) -> int:
    _require_short(text)
    return int(text)


def _fraction(text: str) -> float:
    _require_short(text)
    number = float(text)
    if not math.isfinite(number):
        raise _Refused("a number in it is too large")
    return number


def _require_short(text: str) -> None:
    if len(text) > NUMBER_LIMIT:
        raise _Refused(f"a number in it has more than {NUMBER_LIMIT} characters")


def _no_number(text: str) -> Never:
    raise _Refused(f"{text} is no number of JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_no_number,
)
