"""Certificates and keys of the user's own: which are served with, which are refused."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from pairsmith.server.own_certificate import TlsError, check_pair

PKCS8, TRADITIONAL = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
PLAIN = NoEncryption()


def certificate_of(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    """A certificate that signs itself, PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, digest)
    )
    return certificate.public_bytes(Encoding.PEM)


def pem(
    key: CertificateIssuerPrivateKeyTypes,
    form: PrivateFormat = PKCS8,
    encryption: KeySerializationEncryption = PLAIN,
) -> bytes:
    """A private key in PEM."""
    return key.private_bytes(Encoding.PEM, form, encryption)


def check(folder: Path, certificate: bytes, key: bytes) -> None:
    """Check a certificate and a key of these contents."""
    (folder / "c.pem").write_bytes(certificate)
    (folder / "k.pem").write_bytes(key)
    check_pair(folder / "c.pem", folder / "k.pem")


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    """A key of a size that is served with."""
    return rsa.generate_private_key(65537, 2048)


def test_every_usual_form_is_accepted(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    """PKCS#8, PKCS#1 and SEC 1, with lines ended as anywhere, and with a chain."""
    curve = ec.generate_private_key(ec.SECP256R1())
    ed = ed25519.Ed25519PrivateKey.generate()
    certificate = certificate_of(rsa_key)
    check(tmp_path, certificate, pem(rsa_key))
    check(tmp_path, certificate, pem(rsa_key, TRADITIONAL))
    check(tmp_path, certificate, pem(rsa_key).replace(b"\n", b"\r\n"))
    check(tmp_path, certificate.replace(b"\n", b"\r\n"), pem(rsa_key))
    check(tmp_path, certificate + certificate_of(curve), pem(rsa_key))
    check(tmp_path, b"a comment\n" + certificate, pem(rsa_key))
    check(tmp_path, certificate_of(curve), pem(curve, TRADITIONAL))
    check(tmp_path, certificate_of(ed), pem(ed))


@pytest.mark.parametrize("which", ["certificate", "key"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe", b"-----BEGIN "])
def test_what_is_no_pem_is_refused(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey, which: str, content: bytes
) -> None:
    """The message names the file."""
    given = {"certificate": certificate_of(rsa_key), "key": pem(rsa_key)}
    given[which] = content
    with pytest.raises(TlsError, match="c.pem" if which == "certificate" else "k.pem"):
        check(tmp_path, **given)


def test_what_would_be_a_panic_of_the_tls_library_is_refused(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    """A byte order mark, an encrypted key, one of another certificate, odd kinds."""
    other = ec.generate_private_key(ec.SECP256R1())
    certificate, key = certificate_of(rsa_key), pem(rsa_key)
    with pytest.raises(TlsError, match="byte order mark"):
        check(tmp_path, certificate, b"\xef\xbb\xbf" + key)
    with pytest.raises(TlsError, match="byte order mark"):
        check(tmp_path, b"\xef\xbb\xbf" + certificate, key)
    for form in (PKCS8, TRADITIONAL):
        encrypted = pem(rsa_key, form, BestAvailableEncryption(b"hello123"))
        with pytest.raises(TlsError, match="is encrypted"):
            check(tmp_path, certificate, encrypted)
    with pytest.raises(TlsError, match="is not the key of"):
        check(tmp_path, certificate, pem(other))
    with pytest.raises(TlsError, match="is not the key of"):
        check(tmp_path, certificate_of(other) + certificate, key)
    for odd in (
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),  # noqa: S505 -- that is the point
    ):
        with pytest.raises(TlsError, match="RSA of 2048 bits"):
            check(tmp_path, certificate_of(odd), pem(odd))


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    """Both are needed."""
    with pytest.raises(TlsError, match=r"tls\.certificate and tls\.key both"):
        check_pair(tmp_path / "none.pem", tmp_path)
