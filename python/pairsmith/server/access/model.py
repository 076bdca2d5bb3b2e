"""Identities as values: client keys, access keys, and who a request comes from."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pairsmith.server.access.policy import Policy


@dataclass(frozen=True, slots=True)
class Identity:
    """What client keys and access keys have in common. Moments are UTC.

    ``last_used_at`` is written in batches: it may lag by half a minute.
    """

    id: str
    name: str
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None
    policy: Policy
    last_used_at: datetime | None
    created_at: datetime

    def valid_at(self, now: datetime) -> bool:
        """Whether it may be used then: begun, not over, not revoked."""
        return self.revoked_at is None and self.not_before <= now < self.not_after


@dataclass(frozen=True, slots=True)
class ClientKey(Identity):
    """A key pair that signs requests of the Instance API; id ``KAAP.`` and a UUID.

    ``public_key_der`` is the SubjectPublicKeyInfo; the private key is the client's.
    """

    public_key_der: bytes

    def principal(self) -> "Principal":
        """Who a request comes from that this key has signed."""
        return Principal("client", self.id, self.name, self.policy)


@dataclass(frozen=True, slots=True)
class AccessKey(Identity):
    """A shared secret that signs requests of the OpenAPI; id ``LTAI`` and 20 more."""

    secret: bytes = field(repr=False)

    def principal(self) -> "Principal":
        """Who a request comes from that this key has signed."""
        return Principal("access_key", self.id, self.name, self.policy)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from, once its signature was found right."""

    kind: Literal["client", "access_key"]
    id: str
    name: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client key just made; what opens it is here and nowhere else.

    Attributes:
        key: As the server keeps it.
        credential_json: The content of ``clientKey_<id>.json``.
        password: Opens the PKCS#12 inside.
    """

    key: ClientKey
    credential_json: str = field(repr=False)
    password: str = field(repr=False)
