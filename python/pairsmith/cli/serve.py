"""``pairsmith serve``: the server, and the settings it would run with."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pairsmith.cli.failures import ENVIRONMENT, Failure
from pairsmith.cli.generate import pairwise_option
from pairsmith.cli.output import write_facts
from pairsmith.cli.settings import DEFAULT_DATABASE, Command, Settings
from pairsmith.cli.standard_output import write_out

if TYPE_CHECKING:
    from pairsmith.server.settings import Settings as ServerSettings

OPTIONS = {
    "host": ("listen", "host"),
    "port": ("listen", "port"),
    "workers": ("listen", "workers"),
    "insecure_http": ("tls", "insecure_http"),
    "pairwise_test": ("pairs", "pairwise_test"),
    "folder": ("files", "folder"),
}
"""What may be given on the command line, and which settings that is."""


@click.command("serve", cls=Command)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PAIRSMITH_CONFIG",
    help="The settings file. [default: pairsmith.toml, if there is one]",
)
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@click.option("--workers", type=int, help="Processes that serve.")
@click.option("--folder", help="Where tls/, clients/ and openapi/ are.")
@click.option("--insecure-http", is_flag=True, help="Plain HTTP, on loopback only.")
@pairwise_option
@click.option(
    "--dev",
    is_flag=True,
    help="An emulator for tests: throw-away keys, faults on request.",
)
@click.option(
    "--seed-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --dev: the keys and credentials that there shall be (TOML).",
)
@click.option(
    "--deterministic",
    metavar="SEED",
    help="With --dev: pairs that this text determines; 16 characters or more.",
)
@click.option(
    "--dev-open-to-the-network",
    "is_exposed",
    is_flag=True,
    help="With --dev: let others than this host connect. Dangerous: see the "
    "documentation. Never with --deterministic.",
)
@click.option(
    "--print-config", is_flag=True, help="Write all settings as TOML and leave."
)
@click.pass_obj
def serve(
    settings: Settings,
    /,
    config: Path | None,
    *,
    print_config: bool,
    dev: bool,
    seed_file: Path | None,
    deterministic: str | None,
    is_exposed: bool,
    **given: object,
) -> None:
    """Serve the Instance API and the KMS OpenAPI to the official SDKs.

    What is missing is made first: database, private CA, a client key. Settings come
    from the file, then the environment (PAIRSMITH_TABLE_NAME), then these options.
    """
    for name, value in {
        "--seed-file": seed_file,
        "--deterministic": deterministic,
        "--dev-open-to-the-network": is_exposed or None,
    }.items():
        if value is not None and not dev:
            raise click.UsageError(f"{name} goes with --dev.")
    if deterministic is not None and is_exposed:
        raise click.UsageError(
            "--deterministic never goes with --dev-open-to-the-network: whoever knows "
            "its seed knows every private key."
        )
    chosen = _chosen(settings, config, given)
    if print_config:
        from pairsmith.server.settings_file import to_toml

        write_out(to_toml(chosen))
        return
    try:
        from pairsmith.server import serving
    except ModuleNotFoundError as error:
        raise Failure(
            f"The server needs {error.name}, which is not installed.",
            code="NotInstalled",
            exit_code=ENVIRONMENT,
            next_step="pip install 'pairsmith[server]'",
        ) from None
    if dev:
        _serve_dev(chosen, seed_file, deterministic, is_exposed=is_exposed)
        return
    prepared = serving.prepare(chosen)
    facts = [(f"{name} (made)", place) for name, place in prepared.made]
    write_facts([*facts, ("Serving", prepared.address)])
    reread = partial(_chosen, settings, config, given)
    serving.serve(chosen, prepared, reread=reread)


def _serve_dev(
    chosen: ServerSettings,
    seed_file: Path | None,
    deterministic: str | None,
    *,
    is_exposed: bool,
) -> None:
    """Serve an emulator; whoever starts it sees all of its credentials."""
    from pairsmith.server import serving
    from pairsmith.server.dev.control import PATH
    from pairsmith.server.dev.mode import NOT_EXPOSED, dev_mode
    from pairsmith.server.dev.seeding import seed_folder

    with dev_mode(chosen, seed_file, deterministic, is_exposed=is_exposed) as mode:
        credentials = seed_folder(mode.settings, mode.seed)
        why = "" if mode.is_exposed else NOT_EXPOSED
        prepared = serving.prepare(mode.settings, loopback_only=why)
        ca = prepared.tls.ca if prepared.tls is not None else None
        known = "every private key can be computed from the seed"
        write_facts(
            [
                ("DEV MODE", "for tests, never for secrets"),
                ("DETERMINISTIC", "" if mode.deterministic is None else known),
                (
                    "EXPOSED",
                    "" if not mode.is_exposed else "to every host that gets here",
                ),
                ("Folder", mode.settings.files.folder),
                ("CA for clients", ca and str(ca)),
                *credentials,
                ("Faults", prepared.address + PATH),
                ("Serving", prepared.address),
            ]
        )
        serving.serve(mode.settings, prepared, mode.loader())


def _chosen(
    common: Settings, config: Path | None, given: dict[str, object]
) -> ServerSettings:
    """The settings of file and environment with those of the command line in place."""
    from pairsmith.server.settings import with_setting
    from pairsmith.server.settings_file import load_settings

    settings = load_settings(config)
    if common.database != DEFAULT_DATABASE:
        settings = with_setting(settings, "database", "url", common.database)
    if common.root_key is not None:
        settings = with_setting(settings, "database", "root_key", common.root_key)
    for option, (table, name) in OPTIONS.items():
        value = given[option]
        if value is not None and value is not False:
            settings = with_setting(settings, table, name, value)
    return settings
