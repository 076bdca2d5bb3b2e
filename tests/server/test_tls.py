"""The private CA and the certificates it signs."""

import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pairsmith.errors import InvalidParameter
from pairsmith.server import tls
from pairsmith.server.serving import certificate_names, prepare
from pairsmith.server.settings import Settings, with_setting


def handshake(files: tls.TlsFiles, name: str) -> None:
    """Let a strict client verify the server by name, within memory."""
    assert files.ca is not None
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(files.certificate, files.key)
    there = ssl.create_default_context(cafile=str(files.ca))
    there.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = here.wrap_bio(to_server, to_client, server_side=True)
    client = there.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.version() == "TLSv1.3"


def test_clients_that_trust_the_ca_accept_every_name(tmp_path: Path) -> None:
    """Localhost, the loopbacks, and the names and addresses that were given."""
    files = tls.made_files(tmp_path / "tls", ["kms.example", "192.0.2.7"])
    for name in ("localhost", "127.0.0.1", "::1", "kms.example", "192.0.2.7"):
        handshake(files, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(files, "other.example")


def test_another_implementation_accepts_the_chain(tmp_path: Path) -> None:
    """OpenSSL's strict verification finds nothing to object to."""
    files = tls.made_files(tmp_path, [])
    assert files.ca is not None
    subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", files.ca, files.certificate],
        check=True,
        capture_output=True,
    )


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    """Private keys are 0600 in a folder that is 0700; the CA may be handed out."""
    folder = tmp_path / "tls"
    tls.made_files(folder, [])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("ca.key", "server.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert b"PRIVATE" not in (folder / tls.CA_FILE).read_bytes()


def test_nothing_changes_while_all_is_well(tmp_path: Path) -> None:
    """A second start finds what the first has made."""
    first = tls.made_files(tmp_path, ["a.example"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    second = tls.made_files(tmp_path, ["a.example"])
    assert (first.made, second.made) == (True, False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("reason", ["time", "names", "key", "certificate"])
def test_a_certificate_is_made_anew_when_it_must_be(
    tmp_path: Path, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Near its end, without a name, or damaged; the CA stays what clients trust."""
    if reason == "time":
        with monkeypatch.context() as patch:
            patch.setattr(tls, "SERVER_VALIDITY", timedelta(days=59))
            patch.setattr(tls, "RENEWED_BEFORE", timedelta(days=1))
            files = tls.made_files(tmp_path, [])
    else:
        files = tls.made_files(tmp_path, [])
    assert files.ca is not None
    authority, old = files.ca.read_bytes(), files.certificate.read_bytes()
    if reason == "key":
        files.key.unlink()
    elif reason == "certificate":
        files.certificate.write_bytes(b"no certificate")
    names = ["new.example"] if reason == "names" else []
    tls.made_files(tmp_path, names)
    assert files.certificate.read_bytes() != old
    assert files.ca.read_bytes() == authority
    handshake(files, names[0] if names else "localhost")
    assert tls.ends(files.certificate) > datetime.now(UTC) + timedelta(days=390)


def test_a_server_certificate_signs_no_others(tmp_path: Path) -> None:
    """Whoever takes the server's key cannot make certificates with it."""
    files = tls.made_files(tmp_path, [])
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert not basic.value.ca


def test_a_name_that_none_can_have_is_refused(tmp_path: Path) -> None:
    """The message names the folder and what is wrong."""
    with pytest.raises(tls.TlsError):
        tls.made_files(tmp_path, ["bücher.example"])


def test_own_files_must_be_there_and_the_key_not_everybodys(tmp_path: Path) -> None:
    """A missing file is named, and so is a key that anybody may read."""
    made = tls.made_files(tmp_path, [])
    own = tls.own_files(str(made.certificate), str(made.key))
    assert (own.ca, own.made) == (None, False)
    with pytest.raises(tls.TlsError, match=r"tls\.key"):
        tls.own_files(str(made.certificate), "")
    made.key.chmod(0o644)
    with pytest.raises(tls.TlsError, match="chmod 600"):
        tls.own_files(str(made.certificate), str(made.key))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "kms.example"])
def test_plain_http_is_for_the_loopback_only(host: str) -> None:
    """Wherever others could listen it is refused before anything is made."""
    settings = with_setting(Settings(), "tls", "insecure_http", value=True)
    with pytest.raises(InvalidParameter, match="loopback"):
        prepare(with_setting(settings, "listen", "host", host))


def test_the_certificate_has_the_address_that_is_listened_on() -> None:
    """Unless that is every address there is."""
    settings = with_setting(Settings(), "listen", "names", "a.example, b.example")
    assert certificate_names(with_setting(settings, "listen", "host", "0.0.0.0")) == [
        "a.example",
        "b.example",
    ]
    listening = with_setting(Settings(), "listen", "host", "192.0.2.1")
    assert certificate_names(listening) == ["192.0.2.1"]
