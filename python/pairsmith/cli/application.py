"""The command ``pairsmith`` itself: its common options, its commands, its errors."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import click

from pairsmith.cli import (  # each adds its commands to key
    key_lifecycle,  # noqa: F401
    key_repair,  # noqa: F401
    key_retirement,  # noqa: F401
)
from pairsmith.cli.access_keys import access_key
from pairsmith.cli.aliases import alias
from pairsmith.cli.audit import audit
from pairsmith.cli.bench import bench
from pairsmith.cli.bulk import bulk
from pairsmith.cli.clients import client
from pairsmith.cli.decrypt import decrypt
from pairsmith.cli.demo import demo
from pairsmith.cli.doctor import doctor
from pairsmith.cli.encrypt import data_key, encrypt
from pairsmith.cli.failures import ENVIRONMENT, Failure, explained
from pairsmith.cli.generate import generate
from pairsmith.cli.initialise import initialise
from pairsmith.cli.keys import key
from pairsmith.cli.output import forgive_narrow_encodings
from pairsmith.cli.public_key import public_key
from pairsmith.cli.re_encrypt import re_encrypt
from pairsmith.cli.rewrap import rewrap
from pairsmith.cli.rewrap_records import rewrap_records
from pairsmith.cli.serve import serve
from pairsmith.cli.settings import Group, Settings, common_options
from pairsmith.cli.standard_output import (
    finish_standard_output,
    require_standard_output,
    silence,
)

EPILOG = """\b
Exit codes:
  0    done
  1    refused, and nothing was changed; the code says why
  2    the command was not understood
  3    the database, the root key, a file or a program is not usable
  130  interrupted
  141  the reader of standard output has left, as head does

KEY is a key id or an alias (alias/...). PAIRSMITH_DATABASE and
PAIRSMITH_ROOT_KEY_PROVIDER stand for --database and --root-key.
"""


class Application(Group):
    """The outermost command."""

    _has_process = False
    """Whether it is all that its process does, as opposed to called from a test."""

    def __call__(self, *words: Any, **extra: Any) -> Any:  # noqa: ANN401 -- as click has it
        """Be the command of a process."""
        self._has_process = True
        return super().__call__(*words, **extra)

    def main(self, *words: Any, **extra: Any) -> Any:  # noqa: ANN401 -- as click has it
        """Run the command line; an error that cannot even be told is an exit code."""
        try:
            return super().main(*words, **extra)
        except OSError:
            if not extra.get("standalone_mode", True):
                raise
            silence(sys.stderr)
            sys.exit(ENVIRONMENT)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 -- as click has it
    ) -> click.Context:
        """Read what stands before the command's name."""
        as_json = "--json" in args
        try:
            require_standard_output()
            return super().make_context(info_name, args, parent, **extra)
        except Failure as failure:
            failure.as_json = as_json
            raise

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; whatever it raises on purpose becomes one message."""
        if self._has_process:
            _protect_process()
        forgive_narrow_encodings()
        with explained(ctx.ensure_object(Settings)):
            answer = super().invoke(ctx)
            finish_standard_output()
            return answer


def _protect_process() -> None:
    """Forbid core dumps and tracing: commands have keys and passwords in memory."""
    from pairsmith.process import forbid_dumps

    with suppress(OSError):  # ``serve`` says so; the others work all the same
        forbid_dumps()


@click.group(
    cls=Application,
    name="pairsmith",
    params=common_options(read_environment=True),
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.version_option(package_name="pairsmith", message="pairsmith %(version)s")
def application() -> None:
    """Make data key pairs whose private keys are wrapped, and open them again."""


for command in (
    initialise, key, alias, generate, bulk, decrypt, public_key, encrypt, data_key,
    re_encrypt, rewrap_records,
    serve, client, access_key, audit, rewrap, doctor, bench, demo,
):  # fmt: skip
    application.add_command(command)
