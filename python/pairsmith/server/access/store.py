"""Identities in the registry's database."""

from collections.abc import Callable
from datetime import datetime

from pairsmith.registry import Registry
from pairsmith.server.access.model import AccessKey, ClientKey, NewClient
from pairsmith.server.access.policy import KeyFacts, Policy


class AccessStore:
    """Client keys and access keys, over the registry's database.

    ``client``, ``access_key`` and ``key_facts`` are for every request: they answer from
    memory for up to a quarter of a second, and see what this process changed at once.
    """

    def __init__(self, registry: Registry) -> None:
        raise NotImplementedError

    def client(self, client_key_id: str) -> ClientKey | None:
        """Find a client key, valid or not."""
        raise NotImplementedError

    def access_key(self, access_key_id: str) -> AccessKey | None:
        """Find an access key, valid or not."""
        raise NotImplementedError

    def key_facts(self, key_id: str) -> KeyFacts:
        """What policies look at in a key named by id or alias; fetched when needed."""
        raise NotImplementedError

    def touch(self, identity_id: str) -> None:
        """Note that it was used now; written in batches."""
        raise NotImplementedError

    def audit_key(self) -> bytes:
        """The 32 secret bytes that authenticate the audit log; made on first use."""
        raise NotImplementedError

    def create_client(
        self,
        name: str,
        policy: Policy,
        password: str | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> NewClient:
        """Make a client key of RSA_2048; without dates valid from now for 5 years."""
        raise NotImplementedError

    def create_access_key(
        self,
        name: str,
        policy: Policy,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> tuple[AccessKey, str]:
        """Make an access key; gives it and its secret."""
        raise NotImplementedError

    def clients(self) -> tuple[ClientKey, ...]:
        """List all client keys in the order they were made."""
        raise NotImplementedError

    def access_keys(self) -> tuple[AccessKey, ...]:
        """List all access keys in the order they were made."""
        raise NotImplementedError

    def revoke(self, identity_id: str) -> None:
        """Let an identity never be valid again."""
        raise NotImplementedError

    def set_policy(self, identity_id: str, policy: Policy) -> None:
        """Give an identity another policy."""
        raise NotImplementedError

    def close(self) -> None:
        """Write the last uses; the registry stays open."""
        raise NotImplementedError


Clock = Callable[[], float]
