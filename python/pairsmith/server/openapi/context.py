"""What an action is given, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pairsmith.server.openapi.failures import NoPermission
from pairsmith.server.openapi.names import key_name
from pairsmith.server.openapi.parameters import Parameter, Repeated, integer
from pairsmith.server.path.call import NamedKey

if TYPE_CHECKING:
    from pairsmith.registry import Registry
    from pairsmith.registry.key_facts import KeyFacts
    from pairsmith.registry.permission import Permission
    from pairsmith.registry.resolved import Found
    from pairsmith.registry.view import View
    from pairsmith.server.access.model import Principal
    from pairsmith.server.access.policy import Policy
    from pairsmith.server.access.store import AccessStore
    from pairsmith.server.openapi.parameters import Given
    from pairsmith.server.path.call import Right
    from pairsmith.server.path.exchange import Exchange
    from pairsmith.server.services import Services
    from pairsmith.server.settings import Names

ALIAS_NAME = "AliasName"

Content = dict[str, Any]
"""A JSON object, still without its RequestId."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an action works with.

    Attributes:
        services: Everything there is.
        principal: Who asks, and may.
        exchange: What becomes known of the request, for the audit log.
        found: What the keys lead to that it names, as they were decided about.
    """

    services: Services
    principal: Principal
    exchange: Exchange
    found: tuple[Found, ...]

    @property
    def registry(self) -> Registry:
        """The keys."""
        return self.services.registry

    @property
    def access(self) -> AccessStore:
        """The clients."""
        return self.services.access

    @property
    def names(self) -> Names:
        """What clients call this place."""
        return self.services.settings.names


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that names its key version, which is not verified yet."""

    content: bytes
    key_id: str
    key_version_id: str


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the API.

    Attributes:
        run: Does it, in a thread, and gives the answer.
        parameters: What it is given.
        keys: The parameters that name keys which the principal must have the right
            to: ids, aliases or ARNs; one that is absent counts for nothing.
        named: Gives the keys with what is wanted of each, where that is not the action
            on every key of ``keys``.
        rights: Gives what else the principal must have the right to.
        blob: The parameter that is a ``Blob``, if one is.
    """

    run: Callable[[Context, Given], Content]
    parameters: tuple[Parameter | Repeated, ...] = ()
    keys: tuple[str, ...] = ()
    named: Callable[[Names, Given], tuple[NamedKey, ...]] | None = None
    rights: Callable[[View, Given], tuple[Right, ...]] | None = None
    blob: str = ""

    def key_names(self, names: Names, given: Given) -> list[str]:
        """The ids and aliases of all keys that it is about."""
        found: list[str] = []
        for parameter in self.keys:
            value = given[parameter]
            several = value if isinstance(value, list) else [value]
            found += [key_name(names, each) for each in several if each]
        return found

    def named_keys(
        self, operation: str, names: Names, given: Given
    ) -> tuple[NamedKey, ...]:
        """All keys that it is about, with the rights that each takes."""
        if self.named is not None:
            return self.named(names, given)
        found = dict.fromkeys(self.key_names(names, given))
        return tuple(NamedKey(name, (operation,)) for name in found)

    def permission(self, operation: str, policy: Policy) -> Permission | None:
        """What refuses keys on which a policy does not allow the action.

        ``None`` where the rights are not the action on each key: on names of clients,
        or on keys that differ in what they are for, as of a re-encryption.

        Args:
            operation: The name of the action.
            policy: Of the principal.
        """
        if self.rights is not None or self.named is not None:
            return None

        def require(facts: KeyFacts) -> None:
            if not policy.allows(operation, facts):
                raise NoPermission

        return require

    def with_keys(
        self, names: Names, given: Given, key_ids: Mapping[str, str]
    ) -> Given:
        """What is given, with the keys named by the ids that were decided about.

        An alias that is to be moved or deleted is meant itself, and stays.
        """

        def known(name: str) -> str:
            return key_ids.get(key_name(names, name), name)

        changed: Given = {}
        for parameter in self.keys:
            value = given[parameter]
            if value and parameter != ALIAS_NAME:
                several = isinstance(value, list)
                changed[parameter] = [*map(known, value)] if several else known(value)
        return given | changed


Table = Mapping[str, Action]

KEY_ID = Parameter("KeyId", required=True)
PAGE_NUMBER = Parameter("PageNumber", integer(1, 2**31 - 1), default=1)
PAGE_SIZE = Parameter("PageSize", integer(1, 100), default=10)
PAGING: Sequence[Parameter] = (PAGE_NUMBER, PAGE_SIZE)
