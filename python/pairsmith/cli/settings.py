"""The options that every command takes, before or after its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pairsmith.cli.standard_output import written_out
from pairsmith.registry.actor import Actor, acting

DEFAULT_DATABASE = "sqlite:///pairsmith.db"


@dataclass
class Settings:
    """Which instance is meant, and who reads the answer."""

    database: str = DEFAULT_DATABASE
    root_key: str | None = None
    refuse_format_1: bool = False
    json: bool = False


if TYPE_CHECKING:
    # What click's commands and groups have in common, and the class below adds to.
    Base = click.Command
else:
    Base = object


class AnyCommand(Base):
    """What all commands have: an actor, and help that may meet a full output."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 -- as click has it
    ) -> click.Context:
        """Read the options; help is written here."""
        with written_out():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run it; what it changes in the registry is noted as done by this command."""
        with acting(Actor("command line", command=_command_of(ctx))):
            return super().invoke(ctx)


class Command(AnyCommand, click.Command):
    """A command that takes the common options after its name, too."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own options, then the common ones."""
        return [*super().get_params(ctx), *AFTER_THE_NAME]


class Group(AnyCommand, click.Group):
    """A group of such commands, shown in the order in which they are used."""

    command_class = Command
    group_class = type

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The order of their definition, which is the order of a key's life."""
        del ctx
        return list(self.commands)


def _command_of(ctx: click.Context) -> str:
    """Its words, without the program's own, which may be ``python -m …``."""
    if ctx.parent is None:
        return ""
    return f"{_command_of(ctx.parent)} {ctx.info_name}".strip()


def common_options(*, read_environment: bool) -> list[click.Parameter]:
    """``--database``, ``--root-key``, ``--refuse-format-1`` and ``--json``.

    Args:
        read_environment: Whether the variables count. Only the outermost command reads
            them: read again after its name, they would undo what stood before it.
    """
    variables = read_environment or None
    return [
        click.Option(
            ["--database"],
            metavar="URL",
            envvar=variables and "PAIRSMITH_DATABASE",
            expose_value=False,
            callback=_keep,
            help=f"Where the keys are. [default: {DEFAULT_DATABASE}]",
        ),
        click.Option(
            ["--root-key"],
            metavar="SPEC",
            envvar=variables and "PAIRSMITH_ROOT_KEY_PROVIDER",
            expose_value=False,
            callback=_keep,
            help="file:PATH, env:NAME or command:PROGRAM. [default: the file beside "
            "an SQLite database]",
        ),
        click.Option(
            ["--refuse-format-1"],
            is_flag=True,
            envvar=variables and "PAIRSMITH_REFUSE_FORMAT_1",
            expose_value=False,
            callback=_keep,
            help="Open no blob that does not say what it is.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_keep,
            help="Answer with one JSON document; errors are JSON on stderr.",
        ),
    ]


def _keep(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    """Note what was given; what was not given leaves an earlier answer standing."""
    if value and parameter.name is not None:
        setattr(ctx.ensure_object(Settings), parameter.name, value)


AFTER_THE_NAME = common_options(read_environment=False)
