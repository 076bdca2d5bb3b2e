"""The application in this process, on doubles of what no test of it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from doubles import MemoryAudit, MemoryMetrics
from openapi_caller import Caller
from signing import Client, Signer
from starlette.testclient import TestClient

from pairsmith import Instance
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.app import Application as ServerApplication
from pairsmith.server.dev.control import Control
from pairsmith.server.dev.faults import Faults
from pairsmith.server.services import Services
from pairsmith.server.settings import Settings

NOW = datetime.now(UTC) + timedelta(days=1)
"""The moment at which applications serve, however long the tests take.

It stands still, after whatever a test makes and before that ends.
"""


@dataclass
class Application:
    """An application with everything behind it."""

    instance: Instance
    access: AccessStore
    audit: MemoryAudit
    metrics: MemoryMetrics
    http: TestClient

    @property
    def now(self) -> datetime:
        """The moment at which it serves every request."""
        return NOW

    def client(self, *rules: str, **validity: datetime) -> Client:
        """A client with a client key of its own, which may do everything by default."""
        policy = parse_policy(rules or ["*"])
        new = self.access.create_client("test", policy, **validity)
        return Client(self.http, replace(Signer.of(new), now=lambda: NOW))

    def caller(self, *rules: str, **validity: datetime) -> Caller:
        """A caller of the OpenAPI with an access key of its own, likewise."""
        policy = parse_policy(rules or ["*"])
        key, secret = self.access.create_access_key("test", policy, **validity)
        return Caller(self.http, key.id, secret, now=lambda: NOW)


@contextmanager
def serving(
    instance: Instance, settings: Settings, faults: Faults | None = None
) -> Iterator[Application]:
    """Serve an instance within this process; with faults as a dev server does."""
    registry = instance.registry
    access, audit, metrics = AccessStore(registry), MemoryAudit(), MemoryMetrics()
    services = Services(
        instance, registry, access, audit, metrics, settings, faults, now=lambda: NOW
    )
    app = ServerApplication(
        services, [] if faults is None else Control(faults).routes()
    )
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 9)) as http:
        yield Application(instance, access, audit, metrics, http)
