"""An application in this process, on doubles of what it is not about."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from doubles import MemoryAccess, MemoryAudit, MemoryMetrics
from signing import Client, Signer
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from pairsmith import Instance
from pairsmith.server.access.policy import Policy
from pairsmith.server.app import create_app
from pairsmith.server.services import Services
from pairsmith.server.settings import Settings


@dataclass
class Application:
    """An application with everything behind it."""

    instance: Instance
    access: MemoryAccess
    audit: MemoryAudit
    metrics: MemoryMetrics
    http: TestClient
    private_key: rsa.RSAPrivateKey

    def client(self, policy: Policy | None = None) -> Client:
        """A client with a client key of its own, which may do everything by default."""
        more = () if policy is None else (policy,)
        return Client(
            self.http, Signer(self.access.add(self.private_key, *more), self.private_key)
        )


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    """A client's key; what is tested does not depend on it being another each time."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def serve(
    instance: Instance, private_key: rsa.RSAPrivateKey
) -> Iterator[Callable[[Settings], Application]]:
    """Makes an application with settings of one's own."""
    with ExitStack() as stack:

        def make(settings: Settings) -> Application:
            access, audit, metrics = MemoryAccess(instance), MemoryAudit(), MemoryMetrics()
            services = Services(
                instance, instance._registry, access, audit, metrics, settings
            )
            app = create_app(services, PlainTextResponse("the other API"))
            http = TestClient(app, base_url="http://localhost", client=("127.0.0.1", 9))
            stack.enter_context(http)
            return Application(instance, access, audit, metrics, http, private_key)

        yield make


@pytest.fixture
def application(serve: Callable[[Settings], Application]) -> Application:
    """An application with the settings that there are by default."""
    return serve(Settings())


@pytest.fixture
def client(application: Application) -> Client:
    """A client of it that may do everything."""
    return application.client()
