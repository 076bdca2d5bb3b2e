"""``pairsmith public-key``: the public keys of records, for whoever verifies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pairsmith.cli.files import (
    STANDARD,
    means_standard_output,
    read_input,
    refuse_taken,
    write_files,
)
from pairsmith.cli.key_files import Form, as_line, as_option, public_file
from pairsmith.cli.output import write_facts, write_json
from pairsmith.cli.settings import Command, Settings
from pairsmith.cli.standard_output import write_out
from pairsmith.errors import InvalidParameter, UnsupportedOperation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairsmith.results import WrappedKeyPair

JWKS = "jwks"
SINGLE = (Form.DER, Form.JWK)
"""Forms of which two in one file would not be a file."""


@click.command(cls=Command, name="public-key")
@click.argument("files", metavar="RECORD...", nargs=-1, required=True)
@as_option(JWKS, text="How they are written; jwks is a set.  [default: as recorded]")
@click.option(
    "--out", default=STANDARD, metavar="FILE", help="- is stdout, the default."
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_obj
def public_key(
    settings: Settings,
    files: tuple[str, ...],
    form: str | None,
    out: str,
    *,
    force: bool,
) -> None:
    """Write the public keys of records that generate wrote; - is stdin.

    Needs no database: a record has its public key in it. Several become a JWK Set, the
    lines of an authorized_keys file, or one PEM file.
    """
    to_stdout = means_standard_output(out)
    if not to_stdout:
        refuse_taken([Path(out)], force=force, inputs=files)
    records = [_read(name) for name in files]
    content = _joined(records, form)
    if to_stdout:
        write_out(content)
        return
    write_files({Path(out): content}, force=force)
    if settings.json:
        write_json({"File": out, "PublicKeys": len(records)})
        return
    write_facts([("Public keys", len(records)), ("Written to", out)])


def _read(name: str) -> WrappedKeyPair:
    from pairsmith.results import WrappedKeyPair

    record = WrappedKeyPair.from_json(read_input(name))
    if not _has_public_key(record):
        raise InvalidParameter("record", f"the PublicKey of {name} is none")
    return record


def _has_public_key(record: WrappedKeyPair) -> bool:
    from pairsmith import key_formats as formats

    try:
        record.public_key()
    except ValueError:
        return False
    except UnsupportedOperation:
        encoded, before = record.encoded_public_key, formats.ML_KEM_512_PUBLIC
        return formats.inside_ml_kem_512(encoded, before) is not None
    return True


def _joined(records: Sequence[WrappedKeyPair], form: str | None) -> bytes:
    if form == JWKS:
        # A set names every key once, and a record may well have been given twice.
        jwks = {jwk["kid"]: jwk for jwk in (each.public_jwk() for each in records)}
        return as_line({"keys": list(jwks.values())})
    forms = [form or Form(each.key_format.lower()) for each in records]
    if len(records) > 1 and any(each in SINGLE for each in forms):
        raise InvalidParameter("as", "take jwks, openssh or pem for several keys.")
    return b"".join(map(public_file, records, forms))
