"""The private CA and the certificates it signs."""

import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pairsmith.server import tls


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


@pytest.mark.parametrize("reason", ["time", "names", "key", "certificate", "foreign"])
def test_a_certificate_is_made_anew_when_it_must_be(
    tmp_path: Path, reason: str
) -> None:
    """Near its end, without a name, or damaged; the CA stays what clients trust."""
    made = datetime.now(UTC) - timedelta(days=338 if reason == "time" else 0)
    files = tls.made_files(tmp_path, [], made)
    assert files.ca is not None
    authority, old = files.ca.read_bytes(), files.certificate.read_bytes()
    if reason == "key":
        files.key.unlink()
    elif reason == "certificate":
        files.certificate.write_bytes(b"no certificate")
    elif reason == "foreign":
        other = tls.made_files(tmp_path / "other", [])
        files.certificate.write_bytes(other.certificate.read_bytes())
        files.key.write_bytes(other.key.read_bytes())
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


def test_the_end_of_a_certificate_is_spoken_of_in_time(tmp_path: Path) -> None:
    """Of one's own for a month before, of the CA for three; and clocks that are off."""
    now = datetime.now(UTC)
    ours = tls.made_files(tmp_path, [], now)
    own = tls.TlsFiles(ours.certificate, ours.key, None, made=False)
    for files, days, before in ((own, 397, 30), (ours, 3650, 90)):
        end = now + timedelta(days=days)
        for moment, said in (
            (now - timedelta(days=1), "not valid before"),
            (now, ""),
            (end - timedelta(days=before + 1), ""),
            (end - timedelta(days=before - 1), "ends at"),
            (end + timedelta(days=1), "clients refuse it"),
        ):
            told = " ".join(tls.notices(files, moment))
            assert said in told
            assert bool(said) == bool(told)
    assert "SIGHUP" in " ".join(tls.notices(own, now + timedelta(days=380)))
    with pytest.raises(tls.TlsError, match="none"):
        list(tls.notices(tls.TlsFiles(tmp_path / "none", ours.key, None, made=False)))
