"""What stands in for the parts of the server that a test is not about."""

import uuid
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairsmith import Instance
from pairsmith.server.access.model import ClientKey
from pairsmith.server.access.policy import KeyFacts, Policy, parse_policy
from pairsmith.server.audit import AuditEntry, AuditUnavailable

ALL = parse_policy(["*"])


@dataclass
class MemoryAccess:
    """Client keys in a dictionary."""

    instance: Instance
    keys: dict[str, ClientKey] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)

    def add(
        self,
        private_key: rsa.RSAPrivateKey,
        policy: Policy = ALL,
        not_before: datetime | None = None,
        revoked_at: datetime | None = None,
    ) -> str:
        """Register the public half; give the id of the client key."""
        now = datetime.now(UTC)
        identity = f"KAAP.{uuid.uuid4()}"
        self.keys[identity] = ClientKey(
            id=identity,
            name="test",
            not_before=not_before or now - timedelta(minutes=1),
            not_after=now + timedelta(days=1),
            revoked_at=revoked_at,
            policy=policy,
            last_used_at=None,
            created_at=now,
            public_key_der=private_key.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            ),
        )
        return identity

    def client(self, client_key_id: str) -> ClientKey | None:
        """As the store's."""
        return self.keys.get(client_key_id)

    def touch(self, identity_id: str) -> None:
        """As the store's."""
        self.touched.append(identity_id)

    def key_facts(self, key_id: str) -> KeyFacts:
        """As the store's."""
        return KeyFacts(
            lambda: self.instance.describe_key(key_id).key_id,
            lambda: [
                alias.alias_name
                for alias in self.instance.list_aliases_by_key_id(key_id).items
            ],
            lambda: {tag.key: tag.value for tag in self.instance.list_tags(key_id)},
        )


@dataclass
class MemoryAudit:
    """Entries in a list; ``broken`` refuses them."""

    entries: list[AuditEntry] = field(default_factory=list)
    broken: bool = False

    def submit(self, entry: AuditEntry) -> Future[None]:
        """As the log's."""
        future: Future[None] = Future()
        if self.broken:
            future.set_exception(AuditUnavailable())
        else:
            self.entries.append(entry)
            future.set_result(None)
        return future

    def check(self) -> None:
        """As the log's."""
        if self.broken:
            raise AuditUnavailable


@dataclass
class MemoryMetrics:
    """Observations in a list."""

    observed: list[tuple[str, str, str]] = field(default_factory=list)

    def observe(self, operation: str, spec: str, code: str, _seconds: float) -> None:
        """As the real one."""
        self.observed.append((operation, spec, code))

    def render(self) -> tuple[bytes, str]:
        """As the real one."""
        return b"# nothing\n", "text/plain"
