"""What rules are about: keys and clients, and the patterns that mean some of them.

The text of a pattern tells its kind. ``*`` means every key and every client. A key id,
``alias/…`` and ``tag:Key=Value`` mean keys and never a client; what is none of these is
a client's name. A star stands for any characters, or none.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pairsmith.errors import InvalidParameter
from pairsmith.registry.key_facts import KeyFacts
from pairsmith.registry.selection import STAR, Selection, glob_fits

ANY = STAR

_KEY = re.compile(
    r"\*|key-[a-z0-9]{21}|alias/[A-Za-z0-9_/*-]{1,255}"
    r"|tag:[A-Za-z0-9/\\_\-.+:@]{1,128}=[A-Za-z0-9/\\_\-.+=:@*]{0,128}"
)
_CLIENT = re.compile(r"[A-Za-z0-9_.@/*-]{1,128}")


@dataclass(frozen=True, slots=True)
class ClientName:
    """What a policy may look at in a client: its name; empty if there is no such."""

    name: str


Subject = KeyFacts | ClientName
"""What an operation is about."""


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """A key id, ``alias/…`` with stars, ``tag:Key=Value``, or ``*`` for everything."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what can match no key."""
        if not names_keys(self.text):
            raise InvalidParameter(
                "allow",
                f"{self.text!r} names no keys: give a key id, alias/name, alias/team-*,"
                " tag:Key=Value, or * for all.",
            )

    def fits(self, subject: Subject) -> bool:
        """Whether the subject is one of those meant."""
        if self.text == ANY:
            return True
        if isinstance(subject, ClientName):
            return False
        if self.text.startswith("alias/"):
            return any(glob_fits(self.text, alias) for alias in subject.aliases)
        if self.text.startswith("tag:"):
            name, value = _tag(self.text)
            return name in subject.tags and glob_fits(value, subject.tags[name])
        return self.text == subject.id

    def covers(self, other: "Pattern") -> bool:
        """Whether whatever the other one means, now or later, is meant here, too.

        Exact where one pattern covers another by itself. That an alias leads to a key
        today covers nothing: tomorrow it leads elsewhere.
        """
        if self.text == ANY:
            return True
        if isinstance(other, ClientPattern):
            return False
        if self.text.startswith("alias/") and other.text.startswith("alias/"):
            return glob_fits(self.text, other.text)
        if self.text.startswith("tag:") and other.text.startswith("tag:"):
            (name, value), (other_name, other_value) = _tag(self.text), _tag(other.text)
            return name == other_name and glob_fits(value, other_value)
        return self.text == other.text


@dataclass(frozen=True, slots=True)
class ClientPattern:
    """The name of a client, with stars."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what can match no client, or means keys."""
        if not _CLIENT.fullmatch(self.text) or names_keys(self.text):
            raise InvalidParameter(
                "allow",
                f"{self.text!r} names no clients: give a name, team-a-*, or * for all.",
            )

    def fits(self, subject: Subject) -> bool:
        """Whether the subject is one of those meant."""
        return isinstance(subject, ClientName) and glob_fits(self.text, subject.name)

    def covers(self, other: "Pattern") -> bool:
        """Whether whatever the other one means is meant here, too."""
        return isinstance(other, ClientPattern) and glob_fits(self.text, other.text)


Pattern = KeyPattern | ClientPattern


def selection_of(patterns: Iterable[Pattern]) -> Selection:
    """The keys that some patterns mean, none of which is the star."""
    key_ids, aliases, tags = [], [], []
    for pattern in patterns:
        if isinstance(pattern, ClientPattern):
            continue
        if pattern.text.startswith("alias/"):
            aliases.append(pattern.text)
        elif pattern.text.startswith("tag:"):
            tags.append(_tag(pattern.text))
        else:
            key_ids.append(pattern.text)
    return Selection(tuple(key_ids), tuple(aliases), tuple(tags))


def names_keys(text: str) -> bool:
    """Whether a pattern of this text means keys."""
    return _KEY.fullmatch(text) is not None


def _tag(text: str) -> tuple[str, str]:
    name, _, value = text.removeprefix("tag:").partition("=")
    return name, value
