"""What a name of a key leads to: a version that can be used, or the reason why not.

Each has the facts that decide about rights, read at the same moment. So whoever has to
ask for a right first does so, and learns or changes nothing before.
"""

from dataclasses import dataclass, field
from typing import final

from pairsmith._core import WrappingKey
from pairsmith.errors import PairsmithError
from pairsmith.registry.key_facts import KeyFacts


@final
@dataclass(frozen=True, slots=True)
class ResolvedKey:
    """A key version, ready for use.

    Attributes:
        key_id: The real id of its key.
        key_version_id: Its own.
        wrapping_key: What seals and opens.
        facts: What decides about rights on the key.
    """

    key_id: str
    key_version_id: str
    wrapping_key: WrappingKey
    facts: KeyFacts = field(compare=False)


@dataclass(frozen=True, slots=True)
class RotationDue:
    """A key whose next version is to be made before its primary version is used.

    Attributes:
        present: Its primary version until then.
    """

    present: ResolvedKey

    @property
    def facts(self) -> KeyFacts:
        """What decides about rights on the key."""
        return self.present.facts


@dataclass(frozen=True, slots=True)
class Unusable:
    """A name that leads to nothing that may be used now.

    Attributes:
        facts: What decides about rights on the key, or on the name of none.
        error: The reason.
    """

    facts: KeyFacts
    error: PairsmithError


@dataclass(frozen=True, slots=True)
class NameOnly:
    """A key, or the name of none, of which nothing but the right to it was asked.

    Attributes:
        facts: What decides about rights on it.
    """

    facts: KeyFacts


Found = ResolvedKey | RotationDue | Unusable | NameOnly

Key = str | ResolvedKey
"""How an operation is told its key: by id or alias, or as it was resolved already."""


def usable(found: Found) -> ResolvedKey:
    """Give the version that is used, once nothing is due any more.

    Raises:
        PairsmithError: The reason why there is none.
    """
    match found:
        case ResolvedKey():
            return found
        case RotationDue():
            return found.present
        case Unusable():
            raise found.error
    raise TypeError("of this key no version was asked for")
