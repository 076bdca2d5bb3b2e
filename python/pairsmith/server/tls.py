"""The certificate that the server shows: of a private CA made here, or the user's own.

    tls/PrivateKmsCA_pairsmith.pem   what clients are told to trust; the one public file
    tls/ca.key                       signs server certificates, 0600
    tls/server.pem  tls/server.key   what connections are made with, 0600

The CA is made once. A server certificate is made anew when it is about to end, or when
it lacks a name that the settings ask for; clients, who trust the CA, notice nothing.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
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

from pairsmith.errors import PairsmithError

if TYPE_CHECKING:
    from collections.abc import Iterable

CA_FILE = "PrivateKmsCA_pairsmith.pem"
CA_VALIDITY = timedelta(days=3650)
SERVER_VALIDITY = timedelta(days=397)
RENEWED_BEFORE = timedelta(days=60)
BACKDATED = timedelta(hours=1)
"""Clients' clocks may be behind."""


class TlsError(PairsmithError):
    """A certificate or key cannot be used; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a server and its clients are configured with.

    Attributes:
        certificate: The server's, with what leads to the CA.
        key: Its private key.
        ca: What clients trust; ``None`` with a certificate of the user's own.
        made: Whether the CA was made just now.
    """

    certificate: Path
    key: Path
    ca: Path | None
    made: bool


def own_files(certificate: str, key: str) -> TlsFiles:
    """The user's own certificate and key.

    Raises:
        TlsError: One is missing, or the key may be read by everybody.
    """
    files = TlsFiles(Path(certificate), Path(key), None, made=False)
    for path in (files.certificate, files.key):
        if not path.is_file():
            raise TlsError(f"{path} is no file: give tls.certificate and tls.key both.")
    if files.key.stat().st_mode & 0o007:
        raise TlsError(f"{files.key} may be read by everybody: chmod 600 {files.key}")
    return files


def made_files(folder: Path, names: Iterable[str]) -> TlsFiles:
    """The files of the private CA, made or renewed as far as that is needed.

    Args:
        folder: Made 0700 if it is not there.
        names: Host names and addresses that clients use, besides those of this host.

    Raises:
        TlsError: They cannot be written or read.
    """
    files = TlsFiles(
        folder / "server.pem",
        folder / "server.key",
        folder / CA_FILE,
        made=not (folder / CA_FILE).exists(),
    )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if files.made:
            _make_ca(folder)
        if not _serves(folder, all_names(names)):
            _make_server_certificate(folder, all_names(names))
    except (OSError, ValueError) as error:
        raise TlsError(f"The certificates in {folder}: {error}") from error
    return files


def ends(certificate: Path) -> datetime:
    """When a certificate ends, UTC."""
    return _read(certificate).not_valid_after_utc


def all_names(names: Iterable[str]) -> list[str]:
    """Every name of this host, and those given, once each."""
    host = socket.gethostname()  # not the full name: asking for it may take seconds
    return list(dict.fromkeys(["localhost", "127.0.0.1", "::1", host, *names]))


def _make_ca(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Pairsmith"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Pairsmith private CA"),
        ]
    )
    usage = _key_usage(key_cert_sign=True, crl_sign=True, digital_signature=False)
    certificate = (
        _builder(name, name, key.public_key(), CA_VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    _write(folder / "ca.key", _encoded(key))
    _write(folder / CA_FILE, certificate.public_bytes(Encoding.PEM), mode=0o644)


def _make_server_certificate(folder: Path, names: list[str]) -> None:
    """Make key and certificate anew.

    The key goes first: a crash between the two leaves a pair that does not match, which
    ``_serves`` notices.
    """
    authority = _read(folder / CA_FILE)
    authority_key = _read_key(folder / "ca.key")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    issuer_key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(
        authority_key.public_key()
    )
    usage = _key_usage(key_cert_sign=False, crl_sign=False, digital_signature=True)
    certificate = (
        _builder(subject, authority.subject, key.public_key(), SERVER_VALIDITY)
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
    _write(folder / "server.key", _encoded(key))
    _write(folder / "server.pem", certificate.public_bytes(Encoding.PEM))


def _serves(folder: Path, names: list[str]) -> bool:
    """Whether the certificate there has its key, the CA, all names, and time left."""
    try:
        certificate, key = (
            _read(folder / "server.pem"),
            _read_key(folder / "server.key"),
        )
        certificate.verify_directly_issued_by(_read(folder / CA_FILE))
    except Exception:  # noqa: BLE001 -- missing, damaged or foreign: all made anew
        return False
    present = certificate.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    return (
        key.public_key() == certificate.public_key()
        and left > RENEWED_BEFORE
        and {_general_name(name) for name in names} <= set(present.value)
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    validity: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + validity)
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


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} is no key that was made here")  # noqa: TRY004 -- of a file, not of an argument
    return key


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Let the file appear whole, with its mode from the first moment."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
