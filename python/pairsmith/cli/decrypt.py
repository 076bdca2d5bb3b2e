"""``pairsmith decrypt``: open a record, an answer of ``encrypt``, or a bare blob."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pairsmith.cli.aad import aad_options, parse_aad
from pairsmith.cli.files import (
    INPUT_BYTES,
    means_standard_output,
    read_input,
    refuse_taken,
    write_files,
)
from pairsmith.cli.key_files import as_option, private_file
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_facts, write_json
from pairsmith.cli.settings import Command, Settings
from pairsmith.cli.standard_output import write_out
from pairsmith.documents import parse_json
from pairsmith.errors import InvalidParameter
from pairsmith.output_files import Target, target_at

if TYPE_CHECKING:
    from pairsmith.instance import Instance
    from pairsmith.results import Decrypted


@click.command(cls=Command)
@click.argument("file", metavar="FILE")
@click.option("--out", required=True, metavar="FILE", help="- is stdout.")
@as_option(text="How a private key is written.  [default: as it was wrapped]")
@click.option("--key-id", metavar="KEY", help="The key that it must be under.")
@click.option("--iv", metavar="BASE64", help="For a bare blob: the Iv it came with.")
@aad_options
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_obj
def decrypt(
    settings: Settings,
    file: str,
    out: str,
    form: str | None,
    *,
    key_id: str | None,
    iv: str | None,
    aad: str | None,
    aad_file: str | None,
    force: bool,
) -> None:
    """Open FILE and write what is inside to a file with mode 0600.

    FILE is the record that generate wrote, the answer of encrypt or data-key, or a bare
    blob; - is stdin. A bare blob of the plain operations needs --key-id and --iv.

    Say what you expect: a record opens without --key-id and --aad, too, but only with
    them do you notice that another one has been put in its place. The Aad of anything
    but a record must be given.
    """
    sealed = read_input(file)
    given = aad is not None or aad_file is not None
    bound_to = parse_aad(aad, aad_file) if given else None
    to_stdout = means_standard_output(out)
    if not to_stdout:
        read = [file, aad_file]
        refuse_taken([Path(out)], force=force, inputs=read, are_secret=True)
    with opened(settings) as instance:
        found = _open(instance, sealed, key_id=key_id, iv=iv, aad=bound_to)
    content = private_file(found, form, otherwise=found.plaintext)
    if to_stdout:
        write_out(content)
        return
    write_files({Path(out): content}, force=force, are_secret=True)
    _answer(settings, found, out, len(content))


def _open(
    instance: Instance,
    sealed: bytes,
    *,
    key_id: str | None,
    iv: str | None,
    aad: bytes | None,
) -> Decrypted:
    """Tell the three kinds of file apart: a blob never begins with ``{``."""
    if not sealed.lstrip().startswith(b"{"):
        return instance.advance_decrypt(
            sealed, key_id=key_id or "", iv=parse_base64("iv", iv or ""), aad=aad or b""
        )
    if iv is not None:
        raise InvalidParameter("iv", "the file has its own; leave it out")
    answer = _parse_answer(sealed)
    if "Type" in answer:
        from pairsmith.results import WrappedKeyPair

        record = WrappedKeyPair.from_json(sealed)
        return instance.decrypt(record, key_id=key_id or "", aad=aad)
    return instance.advance_decrypt(
        parse_base64("record", _text(answer, "CiphertextBlob")),
        key_id=key_id or _text(answer, "KeyId"),
        iv=parse_base64("record", _text(answer, "Iv")),
        aad=aad or b"",
    )


def _parse_answer(text: bytes) -> dict[str, Any]:
    answer = parse_json("record", text, limit=INPUT_BYTES)
    if isinstance(answer, dict) and ("Type" in answer or "CiphertextBlob" in answer):
        return answer
    raise InvalidParameter("record", "it is no answer of generate, encrypt or data-key")


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name, "")
    if not isinstance(value, str):
        raise InvalidParameter("record", f"its {name} is no text")
    return value


def parse_base64(name: str, text: object) -> bytes:
    """Bytes of a Base64 text.

    Raises:
        InvalidParameter: It is something else.
    """
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidParameter(name, "it is not Base64") from None


def _answer(settings: Settings, found: Decrypted, out: str, size: int) -> None:
    if settings.json:
        answer = found.to_dict()
        answer.pop("Plaintext")  # in its file, and nowhere else
        write_json({**answer, "File": out})
        return
    mode = ", mode 0600" if target_at(Path(out)) is Target.FILE else ""
    write_facts(
        [
            ("Opened with", found.key_version_id or found.key_id),
            ("Written to", f"{out} ({size} bytes{mode})"),
        ]
    )
