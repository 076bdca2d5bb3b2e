"""What an action is given, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pairsmith.server.openapi.names import key_name
from pairsmith.server.openapi.parameters import Parameter, Repeated, integer

if TYPE_CHECKING:
    from pairsmith.registry import Registry
    from pairsmith.server.access.model import Principal
    from pairsmith.server.access.policy import ClientName
    from pairsmith.server.access.store import AccessStore
    from pairsmith.server.openapi.parameters import Given
    from pairsmith.server.services import Services
    from pairsmith.server.settings import Names
    from pairsmith.server.trace import Trace

ALIAS_NAME = "AliasName"

Content = dict[str, Any]
"""A JSON object, still without its RequestId."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an action works with.

    Attributes:
        services: Everything there is.
        principal: Who asks, and may.
        trace: What becomes known of the request, for the audit log.
    """

    services: Services
    principal: Principal
    trace: Trace

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


class Right(NamedTuple):
    """Something that a policy must allow.

    Attributes:
        operations: The names of which one must be allowed.
        key: An id or alias; empty for what is about no single key.
        client: The client that it is about; ``None`` for what is about none.
    """

    operations: tuple[str, ...]
    key: str = ""
    client: ClientName | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the API.

    Attributes:
        run: Does it, in a thread, and gives the answer.
        parameters: What it is given.
        keys: The parameters that name keys which the principal must have the right
            to: ids, aliases or ARNs; one that is absent counts for nothing.
        rights: Gives what the principal must have the right to, where that is not the
            action on every key of ``keys``.
        blob: The parameter that is a ``Blob``, if one is.
    """

    run: Callable[[Context, Given], Content]
    parameters: tuple[Parameter | Repeated, ...] = ()
    keys: tuple[str, ...] = ()
    rights: Callable[[Services, Given], list[Right]] | None = None
    blob: str = ""

    def key_names(self, names: Names, given: Given) -> list[str]:
        """The ids and aliases of all keys that it is about."""
        found: list[str] = []
        for parameter in self.keys:
            value = given[parameter]
            several = value if isinstance(value, list) else [value]
            found += [key_name(names, each) for each in several if each]
        return found

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
