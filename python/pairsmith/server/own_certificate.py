"""A certificate and key of the user's own, checked before anything is served with them.

The TLS library of the server (rustls) reads them in each worker, where a file that it
does not like is a panic. So everything that it might not like is refused here, with the
reason.
"""

from __future__ import annotations

import os
import ssl
import stat
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pairsmith.errors import ServiceUnavailable
from pairsmith.registry.key_file_permissions import is_private
from pairsmith.trusted_folders import Untrusted, resolve_trusted, trusted_owners

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LEAST_RSA_BITS = 2048
CURVES = ("secp256r1", "secp384r1")


class TlsError(ServiceUnavailable):
    """A certificate or key cannot be used; the message says which and what to do."""

    retryable = False


def check_pair(certificate: Path, key: Path) -> None:
    """Check that connections can be made with these files.

    Args:
        certificate: PEM; the server's first, then what leads to a CA.
        key: PEM in PKCS#8, PKCS#1 or SEC 1, unencrypted.

    Raises:
        TlsError: They cannot be used.
    """
    content = _pem(certificate, "certificate")
    private = _private_key(key, _pem(key, "key"))
    try:
        own = x509.load_pem_x509_certificates(content)[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise TlsError(f"{certificate}: a certificate in it cannot be read.") from None
    _require_usable(key, private)
    if own != private.public_key():
        raise TlsError(
            f"{key} is not the key of {certificate}: give the two that were made "
            "together; the server's certificate stands first in its file."
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise TlsError(f"{certificate} with {key}: {error}") from None


def require_private_key(path: Path) -> None:
    """See that nobody else can read a private key, or put another in its place.

    The file is its owner's alone, who is root or this process's user; links and folders
    on the way to it are out of others' reach. Where this process is not root's, a key
    of root's may be readable by it, as systemd and Kubernetes mount secrets: by the
    rules of a root key's file.

    Raises:
        TlsError: Others can, or it cannot be looked at.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        resolve_trusted(path)
        if found.st_uid not in trusted_owners():
            raise TlsError(
                f"{path} belongs to user {found.st_uid}, who can replace it: "
                f"chown {os.geteuid()} {path}"
            )
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            is_mounted = found.st_uid == 0 and os.geteuid() != 0
            if not (is_mounted and is_private(path)):
                mode = stat.S_IMODE(found.st_mode)
                raise TlsError(
                    f"{path} is not its owner's alone ({mode:04o}), and it is a "
                    f"private key: chmod 600 {path}"
                )
    except Untrusted as error:
        raise TlsError(f"{path}, a private key: {error.strerror}") from None
    except OSError as error:
        raise TlsError(f"{path}: {error.strerror}") from None


def _pem(path: Path, kind: str) -> bytes:
    if not path.is_file():
        raise TlsError(f"{path} is no file: give tls.certificate and tls.key both.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TlsError(f"{path}: {error.strerror}") from None
    if content.startswith(BYTE_ORDER_MARK):
        raise TlsError(
            f"{path} begins with a byte order mark: save it as UTF-8 without one."
        )
    if b"-----BEGIN " not in content:
        raise TlsError(f"{path} holds no {kind} in PEM.")
    return content


def _private_key(path: Path, content: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(content, None)
    except TypeError:
        raise TlsError(
            f"{path} is encrypted: openssl pkey -in {path} writes it without a "
            "password, for a file of mode 0600."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise TlsError(
            f"{path} holds no private key in PEM that can be read."
        ) from None


def _require_usable(path: Path, key: PrivateKeyTypes) -> None:
    """Refuse what rustls makes no connections with."""
    if isinstance(key, rsa.RSAPrivateKey):
        usable = key.key_size >= LEAST_RSA_BITS
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        usable = key.curve.name in CURVES
    else:
        usable = isinstance(key, ed25519.Ed25519PrivateKey)
    if not usable:
        raise TlsError(
            f"{path}: a server's key is RSA of {LEAST_RSA_BITS} bits or more, "
            "ECDSA P-256 or P-384, or Ed25519."
        )
