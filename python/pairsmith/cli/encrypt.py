"""``pairsmith encrypt`` and ``pairsmith data-key``: the small siblings of a pair."""

import json
from pathlib import Path

import click

from pairsmith.cli.aad import aad_options, parse_aad
from pairsmith.cli.files import (
    means_standard_output,
    parse_file_name,
    read_input,
    refuse_taken,
    write_files,
)
from pairsmith.cli.keys import key_argument
from pairsmith.cli.opening import opened
from pairsmith.cli.output import as_text, write_done, write_facts, write_json
from pairsmith.cli.settings import Command, Settings


@click.command(cls=Command)
@key_argument
@click.argument("file", metavar="FILE")
@aad_options
@click.option("--advance", is_flag=True, help="Under the key's primary version.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Where the answer goes. [default: stdout]")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_obj
def encrypt(
    settings: Settings,
    key_id: str,
    file: str,
    *,
    aad: str | None,
    aad_file: str | None,
    advance: bool,
    out: Path | None,
    force: bool,
) -> None:
    """Encrypt up to 3 MiB of FILE (- is stdin) under KEY.

    The answer is a JSON document that decrypt opens.
    """
    bound_to = parse_aad(aad, aad_file)
    if out is not None and means_standard_output(out):
        out = None
    if out is not None:
        refuse_taken([out], force=force, inputs=[file, aad_file])
    plaintext = read_input(file)
    with opened(settings) as instance:
        operation = instance.advance_encrypt if advance else instance.encrypt
        answer = operation(key_id, plaintext, aad=bound_to).to_dict()
    if out is None:
        write_json(answer)
        return
    write_files({out: _document(answer)}, force=force)
    if settings.json:
        write_json({**answer, "File": str(out)})
    else:
        write_done(f"{out} holds {len(plaintext)} bytes, encrypted.")


@click.command("data-key", cls=Command)
@key_argument
@click.option("--bytes", "length", type=int, default=32, show_default=True,
              help="1 to 1024.")  # fmt: skip
@aad_options
@click.option(
    "--with-plaintext/--without-plaintext",
    "with_plaintext",
    default=False,
    help="Whether NAME.key, the data key in plain, is written.  [default: without]",
)
@click.option("--advance", is_flag=True, help="Under the key's primary version.")
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path(),
              metavar="DIR", help="Where the files go. [default: here]")  # fmt: skip
@click.option("--name", default="data", show_default=True, help="What they are called.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.pass_obj
def data_key(
    settings: Settings,
    key_id: str,
    length: int,
    folder: Path,
    name: str,
    *,
    aad: str | None,
    aad_file: str | None,
    with_plaintext: bool,
    advance: bool,
    force: bool,
) -> None:
    """Make a symmetric data key, wrapped under KEY.

    Writes NAME.json, which decrypt opens, and NAME.key, the raw bytes, only with
    --with-plaintext.
    """
    stem = parse_file_name(name)
    record, plain = folder / f"{stem}.json", folder / f"{stem}.key"
    paths = [record, plain] if with_plaintext else [record]
    bound_to = parse_aad(aad, aad_file)
    refuse_taken(paths, force=force, inputs=[aad_file], are_secret=with_plaintext)
    with opened(settings) as instance:
        operation = (
            instance.advance_generate_data_key
            if advance
            else instance.generate_data_key
        )
        made = operation(key_id, length, aad=bound_to)
    answer = made.to_dict()
    answer.pop("Plaintext")
    contents = {record: _document(answer), plain: made.plaintext}
    written = {path: contents[path] for path in paths}
    write_files(written, force=force, are_secret=with_plaintext)
    if settings.json:
        write_json({**answer, "Files": [str(path) for path in paths]})
        return
    write_facts(
        [
            ("Data key", f"{length} bytes"),
            ("Wrapped under", made.key_version_id or made.key_id),
            ("Record", record),
            ("Plaintext", plain if with_plaintext else "only wrapped, in the record"),
        ]
    )


def _document(answer: dict[str, object]) -> bytes:
    return f"{json.dumps(answer, indent=2, default=as_text)}\n".encode()
