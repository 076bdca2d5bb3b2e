"""Private keys of TLS: who may read their files, and who may replace them."""

import os
from pathlib import Path

import pytest

from pairsmith.server import own_certificate, tls
from pairsmith.server.tls import TlsError, TlsFiles

OTHER = 54321
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root makes others' files"
)


@pytest.fixture
def made(tmp_path: Path) -> TlsFiles:
    """A certificate and its key, in a folder of their own."""
    return tls.made_files(tmp_path / "tls", [])


def serve_with(files: TlsFiles, key: Path | None = None) -> TlsFiles:
    """Take them as the user's own."""
    return tls.own_files(str(files.certificate), str(key or files.key))


@pytest.mark.parametrize("mode", [0o640, 0o660, 0o604, 0o610, 0o601, 0o644, 0o777])
def test_a_key_that_others_can_read_is_refused(made: TlsFiles, mode: int) -> None:
    """A group, everybody, or whoever may only write: looked at by mode, root or not."""
    made.key.chmod(mode)
    with pytest.raises(TlsError, match=f"chmod 600 {made.key}"):
        serve_with(made)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_key_of_its_owner_s_alone_is_taken(made: TlsFiles, mode: int) -> None:
    """Writable, executable or not."""
    made.key.chmod(mode)
    assert serve_with(made).key == made.key


@pytest.mark.parametrize("name", ["ca.key", "server.key", "replaced-ca.key"])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_the_private_ca_s_keys_likewise(made: TlsFiles, name: str, mode: int) -> None:
    """A start with one that others could read makes nothing out of it."""
    folder = made.key.parent
    (folder / "replaced-ca.key").touch()
    (folder / "replaced-ca.key").chmod(0o600)
    before = made.certificate.read_bytes()
    (folder / name).chmod(mode)
    with pytest.raises(TlsError, match=f"chmod 600 .*{name}"):
        tls.made_files(folder, ["another.example"])
    assert made.certificate.read_bytes() == before


def test_the_end_of_a_link_is_what_counts(made: TlsFiles, tmp_path: Path) -> None:
    """As certbot has it: the link may have any mode, the file behind it may not."""
    link = tmp_path / "live.pem"
    link.symlink_to(made.key)
    assert serve_with(made, link).key == link
    made.key.chmod(0o640)
    with pytest.raises(TlsError, match="chmod 600"):
        serve_with(made, link)


def test_a_key_that_others_could_replace_is_refused(
    made: TlsFiles, tmp_path: Path
) -> None:
    """In a folder that everybody may write, also one that a link leads through."""
    link = tmp_path / "link"
    link.symlink_to(made.key.parent)
    made.key.parent.chmod(0o777)
    for key in (made.key, link / made.key.name):
        with pytest.raises(TlsError, match="everybody may write"):
            serve_with(made, key)


@needs_root
@pytest.mark.parametrize("what", ["key", "folder", "link"])
def test_another_user_s_key_is_refused(
    made: TlsFiles, tmp_path: Path, what: str
) -> None:
    """Its owner may change it, whatever its mode; so may that of a folder or a link."""
    link = tmp_path / "link.pem"
    link.symlink_to(made.key)
    place = {"key": made.key, "folder": made.key.parent, "link": link}[what]
    os.chown(place, OTHER, OTHER, follow_symlinks=False)
    with pytest.raises(TlsError, match=f"user {OTHER}"):
        serve_with(made, link)


def test_what_is_no_file_is_refused_at_once(made: TlsFiles, tmp_path: Path) -> None:
    """A FIFO is not waited for; a folder and a dangling link are no keys."""
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("fifo", "dangling", "tls"):
        with pytest.raises(TlsError, match="no file"):
            serve_with(made, tmp_path / name)


@needs_root
def test_a_mounted_secret_of_root_s_is_taken(
    made: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a service that is not root, in whose group it is: as Kubernetes mounts it."""
    tmp_path.chmod(0o755)
    made.key.parent.chmod(0o755)
    os.chown(made.key, 0, OTHER)
    made.key.chmod(0o440)
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
    monkeypatch.setattr(own_certificate, "resolve_trusted", lambda path: path)
    with pytest.raises(TlsError, match="chmod 600"):
        serve_with(made)
    monkeypatch.setattr(os, "getgroups", lambda: [OTHER])
    assert serve_with(made).key == made.key
