"""``pairsmith generate``: a data key pair, as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pairsmith.cli.aad import aad_options, parse_aad
from pairsmith.cli.files import parse_file_name, refuse_taken, write_files
from pairsmith.cli.key_files import (
    as_option,
    private_file,
    public_file,
    refuse_unsupported,
)
from pairsmith.cli.keys import key_argument
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_facts, write_json
from pairsmith.cli.settings import Command, Settings
from pairsmith.results import DataKeyPair, KeyFormat, KeyPairSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairsmith.instance import Instance
    from pairsmith.results import DataKeyPairWithoutPlaintext

SPECS = [str(spec) for spec in KeyPairSpec]
FORMATS = [str(key_format) for key_format in KeyFormat]


pairwise_option = click.option(
    "--pairwise-test",
    is_flag=True,
    help="Try the halves of pairs on each other first, as those of RSA always are.",
)


@click.command(cls=Command)
@key_argument
@click.option("--spec", type=click.Choice(SPECS), required=True)
@click.option("--format", "key_format", default="PEM", show_default=True,
              type=click.Choice(FORMATS), help="In the record.")  # fmt: skip
@as_option(text="How NAME.pub and NAME.key are written.  [default: as in the record]")
@aad_options
@click.option(
    "--with-plaintext/--without-plaintext",
    "with_plaintext",
    default=False,
    help="Whether NAME.key, the private key in plain, is written.  [default: without]",
)
@click.option("--advance", is_flag=True, help="Under the key's primary version.")
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path(),
              metavar="DIR", help="Where the files go. [default: here]")  # fmt: skip
@click.option("--name", default="pair", show_default=True, help="What they are called.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--wait", type=float, default=0.0, metavar="SECONDS",
              help="Wait while another is generated. [default: refuse]")  # fmt: skip
@pairwise_option
@click.pass_obj
def generate(
    settings: Settings,
    key_id: str,
    spec: str,
    key_format: str,
    form: str | None,
    folder: Path,
    name: str,
    *,
    aad: str | None,
    aad_file: str | None,
    with_plaintext: bool,
    advance: bool,
    force: bool,
    wait: float,
    pairwise_test: bool,
) -> None:
    """Generate a data key pair, its private key wrapped under KEY.

    Writes NAME.json, the record that decrypts later, and NAME.pub, the public key; and
    NAME.key, the private key in plain, only with --with-plaintext. Each has mode 0600
    and replaces nothing unless --force is given.
    """
    refuse_unsupported(form, spec)
    stem = parse_file_name(name)
    paths = {
        role: folder / f"{stem}.{ending}"
        for role, ending in (("Record", "json"), ("PublicKey", "pub"))
    }
    if with_plaintext:
        paths["PrivateKey"] = folder / f"{stem}.key"
    bound_to = parse_aad(aad, aad_file)
    refuse_taken(
        paths.values(), force=force, inputs=[aad_file], are_secret=with_plaintext
    )
    with opened(settings, pairwise_test=pairwise_test) as instance:
        operation = _operation(instance, advance=advance, with_plaintext=with_plaintext)
        pair = operation(key_id, spec, key_format, aad=bound_to, wait=wait)
    contents = _contents(pair, paths, form)
    write_files(contents, force=force, are_secret=with_plaintext)
    _answer(settings, pair, paths)


def _operation(
    instance: Instance, *, advance: bool, with_plaintext: bool
) -> Callable[..., DataKeyPairWithoutPlaintext]:
    """Whichever of the four was asked for."""
    return {
        (False, True): instance.generate_data_key_pair,
        (False, False): instance.generate_data_key_pair_without_plaintext,
        (True, True): instance.advance_generate_data_key_pair,
        (True, False): instance.advance_generate_data_key_pair_without_plaintext,
    }[advance, with_plaintext]


def _contents(
    pair: DataKeyPairWithoutPlaintext, paths: dict[str, Path], form: str | None
) -> dict[Path, bytes]:
    contents = {
        paths["Record"]: f"{pair.record().to_json()}\n".encode(),
        paths["PublicKey"]: public_file(pair, form),
    }
    if isinstance(pair, DataKeyPair):
        plain = pair.private_key_plaintext
        contents[paths["PrivateKey"]] = private_file(pair, form, otherwise=plain)
    return contents


def _answer(
    settings: Settings, pair: DataKeyPairWithoutPlaintext, paths: dict[str, Path]
) -> None:
    if settings.json:
        answer = pair.to_dict()
        answer.pop("PrivateKeyPlaintext", None)  # in its file, and nowhere else
        files = {role: str(path) for role, path in paths.items()}
        write_json({**answer, "Files": files})
        return
    write_facts(
        [
            ("Pair", f"{pair.key_pair_spec}, {pair.key_format}"),
            ("Wrapped under", pair.key_version_id or pair.key_id),
            ("Record", paths["Record"]),
            ("Public key", paths["PublicKey"]),
            ("Private key", paths.get("PrivateKey", "only wrapped, in the record")),
        ]
    )
