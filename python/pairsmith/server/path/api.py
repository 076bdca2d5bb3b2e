"""What an API brings to the path: its envelope, its signature, its words.

Everything else is the path's. An API knows no thread, no database, no order of steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from starlette.types import Scope

    from pairsmith.errors import PairsmithError
    from pairsmith.registry.view import View
    from pairsmith.server.access.model import AccessKey, ClientKey
    from pairsmith.server.path.answer import Answer
    from pairsmith.server.path.call import Call
    from pairsmith.server.path.exchange import Exchange

    Sender = ClientKey | AccessKey

Claim = TypeVar("Claim")
"""Who a request says it is from, with all of its envelope; the API knows what it is."""


class BodyRule(NamedTuple):
    """How the body of a request is read.

    Attributes:
        limit: Bytes at most.
        is_signed_by_headers: Whether the sender can be recognised before it is there.
    """

    limit: int
    is_signed_by_headers: bool


class Api(Protocol[Claim]):
    """One API. Every method works on any thread, and waits for nothing but ``accept``.

    Attributes:
        waits: Whether ``accept`` may have to wait.
    """

    waits: bool

    def body_rule(self, scope: Scope) -> BodyRule:
        """How the body is read."""

    def claim(self, scope: Scope, body: bytes | None, exchange: Exchange) -> Claim:
        """Read the envelope: form and date, in steps that do not grow with its length.

        Args:
            scope: Of the request.
            body: All of it; ``None`` if it is still to come, and there is one.
            exchange: Is told who the request says it is from.

        Raises:
            PairsmithError: What is wrong with it.
        """

    def sender(self, view: View, claim: Claim) -> Sender:
        """Find the identity that the request names, if it exists and is valid now.

        Raises:
            PairsmithError: There is none.
        """

    def verify(self, claim: Claim, sender: Sender, *, with_body: bool) -> None:
        """Make sure that the sender has signed it, in steps that grow with its length.

        Args:
            claim: As read.
            sender: As found.
            with_body: Whether the body is at hand.

        Raises:
            PairsmithError: It is not.
        """

    def accept(self, claim: Claim, sender: Sender) -> None:
        """Make sure that it may be served once more; called once for each request.

        Raises:
            PairsmithError: It was served before.
        """

    def call(self, claim: Claim, view: View, exchange: Exchange) -> Call:
        """Parse the operation and its parameters; note them in the exchange.

        Raises:
            PairsmithError: What is wrong with them.
        """

    def forbidden(self, name: str) -> PairsmithError:
        """What refuses whoever may not do this to the key of that name, or at all."""

    def answer(self, claim: Claim, result: Any, exchange: Exchange) -> Answer:  # noqa: ANN401 -- what its work gave
        """Write the answer; note in the exchange what it tells."""

    def refusal(
        self, error: PairsmithError, scope: Scope, exchange: Exchange
    ) -> Answer:
        """Write the documented refusal."""
