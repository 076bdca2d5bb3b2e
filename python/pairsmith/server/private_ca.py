"""The private CA: its certificate and key, and the server certificates that it signs.

    tls/PrivateKmsCA_pairsmith.pem   what clients are told to trust; the one public file
    tls/ca.key                       signs server certificates, 0600
    tls/server.pem  tls/server.key   what connections are made with, 0600
    tls/replaced-ca.pem  .key        a CA that this clock takes for ended, or for one
                                     that is not valid yet

A CA lasts ten years. One that is not valid *now* is put aside, not deleted, since the
clock may be what is wrong: it comes back as soon as it is valid and its successor is
not.
"""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pairsmith.private_files import replace_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

CA_FILE = "PrivateKmsCA_pairsmith.pem"
CA_KEY_FILE = "ca.key"
REPLACED_CA_FILE = "replaced-ca.pem"
REPLACED_KEY_FILE = "replaced-ca.key"
SERVER_FILE = "server.pem"
SERVER_KEY_FILE = "server.key"
KEY_FILES = (CA_KEY_FILE, REPLACED_KEY_FILE, SERVER_KEY_FILE)

CA_VALIDITY = timedelta(days=3650)
SERVER_VALIDITY = timedelta(days=397)
RENEWED_BEFORE = timedelta(days=60)
BACKDATED = timedelta(hours=1)
"""Clients' clocks may be behind."""


def ensure_ca(folder: Path, now: datetime) -> bool:
    """Let there be a CA that is valid now; give whether clients need its file anew.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: The CA's certificate cannot be read.
    """
    path = folder / CA_FILE
    if path.exists() and is_valid(read_certificate(path), now):
        return False
    if _replaced_is_valid(folder, now):
        _copy_ca(folder, (REPLACED_CA_FILE, REPLACED_KEY_FILE), (CA_FILE, CA_KEY_FILE))
        return True
    if path.exists() and _belong_together(path, folder / CA_KEY_FILE):
        _copy_ca(folder, (CA_FILE, CA_KEY_FILE), (REPLACED_CA_FILE, REPLACED_KEY_FILE))
    _make_ca(folder, now)
    return True


def ensure_server_certificate(folder: Path, names: list[str], now: datetime) -> None:
    """Let there be a server certificate with these names and enough time left.

    Raises:
        OSError: A file cannot be read or written; ``ca.key`` is needed to sign.
        ValueError: A name cannot stand in a certificate, or ``ca.key`` is no key.
    """
    if not _serves(folder, names, now):
        _make_server_certificate(folder, names, now)


def read_certificate(path: Path) -> x509.Certificate:
    """The first certificate of a PEM file.

    Raises:
        OSError: It cannot be read.
        ValueError: There is none.
    """
    return x509.load_pem_x509_certificate(path.read_bytes())


def is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether its time has come and has not passed."""
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def _replaced_is_valid(folder: Path, now: datetime) -> bool:
    certificate, key = folder / REPLACED_CA_FILE, folder / REPLACED_KEY_FILE
    if not _belong_together(certificate, key):
        return False
    return is_valid(read_certificate(certificate), now)


def _belong_together(certificate: Path, key: Path) -> bool:
    try:
        return read_certificate(certificate).public_key() == _read_key(key).public_key()
    except (OSError, ValueError):
        return False


def _copy_ca(folder: Path, source: tuple[str, str], target: tuple[str, str]) -> None:
    """Copy certificate and key, the key first: see ``_make_ca``."""
    key, certificate = (folder / source[1]).read_bytes(), folder / source[0]
    _write(folder / target[1], key)
    _write(folder / target[0], certificate.read_bytes(), mode=0o644)


def _make_ca(folder: Path, now: datetime) -> None:
    """Make key and certificate of a CA.

    The key goes first. After a crash between the two there is no certificate, or one
    that is not valid now: either way the next start makes both anew.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Pairsmith"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Pairsmith private CA"),
        ]
    )
    usage = _key_usage(key_cert_sign=True, crl_sign=True, digital_signature=False)
    certificate = (
        _builder(name, name, key.public_key(), now, now + CA_VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    _write(folder / CA_KEY_FILE, _encoded(key))
    _write(folder / CA_FILE, certificate.public_bytes(Encoding.PEM), mode=0o644)


def _make_server_certificate(folder: Path, names: list[str], now: datetime) -> None:
    """Make key and certificate anew; it does not outlive the CA.

    The key goes first: a crash between the two leaves a pair that does not match, which
    ``_serves`` notices.
    """
    authority = read_certificate(folder / CA_FILE)
    authority_key = _read_key(folder / CA_KEY_FILE)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    issuer_key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(
        authority_key.public_key()
    )
    usage = _key_usage(key_cert_sign=False, crl_sign=False, digital_signature=True)
    end = min(now + SERVER_VALIDITY, authority.not_valid_after_utc)
    certificate = (
        _builder(subject, authority.subject, key.public_key(), now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]),
            critical=False,
        )
        .add_extension(issuer_key_id, critical=False)
        .sign(authority_key, SHA256())
    )
    _write(folder / SERVER_KEY_FILE, _encoded(key))
    _write(folder / SERVER_FILE, certificate.public_bytes(Encoding.PEM))


def _serves(folder: Path, names: list[str], now: datetime) -> bool:
    """Whether the certificate there has its key, the CA, all names, and time left."""
    path = folder / SERVER_FILE
    try:
        certificate, authority = read_certificate(path), folder / CA_FILE
        certificate.verify_directly_issued_by(read_certificate(authority))
        present = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except Exception:  # noqa: BLE001 -- missing, damaged or foreign: all made anew
        return False
    return (
        _belong_together(path, folder / SERVER_KEY_FILE)
        and is_valid(certificate, now)
        and not _can_last_longer(certificate, read_certificate(authority), now)
        and {_general_name(name) for name in names} <= set(present.value)
    )


def _can_last_longer(
    certificate: x509.Certificate, authority: x509.Certificate, now: datetime
) -> bool:
    """Whether it ends soon and another would not: none outlives the CA."""
    end = certificate.not_valid_after_utc
    return end - now <= RENEWED_BEFORE and end < authority.not_valid_after_utc


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(
    *, key_cert_sign: bool, crl_sign: bool, digital_signature: bool
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


def _encoded(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} is no key that was made here")  # noqa: TRY004 -- of a file, not of an argument
    return key


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Let the file appear whole, with its mode from the first moment."""
    replace_file(path, content, mode=mode)
