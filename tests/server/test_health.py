"""``/readyz``: whether operations would be served, and what is in their way."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from applications import Application, serving

from pairsmith import Instance
from pairsmith.server import checks
from pairsmith.server.health import Health
from pairsmith.server.settings import Settings, with_setting


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is given twice, and none up because the machine is busy."""
    monkeypatch.setattr(checks, "BELIEVED_SECONDS", -1.0)
    monkeypatch.setattr(checks, "PATIENCE_SECONDS", 60.0)


def readiness(application: Application) -> tuple[int, dict[str, str]]:
    """Status and parts."""
    answer = application.http.get("/readyz")
    return answer.status_code, answer.json()


def test_a_part_that_refuses_is_named(application: Application) -> None:
    """The others are not; it is ready again as soon as it takes entries."""
    ready = {"database": "ok", "audit": "ok", "nonces": "ok"}
    assert readiness(application) == (200, ready)
    application.audit.broken = True
    unavailable = ready | {"audit": "ServiceUnavailableTemporary"}
    assert readiness(application) == (503, unavailable)
    application.audit.broken = False
    assert readiness(application) == (200, ready)


def test_where_no_nonce_can_be_kept_it_is_not_ready(
    instance: Instance, tmp_path: Path
) -> None:
    """The OpenAPI would refuse every request."""
    folder = tmp_path / "server"
    folder.write_text("no folder")
    settings = with_setting(Settings(), "files", "folder", str(folder))
    with serving(instance, settings) as application:
        assert application.caller().send("ListKeys", {}).status_code == 503
        status, parts = readiness(application)
    assert (status, parts["nonces"]) == (503, "ServiceUnavailableTemporary")
    assert parts["audit"] == parts["database"] == "ok"


def test_a_database_without_this_server_s_secret_is_another(
    application: Application, url: str
) -> None:
    """Also if it can be read; nothing is written into it."""
    file = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM service_secrets")
    assert readiness(application)[1]["database"] == "ServiceUnavailableTemporary"
    with closing(sqlite3.connect(file)) as database:
        (count,) = database.execute("SELECT count(*) FROM service_secrets").fetchone()
    assert count == 0


@pytest.fixture
def refusing(instance: Instance, tmp_path: Path) -> Iterator[Application]:
    """An application whose audit log refuses everything."""
    settings = with_setting(Settings(), "files", "folder", str(tmp_path / "server"))
    with serving(instance, settings) as application:
        application.audit.broken = True
        yield application


def test_what_the_log_has_refused_is_not_tried_again(refusing: Application) -> None:
    """Over both APIs: whoever waited for the log once does not wait again."""
    client, caller = refusing.client(), refusing.caller()
    assert client.send("GenerateRandom").status_code == 503
    assert refusing.audit.attempts == 1
    assert caller.send("ListKeys", {}).status_code == 503
    assert refusing.audit.attempts == 2


def test_figures_are_counted_once_for_all_who_ask_meanwhile(
    application: Application,
) -> None:
    """However many ask at a time, one thread adds up; the next one counts anew."""
    counted: list[int] = []

    def render() -> tuple[bytes, str]:
        counted.append(1)
        return b"# figures\n", "text/plain"

    services = SimpleNamespace(
        access=application.access,
        audit=application.audit,
        metrics=SimpleNamespace(render=render),
        settings=with_setting(Settings(), "metrics", "public", "true"),
    )

    async def test() -> None:
        health = Health(services, lambda: None)  # type: ignore[arg-type]
        asked = [health.metrics(SimpleNamespace(scope={})) for _ in range(20)]  # type: ignore[arg-type]
        answers = await asyncio.gather(*asked)
        assert {answer.body for answer in answers} == {b"# figures\n"}
        assert len(counted) == 1
        await health.metrics(SimpleNamespace(scope={}))  # type: ignore[arg-type]
        assert len(counted) == 2

    asyncio.run(test())


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_it_is_only_asked_with_get(application: Application, path: str) -> None:
    """Another method is refused, and changes nothing."""
    answer = application.http.post(path)
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
