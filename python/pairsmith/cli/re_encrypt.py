"""``pairsmith re-encrypt``: one stored blob to another key, version or Aad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pairsmith.cli.aad import aad_options, new_aad_options, parse_aad
from pairsmith.cli.decrypt import parse_base64
from pairsmith.cli.files import (
    means_standard_output,
    read_input,
    refuse_taken,
    write_files,
)
from pairsmith.cli.opening import opened
from pairsmith.cli.output import as_text, write_facts, write_json
from pairsmith.cli.settings import Command, Settings
from pairsmith.errors import InvalidParameter

if TYPE_CHECKING:
    from pairsmith.bulk.stored_blobs import StoredBlob, Target
    from pairsmith.instance import Instance


@click.command("re-encrypt", cls=Command)
@click.argument("file", metavar="FILE")
@click.option("--to-key", metavar="KEY",
              help="The key that is to wrap. [default: the one that does]")  # fmt: skip
@click.option("--advance", is_flag=True,
              help="Make a plain one an Advance one, under the primary version.",
              )  # fmt: skip
@click.option("--key-id", metavar="KEY", help="For a bare blob: the key it is under.")
@click.option("--iv", metavar="BASE64", help="For a bare blob: the Iv it came with.")
@aad_options
@new_aad_options
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Where the new one goes. [default: stdout]")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_obj
def re_encrypt(
    settings: Settings,
    file: str,
    to_key: str | None,
    *,
    advance: bool,
    key_id: str | None,
    iv: str | None,
    aad: str | None,
    aad_file: str | None,
    new_aad: str | None,
    new_aad_file: str | None,
    out: Path | None,
    force: bool,
) -> None:
    """Seal what is in FILE anew, without showing it.

    FILE is a record, an answer of encrypt or data-key, or a bare blob, as for decrypt;
    - is stdin. What comes out is of the same kind, and JSON. An Advance one goes to the
    primary version, a plain one to the initial version. The Aad of anything but a
    record is given; without --new-aad it stays.
    """
    from pairsmith.bulk.stored_blobs import Target

    if out is not None and means_standard_output(out):
        out = None
    if out is not None:
        refuse_taken([out], force=force, inputs=[file, aad_file, new_aad_file])
    sealed = read_input(file)
    changed = new_aad is not None or new_aad_file is not None
    target = Target(
        key_id=to_key or "",
        advance=advance,
        aad=parse_aad(aad, aad_file),
        destination_aad=parse_aad(new_aad, new_aad_file) if changed else None,
    )
    with opened(settings) as instance:
        if sealed.lstrip().startswith(b"{"):
            if key_id is not None or iv is not None:
                raise InvalidParameter(
                    "key_id, iv", "the file has its own; leave them out"
                )
            made = _stored_blob(sealed, target).moved(instance, target).members()
        else:
            made = _moved_blob(instance, sealed, key_id or "", iv or "", target)
    if out is None:
        write_json(made)
        return
    document = f"{json.dumps(made, indent=2, default=as_text)}\n".encode()
    write_files({out: document}, force=force)
    _answer(settings, made, out)


def _stored_blob(text: bytes, target: Target) -> StoredBlob:
    from pairsmith.bulk.stored_blobs import StoredPair, parse_stored_blob

    found = parse_stored_blob(text)
    if found is None:
        raise InvalidParameter(
            "record", "it is no answer of generate, encrypt or data-key"
        )
    if isinstance(found, StoredPair) and target.aad:
        raise InvalidParameter("aad", "the record has its own; leave it out")
    return found


def _moved_blob(
    instance: Instance, blob: bytes, key_id: str, iv: str, target: Target
) -> dict[str, object]:
    """A bare blob becomes an answer, as ``encrypt`` gives it."""
    made = instance.re_encrypt(
        blob,
        key_id=key_id,
        iv=parse_base64("iv", iv),
        aad=target.aad,
        destination_key_id=target.key_id,
        destination_aad=target.destination_aad,
        advance=target.advance or None,
    )
    told = made.to_dict()
    return {name: told[name] for name in told if not name.startswith("Source")}


def _answer(settings: Settings, made: dict[str, object], out: Path) -> None:
    key_id, version = made["KeyId"], made.get("KeyVersionId")
    if settings.json:
        facts = {"KeyId": key_id, "KeyVersionId": version, "File": str(out)}
        write_json({name: fact for name, fact in facts.items() if fact is not None})
        return
    write_facts([("Wrapped under", version or key_id), ("Written to", out)])
