"""The command ``pairsmith`` itself: its common options, its commands, its errors."""

import click

from pairsmith.cli import key_lifecycle  # noqa: F401 -- adds its commands to key
from pairsmith.cli.aliases import alias
from pairsmith.cli.bench import bench
from pairsmith.cli.bulk import bulk
from pairsmith.cli.decrypt import decrypt
from pairsmith.cli.demo import demo
from pairsmith.cli.doctor import doctor
from pairsmith.cli.encrypt import data_key, encrypt
from pairsmith.cli.failures import explained
from pairsmith.cli.generate import generate
from pairsmith.cli.initialise import initialise
from pairsmith.cli.keys import key
from pairsmith.cli.output import forgive_narrow_encodings
from pairsmith.cli.public_key import public_key
from pairsmith.cli.rewrap import rewrap
from pairsmith.cli.settings import Group, Settings, common_options

EPILOG = """\b
Exit codes:
  0    done
  1    refused, and nothing was changed; the code says why
  2    the command was not understood
  3    the database, the root key, a file or a program is not usable
  130  interrupted

KEY is a key id or an alias (alias/...). PAIRSMITH_DATABASE and
PAIRSMITH_ROOT_KEY_PROVIDER stand for --database and --root-key.
"""


class Application(Group):
    """The outermost command."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; whatever it raises on purpose becomes one message."""
        forgive_narrow_encodings()
        with explained(ctx.ensure_object(Settings)):
            return super().invoke(ctx)


@click.group(
    cls=Application,
    name="pairsmith",
    params=common_options(read_environment=True),
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.version_option(package_name="pairsmith", message="%(prog)s %(version)s")
def application() -> None:
    """Make data key pairs whose private keys are wrapped, and open them again."""


for command in (
    initialise, key, alias, generate, bulk, decrypt, public_key, encrypt, data_key,
    rewrap, doctor, bench, demo,
):  # fmt: skip
    application.add_command(command)
