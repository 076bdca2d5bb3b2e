"""``pairsmith bulk``: very many pairs, as files; and whether such files are sound."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pairsmith.cli.aad import aad_options, parse_aad
from pairsmith.cli.bulk_progress import progress_bar
from pairsmith.cli.bulk_report import verify
from pairsmith.cli.failures import INTERRUPTED, Failure, failure_of
from pairsmith.cli.generate import FORMATS, SPECS, pairwise_option
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_facts, write_json
from pairsmith.cli.settings import AFTER_THE_NAME, Group, Settings
from pairsmith.errors import JobInUse, PairsmithError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pairsmith.bulk import Manifest

REQUIRED = {"key_id": "--key", "spec": "--spec", "count": "--count", "out": "--out"}


class Bulk(Group):
    """A group that works by itself, and takes the common options like a command."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own options, then the common ones."""
        return [*super().get_params(ctx), *AFTER_THE_NAME]


@click.group(cls=Bulk, invoke_without_command=True, subcommand_metavar="[verify ...]")
@click.option("--key", "key_id", metavar="KEY", help="The key that wraps.  [required]")
@click.option("--spec", type=click.Choice(SPECS), help="[required]")
@click.option("--count", type=click.IntRange(min=1), metavar="N",
              help="How many pairs.  [required]")  # fmt: skip
@click.option("--out", metavar="DIR|FILE", help="A folder, or a file that ends in "
              ".jsonl or .parquet.  [required]")  # fmt: skip
@click.option("--format", "key_format", default="PEM", show_default=True,
              type=click.Choice(FORMATS))  # fmt: skip
@aad_options
@click.option(
    "--with-plaintext/--without-plaintext",
    "with_plaintext",
    default=False,
    help="Whether private keys in plain are written, too.  [default: without]",
)
@click.option("--advance", is_flag=True, help="Under the key's primary version.")
@click.option("--output-format", type=click.Choice(("jsonl", "parquet")),
              help="[default: as FILE ends, or jsonl]")  # fmt: skip
@click.option("--shard-size", type=click.IntRange(min=1), metavar="N",
              help="Pairs in a file.  [default: RSA 1000, EC 100000]")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), metavar="N",
              help="Threads.  [default: one for every core]")  # fmt: skip
@click.option("--wait", type=float, default=0.0, metavar="SECONDS",
              help="Wait while another is generated. [default: refuse]")  # fmt: skip
@pairwise_option
@click.pass_context
def bulk(
    ctx: click.Context,
    *,
    key_id: str | None,
    spec: str | None,
    count: int | None,
    out: str | None,
    key_format: str,
    aad: str | None,
    aad_file: str | None,
    with_plaintext: bool,
    advance: bool,
    output_format: str | None,
    shard_size: int | None,
    workers: int | None,
    wait: float,
    pairwise_test: bool,
) -> None:
    """Generate very many pairs, their private keys wrapped under KEY.

    Writes records, one to a line or row, into DIR in shards with a manifest, or into
    FILE with its manifest beside it. Stopped at any moment, even by kill -9, the same
    command goes on where it was.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx)
        return
    if key_id is None or spec is None or count is None or out is None:
        missing = [REQUIRED[name] for name in REQUIRED if ctx.params[name] is None]
        raise click.UsageError(f"Missing: {', '.join(missing)}.")
    settings = ctx.ensure_object(Settings)
    bound_to = parse_aad(aad, aad_file)
    from pairsmith.bulk import write

    with (
        opened(settings, pairwise_test=pairwise_test) as instance,
        _told_how_to_go_on(out),
        progress_bar(settings, spec) as told,
    ):
        manifest = write(
            instance,
            out,
            key_id,
            spec,
            count,
            key_format=key_format,
            aad=bound_to,
            advance=advance,
            with_plaintext=with_plaintext,
            output_format=output_format,
            shard_size=shard_size,
            workers=workers,
            wait=wait,
            progress=told,
        )
    _answer(settings, manifest, out)


bulk.add_command(verify)


def _refuse_options(ctx: click.Context) -> None:
    """What stands before ``verify`` would be without effect."""
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} is not for verify.")


@contextmanager
def _told_how_to_go_on(out: str) -> Iterator[None]:
    """Say of every error how far the job is, if there is one."""
    try:
        yield
    except KeyboardInterrupt:
        failure = Failure("Stopped.", code="Interrupted", exit_code=INTERRUPTED)
        failure.next_step = _how_to_go_on(out)
        raise failure from None
    except JobInUse:
        raise
    except PairsmithError as error:
        failure = failure_of(error)
        # A refusal to touch what is there is no stop on the way.
        if error.code != "InvalidParameter":
            steps = (failure.next_step.rstrip("."), _how_to_go_on(out))
            failure.next_step = "; ".join(filter(None, steps))
        raise failure from error


def _how_to_go_on(out: str) -> str:
    from pairsmith.bulk import read_manifest

    try:
        manifest = read_manifest(out)
    except PairsmithError:
        return ""
    return (
        f"{manifest.done:,} of {manifest.job.count:,} pairs are safe in {out}, and the "
        "same command goes on from there."
    )


def _answer(settings: Settings, manifest: Manifest, out: str) -> None:
    if settings.json:
        facts = {
            **manifest.job.to_dict(),
            "KeyVersionIds": manifest.key_version_ids,
            "Shards": [shard.to_dict() for shard in manifest.shards],
            "Out": out,
        }
        write_json(facts)
        return
    job = manifest.job
    files = len(manifest.shards)
    size = sum(shard.size for shard in manifest.shards)
    write_facts(
        [
            ("Pairs", f"{manifest.done:,} of {job.key_pair_spec}, {job.key_format}"),
            ("Wrapped under", ", ".join(manifest.key_version_ids)),
            ("Written to", f"{out} ({files} file{'s' * (files > 1)}, {size:,} bytes)"),
            (
                "Private keys",
                "also in plain!" if job.with_plaintext else "only wrapped",
            ),
            ("Next", f"pairsmith bulk verify {out}"),
        ]
    )
