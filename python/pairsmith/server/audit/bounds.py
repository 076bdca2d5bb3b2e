"""How much of what a caller chose is told in a line of the audit log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TEXT_CHARACTERS = 512
"""Of one text of a caller; every name that exists is shorter, ARNs included."""

OWN_CHARACTERS = 8192
"""Of one text of a result, which a caller does not choose: a rule of a policy."""

ALL_CHARACTERS = 40_000
"""Of all texts of a line; fifty keys with twenty tags have 21,000."""

VALUES = 200
"""Of one list or object."""

FEW = 20
"""As many short texts are within every bound."""

DEPTH = 4
"""Lists and objects in each other."""

encoded = json.JSONEncoder(separators=(",", ":")).encode
"""As ``json.dumps``, which makes an encoder for each document, with no spaces."""

_PLAIN = bytes(each for each in range(0x20, 0x7F) if each not in b'"\\')
"""The characters that are themselves in JSON; all others are escaped."""


def bounded(
    told: Mapping[str, Any], text_characters: int = TEXT_CHARACTERS
) -> dict[str, Any]:
    """Give texts, numbers, flags, lists and objects as JSON has them, within bounds.

    Anything else is left out, bytes above all: they may be secrets.
    """
    if len(told) <= FEW and all(map(_is_short, told.values())):
        return dict(told)  # as of every request that uses a key: nothing to cut
    return _Bounded(text_characters).mapping(told, DEPTH)


def bounded_json(
    told: Mapping[str, Any], text_characters: int = TEXT_CHARACTERS
) -> str:
    """Write ``bounded`` as JSON; faster if it is a few plain texts and numbers."""
    members, texts = [], ""
    for name, value in told.items() if len(told) <= FEW else ():
        if type(value) is str:
            members.append(f'"{name}":"{value}"')
            texts += name + value
        elif type(value) is int:
            members.append(f'"{name}":{value}')
            texts += name
    if len(members) == len(told) and is_plain(texts):
        return f"{{{','.join(members)}}}"
    return encoded(bounded(told, text_characters))


def is_plain(text: str) -> bool:
    """Whether a text is short, and JSON has it as it is."""
    # The escapes that take the place of what is not ASCII are not plain themselves.
    characters = text.encode("ascii", "backslashreplace")
    return len(text) <= TEXT_CHARACTERS and not characters.translate(None, _PLAIN)


@dataclass
class _Bounded:
    """How much of each text is told, and what is left for all of them."""

    text_characters: int
    left: int = ALL_CHARACTERS

    def mapping(self, told: Mapping[str, Any], depth: int) -> dict[str, Any]:
        found = {}
        for name, value in list(told.items())[:VALUES]:
            kept = self._value(value, depth - 1)
            if kept is not None:
                found[self._text(str(name))] = kept
        return found

    def _value(self, value: object, depth: int) -> Any:  # noqa: ANN401 -- what JSON has
        match value:
            case str():
                return self._text(value)
            case bool() | int():
                return value
            case Mapping() if depth:
                return self.mapping(value, depth)
            case list() | tuple() if depth:
                kept = [self._value(each, depth - 1) for each in value[:VALUES]]
                return [each for each in kept if each is not None]
        return None

    def _text(self, text: str) -> str:
        cut = text[: min(self.text_characters, self.left)]
        self.left -= len(cut)
        return cut


def _is_short(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= TEXT_CHARACTERS
    return isinstance(value, int)
