"""``pairsmith key repair``: rows are put back as they were authenticated."""

import click

from pairsmith.cli.failures import REFUSED, Failure
from pairsmith.cli.keys import key
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_done, write_json
from pairsmith.cli.settings import Settings


@key.command()
@click.argument("key_id", metavar="KEY")
@click.pass_obj
def repair(settings: Settings, key_id: str) -> None:
    """Put back what was authenticated of a key, named by its id.

    For a key that doctor names, because somebody has changed its rows.
    """
    with opened(settings) as instance:
        report = instance.repair_key(key_id)
    if report.lost_versions:
        raise Failure(
            f"The material of {', '.join(report.lost_versions)} is gone: the key stays "
            "unavailable.",
            code="KeyMaterialLost",
            exit_code=REFUSED,
            next_step="Restore those rows of key_versions from a backup.",
        )
    if settings.json:
        write_json(report.to_dict())
    elif report.fault:
        write_done(
            f"{key_id} is again as it was authenticated; before: {report.fault}."
        )
    else:
        write_done(f"{key_id} is as it was authenticated.")
    if report.lost_aliases and not settings.json:
        write_done(f"Another key has {', '.join(report.lost_aliases)} by now.")
