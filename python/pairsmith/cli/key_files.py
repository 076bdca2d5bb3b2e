"""``--as``: the forms in which the command line writes keys to files."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pairsmith.errors import InvalidParameter, UnsupportedOperation
from pairsmith.kinds import KINDS, KeyPairSpec

if TYPE_CHECKING:
    from pairsmith.halves import PrivateHalf
    from pairsmith.results import DataKeyPairWithoutPlaintext, WrappedKeyPair

Wrapped = TypeVar("Wrapped", bound=Callable[..., Any])


class Form(StrEnum):
    """How a key is written."""

    PEM = "pem"
    DER = "der"
    JWK = "jwk"
    OPENSSH = "openssh"


def as_option(*more: str, text: str) -> Callable[[Wrapped], Wrapped]:
    """Add ``--as``; ``parse_form`` reads it.

    Args:
        more: Forms of the one command, besides those that all have.
        text: Its line of help.
    """
    choice = click.Choice([*Form, *more], case_sensitive=False)
    return click.option("--as", "form", type=choice, help=text)


def refuse_unsupported(form: str | None, spec: str) -> None:
    """Say so before a pair is generated that could not be written.

    Raises:
        UnsupportedOperation: OpenSSH has no keys of this kind, or no standard says how
            they are a JWK.
    """
    kind = KINDS[KeyPairSpec(spec)]
    if form == Form.OPENSSH and kind.openssh is None:
        instead = "jwk, pem or der" if kind.jwk else "pem or der"
        raise UnsupportedOperation(
            f"OpenSSH has no keys of {spec}; take --as {instead}."
        )
    if form == Form.JWK and kind.jwk is None:
        raise UnsupportedOperation(
            f"No standard says yet how a key of {spec} is a JWK; take --as pem or der."
        )


def public_file(
    half: DataKeyPairWithoutPlaintext | WrappedKeyPair, form: str | None
) -> bytes:
    """What is written of a public key; without a form as it is."""
    if form is None:
        return half.encoded_public_key
    if form == Form.JWK:
        return as_line(half.public_jwk())
    if form == Form.OPENSSH:
        return half.public_openssh() + b"\n"
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encoding = Encoding.DER if form == Form.DER else Encoding.PEM
    try:
        public = half.public_key()
    except UnsupportedOperation:
        return _not_read(half.encoded_public_key, form, is_private=False)
    return public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def private_file(half: PrivateHalf, form: str | None, *, otherwise: bytes) -> bytes:
    """What is written of a private key; without a form what is given for that case.

    Raises:
        InvalidParameter: A form is asked for, and it is no private key.
        UnsupportedOperation: There is no such form of the key.
    """
    if form is None:
        return otherwise
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return _private_file(half, form, otherwise)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # TypeError is what an encrypted key raises, for want of its password.
        raise InvalidParameter(
            "as", "what is inside is no private key in plain; leave --as out."
        ) from None


def _private_file(half: PrivateHalf, form: str, encoded: bytes) -> bytes:
    if form == Form.JWK:
        return as_line(half.private_jwk())
    if form == Form.OPENSSH:
        return half.private_openssh()
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    encoding = Encoding.DER if form == Form.DER else Encoding.PEM
    try:
        private = half.private_key()
    except UnsupportedOperation:
        return _not_read(encoded, form, is_private=True)
    return private.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())


def _not_read(encoded: bytes, form: str, *, is_private: bool) -> bytes:
    """A document of ML-KEM-512 in another encoding: ``cryptography`` reads none."""
    from pairsmith import key_formats as formats

    before = formats.ML_KEM_512_PRIVATE if is_private else formats.ML_KEM_512_PUBLIC
    written = formats.encoded_again(encoded, before, pem=form != Form.DER)
    if written is None:
        raise ValueError("it is no key of ours")
    return written


def as_line(document: object) -> bytes:
    """A JSON document on one line."""
    return json.dumps(document).encode("ascii") + b"\n"
