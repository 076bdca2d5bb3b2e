"""Policies: which operations, on which keys.

A policy is written as rules, ``OPERATIONS:KEYS``, each with commas between several::

    pairs-without-plaintext:alias/devices
    Decrypt,AdvanceDecrypt:alias/app-*,tag:Team=edge
    GenerateRandom
    *

Operations are names or groups; keys are ids, aliases or tags, ``*`` standing for any
characters. Operations that are about no single key need no keys. What no rule allows
is forbidden.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from pairsmith.errors import InvalidParameter
from pairsmith.server.access.operations import GROUPS, OPERATIONS, WITHOUT_KEY

ANY = "*"

_KEY = re.compile(
    r"\*|key-[a-z0-9]{21}|alias/[A-Za-z0-9_/*-]{1,255}"
    r"|tag:[A-Za-z0-9/\\_\-.+:@]{1,128}=[A-Za-z0-9/\\_\-.+=:@*]{0,128}"
)


class KeyFacts:
    """What a policy may look at in a key; each fact is fetched when it is needed.

    Args:
        id: The real id, or what gives it.
        aliases: The full names, ``alias/`` included, or what gives them.
        tags: Tag keys and values, or what gives them.
    """

    def __init__(
        self,
        id: str | Callable[[], str],  # noqa: A002 -- it is the fact's name
        aliases: Collection[str] | Callable[[], Collection[str]] = (),
        tags: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self._id = id
        self._aliases = aliases
        self._tags = tags or {}

    @cached_property
    def id(self) -> str:
        """The real id of the key."""
        return self._id() if callable(self._id) else self._id

    @cached_property
    def aliases(self) -> Collection[str]:
        """All its aliases."""
        return self._aliases() if callable(self._aliases) else self._aliases

    @cached_property
    def tags(self) -> Mapping[str, str]:
        """All its tags."""
        return self._tags() if callable(self._tags) else self._tags


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """A key id, ``alias/…`` with wildcards, ``tag:Key=Value``, or ``*``."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what can match no key."""
        if not _KEY.fullmatch(self.text):
            raise InvalidParameter(
                "allow",
                f"{self.text!r} names no keys: give a key id, alias/name, alias/team-*,"
                " tag:Key=Value, or * for all.",
            )

    def fits(self, key: KeyFacts) -> bool:
        """Whether the key is one of those meant."""
        if self.text == ANY:
            return True
        if self.text.startswith("alias/"):
            return any(_fits(self.text, alias) for alias in key.aliases)
        if self.text.startswith("tag:"):
            name, _, value = self.text.removeprefix("tag:").partition("=")
            return name in key.tags and _fits(value, key.tags[name])
        return self.text == key.id


@dataclass(frozen=True, slots=True)
class Policy:
    """Operations on keys, and whatever other policies allow as well.

    Attributes:
        operations: Names, groups, or ``*``.
        keys: Patterns; a key that fits one of them is meant.
        also: More rules: what one of them allows is allowed.
    """

    operations: frozenset[str]
    keys: tuple[KeyPattern, ...] = ()
    also: tuple["Policy", ...] = ()

    def allows(self, operation: str, key: KeyFacts | None) -> bool:
        """Whether the operation is permitted.

        Args:
            operation: Its name, such as ``Decrypt``.
            key: The key it is about; ``None`` for one that is about no single key.
        """
        if self._names(operation) and self._means(operation, key):
            return True
        return any(rule.allows(operation, key) for rule in self.also)

    def texts(self) -> tuple[str, ...]:
        """Write the rules, as ``parse_policy`` reads them."""
        text = ",".join(sorted(self.operations))
        if self.keys:
            text += ":" + ",".join(pattern.text for pattern in self.keys)
        return (text, *(each for rule in self.also for each in rule.texts()))

    def __str__(self) -> str:
        """Show the rules on one line."""
        return " ".join(self.texts())

    def _names(self, operation: str) -> bool:
        return (
            operation in self.operations
            or ANY in self.operations
            or any(operation in GROUPS.get(name, ()) for name in self.operations)
        )

    def _means(self, operation: str, key: KeyFacts | None) -> bool:
        if operation in WITHOUT_KEY:
            return True
        if key is None:  # asked without the key it needs: only whoever may use any
            return any(pattern.text == ANY for pattern in self.keys)
        return any(pattern.fits(key) for pattern in self.keys)


def parse_policy(rules: Iterable[str]) -> Policy:
    """Read rules, one per text.

    Raises:
        InvalidParameter: A rule cannot be understood; says what would be right.
    """
    parsed = [_rule(text) for text in rules]
    if not parsed:
        raise InvalidParameter("allow", "say what is allowed, such as decrypt:alias/x.")
    return Policy(parsed[0].operations, parsed[0].keys, tuple(parsed[1:]))


def _rule(text: str) -> Policy:
    names, colon, keys = (part.strip() for part in text.partition(":"))
    operations = frozenset(_operation(name.strip()) for name in names.split(","))
    if colon:
        patterns = tuple(KeyPattern(pattern.strip()) for pattern in keys.split(","))
        return Policy(operations, patterns)
    if operations == {ANY}:
        return Policy(operations, (KeyPattern(ANY),))
    if operations <= WITHOUT_KEY:
        return Policy(operations)
    raise InvalidParameter(
        "allow", f"say on which keys: {text}:alias/name, or {text}:* for all."
    )


def _operation(name: str) -> str:
    if name == ANY or name in OPERATIONS or name in GROUPS:
        return name
    close = get_close_matches(name, [*OPERATIONS, *GROUPS], n=1)
    hint = f"did you mean {close[0]}?" if close else f"groups: {', '.join(GROUPS)}."
    raise InvalidParameter("allow", f"{name!r} is no operation; {hint}")


def _fits(pattern: str, text: str) -> bool:
    """Whether the text is the pattern, ``*`` standing for any characters or none."""
    parts = [re.escape(part) for part in pattern.split(ANY)]
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None
