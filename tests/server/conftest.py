"""Applications in this process, and clients of theirs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from applications import Application, serving
from signing import Client

from pairsmith import Instance
from pairsmith.server.dev.faults import Faults
from pairsmith.server.settings import Settings, with_setting


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
