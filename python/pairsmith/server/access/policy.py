"""Policies: which operations, on which keys and clients.

A policy is written as rules, ``OPERATIONS:PATTERNS``, with commas between several::

    pairs-without-plaintext:alias/devices
    Decrypt,AdvanceDecrypt:alias/app-*,tag:Team=edge
    clients:team-a-*
    GenerateRandom
    *

Operations are names or groups; keys are ids, aliases or tags, clients are names, ``*``
standing for any characters. Operations that are about no single key need no patterns.
What no rule allows is forbidden.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from pairsmith.errors import InvalidParameter
from pairsmith.registry.key_facts import KeyFacts
from pairsmith.registry.selection import Selection
from pairsmith.server.access.operations import (
    CLIENTS,
    GROUPS,
    LISTS,
    OPERATIONS,
    WITHOUT_KEY,
)
from pairsmith.server.access.patterns import (
    ANY,
    ClientName,
    ClientPattern,
    KeyPattern,
    Pattern,
    Subject,
    names_keys,
    selection_of,
)

__all__ = [
    "ClientName",
    "ClientPattern",
    "KeyFacts",
    "KeyPattern",
    "Policy",
    "parse_policy",
    "require_effect",
]

Reach = tuple[bool, tuple[Pattern, ...]]
"""Whether no pattern limits an operation; else, those of which one must fit."""

_UNLIMITED = WITHOUT_KEY - LISTS
"""Operations that no pattern limits."""

_BARE = WITHOUT_KEY | CLIENTS
"""Operations that a rule may name without patterns; then it limits them to nothing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Operations on keys and clients, and whatever other policies allow as well.

    Attributes:
        operations: Names, groups, or ``*``.
        keys: Patterns; a key or client that fits one of them is meant.
        also: More rules: what one of them allows is allowed.
    """

    operations: frozenset[str]
    keys: tuple[Pattern, ...] = ()
    also: tuple["Policy", ...] = ()
    _limits: dict[str, "Reach"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def allows(self, operation: str, subject: Subject | None) -> bool:
        """Whether the operation is permitted.

        Args:
            operation: Its name, such as ``Decrypt``.
            subject: The key or client it is about; ``None`` for one that is about no
                single one. A list that is allowed so may still show less than all:
                ask again with each subject on it.
        """
        if subject is not None:
            is_unlimited, patterns = self._reach(operation)
            return is_unlimited or any(pattern.fits(subject) for pattern in patterns)
        return any(
            _names(rule, operation) and _means_without_subject(rule, operation)
            for rule in self.rules()
        )

    def allows_any(self, operation: str) -> bool:
        """Whether it is permitted whatever it is about, without a look at that."""
        is_unlimited, patterns = self._reach(operation)
        return is_unlimited or any(pattern.text == ANY for pattern in patterns)

    def selection(self, operation: str) -> Selection | None:
        """The keys on which it is permitted; ``None`` if that is all."""
        if self.allows_any(operation):
            return None
        return selection_of(
            pattern
            for rule in self.rules()
            if _names(rule, operation)
            for pattern in _patterns(rule, operation)
        )

    def covers(self, other: "Policy") -> bool:
        """Whether all that the other policy allows, now or later, is allowed by this.

        Never yes wrongly, but no where it takes several rules together to cover one:
        each operation on each pattern must be within a single rule. ``*`` for
        operations is covered by ``*`` only, for a later version knows more of them.
        """
        return all(
            any(_reaches(rule, operation, pattern) for rule in self.rules())
            for each in other.rules()
            for operation, pattern in _rights(each)
        )

    def _reach(self, operation: str) -> "Reach":
        """What an operation is limited to: found once, for every request asks."""
        reach = self._limits.get(operation)
        if reach is None:
            rules = [rule for rule in self.rules() if _names(rule, operation)]
            reach = self._limits[operation] = (
                any(_is_unlimited(rule, operation) for rule in rules),
                tuple(
                    pattern for rule in rules for pattern in _patterns(rule, operation)
                ),
            )
        return reach

    def rules(self) -> Iterator["Policy"]:
        """Every rule by itself."""
        yield self
        for rule in self.also:
            yield from rule.rules()

    def texts(self) -> tuple[str, ...]:
        """Write the rules, as ``parse_policy`` reads them."""
        text = ",".join(sorted(self.operations))
        if self.keys:
            text += ":" + ",".join(pattern.text for pattern in self.keys)
        return (text, *(each for rule in self.also for each in rule.texts()))

    def __str__(self) -> str:
        """Show the rules on one line."""
        return " ".join(self.texts())


def parse_policy(rules: Iterable[str]) -> Policy:
    """Read rules, one per text.

    Raises:
        InvalidParameter: A rule cannot be understood; says what would be right.
    """
    parsed = [_rule(text) for text in rules]
    if not parsed:
        raise InvalidParameter("allow", "say what is allowed, such as decrypt:alias/x.")
    return Policy(parsed[0].operations, parsed[0].keys, tuple(parsed[1:]))


def require_effect(policy: Policy) -> Policy:
    """Refuse a new policy in which an operation is allowed on nothing.

    Policies of before rules named clients may say ``clients:alias/x``, which meant all
    clients and means none now. They are read, but not made any more.

    Raises:
        InvalidParameter: A rule on clients names none, or one on keys.
    """
    for rule in policy.rules():
        named, text = _single(rule.operations), rule.texts()[0]
        if named & CLIENTS and not any(map(_means_clients, rule.keys)):
            raise InvalidParameter(
                "allow", f"{text} names no clients: clients:NAME, or clients:* for all."
            )
        of_keys = named - CLIENTS - _UNLIMITED
        if of_keys and rule.keys and not any(map(_means_keys, rule.keys)):
            raise InvalidParameter(
                "allow",
                f"{text} names no keys: give keys and clients rules of their own.",
            )
    return policy


def _rule(text: str) -> Policy:
    names, colon, after = (part.strip() for part in text.partition(":"))
    operations = frozenset(_operation(name.strip()) for name in names.split(","))
    if colon:
        clients = bool(_single(operations) & CLIENTS)
        texts = (pattern.strip() for pattern in after.split(","))
        patterns = tuple(_pattern(pattern, clients=clients) for pattern in texts)
        return Policy(operations, patterns)
    if operations == {ANY}:
        return Policy(operations, (KeyPattern(ANY),))
    if operations <= _BARE:
        return Policy(operations)
    if _single(operations) <= _BARE:
        raise InvalidParameter("allow", f"say which: {text}:NAME, or {text}:* for all.")
    raise InvalidParameter(
        "allow", f"say on which keys: {text}:alias/name, or {text}:* for all."
    )


def _pattern(text: str, *, clients: bool) -> Pattern:
    """A pattern; only where operations on clients are named, a name is a client's."""
    if clients and not names_keys(text):
        return ClientPattern(text)
    return KeyPattern(text)


def _operation(name: str) -> str:
    if name == ANY or name in OPERATIONS or name in GROUPS:
        return name
    close = get_close_matches(name, [*OPERATIONS, *GROUPS], n=1)
    hint = f"did you mean {close[0]}?" if close else f"groups: {', '.join(GROUPS)}."
    raise InvalidParameter("allow", f"{name!r} is no operation; {hint}")


def _names(rule: Policy, operation: str) -> bool:
    return (
        operation in rule.operations
        or ANY in rule.operations
        or any(operation in GROUPS.get(name, ()) for name in rule.operations)
    )


def _means_without_subject(rule: Policy, operation: str) -> bool:
    if _is_unlimited(rule, operation):
        return True
    limits = _patterns(rule, operation)
    if operation in LISTS or operation == "ListClientKeys":
        return bool(limits)
    # Asked without what it is about: only whoever may use any.
    return any(pattern.text == ANY for pattern in limits)


def _reaches(rule: Policy, operation: str, pattern: Pattern) -> bool:
    """Whether a rule allows the operation on all that a pattern means."""
    return _names(rule, operation) and (
        _is_unlimited(rule, operation) or any(own.covers(pattern) for own in rule.keys)
    )


def _rights(rule: Policy) -> Iterator[tuple[str, Pattern]]:
    """Every operation of a rule with every pattern that limits it."""
    named = {ANY} if ANY in rule.operations else _single(rule.operations)
    for operation in named:
        if not rule.keys or operation in _UNLIMITED:
            yield operation, KeyPattern(ANY)
        for pattern in rule.keys if operation == ANY else _patterns(rule, operation):
            yield operation, pattern


def _patterns(rule: Policy, operation: str) -> list[Pattern]:
    """The patterns of the kind that an operation is about."""
    is_about = _means_clients if operation in CLIENTS else _means_keys
    return [pattern for pattern in rule.keys if is_about(pattern)]


def _is_unlimited(rule: Policy, operation: str) -> bool:
    bare = not rule.keys and operation in rule.operations & _BARE
    return bare or operation in _UNLIMITED


def _single(names: frozenset[str]) -> frozenset[str]:
    """Single operations instead of groups; ``*`` is none."""
    return frozenset[str]().union(*(GROUPS.get(name, {name}) for name in names)) - {ANY}


def _means_keys(pattern: Pattern) -> bool:
    return isinstance(pattern, KeyPattern)


def _means_clients(pattern: Pattern) -> bool:
    return isinstance(pattern, ClientPattern) or pattern.text == ANY
