"""An application in this process, on doubles of what it is not about."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from doubles import MemoryAudit, MemoryMetrics
from openapi_caller import Caller
from signing import Client, Signer
from starlette.testclient import TestClient

from pairsmith import Instance
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.app import create_app
from pairsmith.server.dev.control import Control
from pairsmith.server.dev.faults import Faults
from pairsmith.server.services import Services
from pairsmith.server.settings import Settings, with_setting


@dataclass
class Application:
    """An application with everything behind it."""

    instance: Instance
    access: AccessStore
    audit: MemoryAudit
    metrics: MemoryMetrics
    http: TestClient

    def client(self, *rules: str, **validity: datetime) -> Client:
        """A client with a client key of its own, which may do everything by default."""
        policy = parse_policy(rules or ["*"])
        new = self.access.create_client("test", policy, **validity)
        return Client(self.http, Signer.of(new))

    def caller(self, *rules: str, **validity: datetime) -> Caller:
        """A caller of the OpenAPI with an access key of its own, likewise."""
        policy = parse_policy(rules or ["*"])
        key, secret = self.access.create_access_key("test", policy, **validity)
        return Caller(self.http, key.id, secret)


@contextmanager
def serving(
    instance: Instance, settings: Settings, faults: Faults | None = None
) -> Iterator[Application]:
    """Serve an instance within this process; with faults as a dev server does."""
    registry = instance.registry
    access, audit, metrics = AccessStore(registry), MemoryAudit(), MemoryMetrics()
    services = Services(instance, registry, access, audit, metrics, settings, faults)
    app = create_app(services, [] if faults is None else Control(faults).routes())
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 9)) as http:
        yield Application(instance, access, audit, metrics, http)


@pytest.fixture
def serve(
    instance: Instance, tmp_path: Path
) -> Iterator[Callable[[Settings], Application]]:
    """Makes an application with settings of one's own."""
    with ExitStack() as stack:

        def make(settings: Settings) -> Application:
            folder = str(tmp_path / "server")
            settings = with_setting(settings, "files", "folder", folder)
            return stack.enter_context(serving(instance, settings))

        yield make


@pytest.fixture
def application(serve: Callable[[Settings], Application]) -> Application:
    """An application with the settings that there are by default."""
    return serve(Settings())


@pytest.fixture
def dev(instance: Instance, tmp_path: Path) -> Iterator[Application]:
    """An application that meets faults, as a dev server does."""
    settings = with_setting(Settings(), "files", "folder", str(tmp_path / "server"))
    with serving(instance, settings, Faults()) as application:
        yield application


@pytest.fixture
def client(application: Application) -> Client:
    """A client of it that may do everything."""
    return application.client()
