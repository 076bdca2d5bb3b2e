"""What the first process makes and checks, without a worker."""

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pairsmith.errors import DatabaseError, InvalidParameter
from pairsmith.server import serving, tls
from pairsmith.server.addresses import ListenError
from pairsmith.server.services import require_database
from pairsmith.server.serving import certificate_names, look_at_certificate, prepare
from pairsmith.server.settings import Settings, with_setting


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server whose files are all in one folder, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = with_setting(Settings(), "files", "folder", str(tmp_path))
    settings = with_setting(settings, "listen", "port", port)
    return with_setting(settings, "database", "url", f"sqlite:///{tmp_path / 'db'}")


@pytest.fixture
def taken(settings: Settings) -> Iterator[None]:
    """The port is another's."""
    with socket.create_server(("127.0.0.1", settings.listen.port)):
        yield


@pytest.mark.usefixtures("taken")
def test_a_taken_port_is_refused_before_anything_is_made(
    settings: Settings, tmp_path: Path
) -> None:
    """The other one may be a server of ours: its files are left alone."""
    with pytest.raises(ListenError, match=str(settings.listen.port)):
        prepare(settings)
    assert not list(tmp_path.iterdir())


def test_a_certificate_that_cannot_be_used_is_refused_before_anything_is_made(
    settings: Settings, tmp_path: Path
) -> None:
    """And the port is free again."""
    (tmp_path / "c.pem").write_text("nonsense")
    chosen = with_setting(settings, "tls", "certificate", str(tmp_path / "c.pem"))
    with pytest.raises(tls.TlsError, match=r"c\.pem"):
        prepare(chosen)
    assert list(tmp_path.iterdir()) == [tmp_path / "c.pem"]
    with closing(prepare(settings).listener):
        assert (tmp_path / "clients").is_dir()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_plain_http_is_for_the_loopback_only(settings: Settings, host: str) -> None:
    """Wherever others could listen it is refused before anything is made."""
    settings = with_setting(settings, "tls", "insecure_http", value=True)
    with pytest.raises(InvalidParameter, match="loopback"):
        prepare(with_setting(settings, "listen", "host", host))


def test_the_certificate_has_the_address_that_is_listened_on() -> None:
    """Unless that is every address there is; brackets are no part of it."""
    settings = with_setting(Settings(), "listen", "names", "a.example, b.example")
    for host in ("0.0.0.0", "::", "[::]"):
        assert certificate_names(with_setting(settings, "listen", "host", host)) == [
            "a.example",
            "b.example",
        ]
    for host in ("192.0.2.1", "[::1]"):
        listening = with_setting(Settings(), "listen", "host", host)
        assert certificate_names(listening) == [host.strip("[]")]


def test_a_reload_keeps_what_takes_a_new_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Address, port and number of workers stay; the rest is taken over."""
    anew = with_setting(Settings(), "listen", "port", 1234)
    anew = with_setting(anew, "listen", "names", "new.example")
    anew = with_setting(anew, "limits", "requests", 7)
    kept = serving._kept(Settings(), anew)
    assert kept.listen.port == Settings().listen.port
    assert (kept.listen.names, kept.limits.requests) == ("new.example", 7)
    plain = with_setting(Settings(), "tls", "insecure_http", value=True)
    with pytest.raises(InvalidParameter, match="new start"):
        serving._kept(Settings(), plain)
    del caplog


def test_a_certificate_is_renewed_while_the_server_runs(
    settings: Settings, tmp_path: Path
) -> None:
    """Workers have to read a new one; one of the user's own is only spoken of."""
    long_ago = datetime.now(UTC) - timedelta(days=380)
    files = tls.made_files(tmp_path / "tls", certificate_names(settings), long_ago)
    own = tls.TlsFiles(files.certificate, files.key, None, made=False)
    assert not look_at_certificate(settings, own)
    assert look_at_certificate(settings, files)
    assert not look_at_certificate(settings, files)
    assert not look_at_certificate(settings, None)


def test_no_worker_makes_a_database_anew(tmp_path: Path) -> None:
    """One that was there at the start and is gone is an error, not an empty one."""
    path = tmp_path / "db"
    with pytest.raises(DatabaseError, match="no database at"):
        require_database(f"sqlite:///{path}")
    path.touch()
    with pytest.raises(DatabaseError, match="no database at"):
        require_database(f"sqlite:///{path}")
    path.write_text("something")
    require_database(f"sqlite:///{path}")
    require_database("postgresql+psycopg://nobody@192.0.2.1/none")
