"""``pairsmith key``, second part: versions, rotation, protection, deletion."""

import click

from pairsmith.cli.keys import (
    PAGE_SIZE,
    answer_key,
    key,
    key_argument,
    page_option,
    write_count,
)
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_done, write_json, write_table
from pairsmith.cli.settings import Settings


@key.command()
@key_argument
@click.pass_obj
def rotate(settings: Settings, key_id: str) -> None:
    """Make a new primary version; the old ones go on decrypting."""
    with opened(settings) as instance:
        version = instance.create_key_version(key_id)
    if settings.json:
        write_json(version.to_dict())
    else:
        write_done(f"{version.key_version_id} is the primary version now.")


@key.command()
@key_argument
@page_option
@click.pass_obj
def versions(settings: Settings, key_id: str, page: int) -> None:
    """List a key's versions, the initial one first."""
    with opened(settings) as instance:
        described = instance.describe_key(key_id)
        listed = instance.list_key_versions(key_id, page, PAGE_SIZE)
    if settings.json:
        write_json(listed.to_dict())
        return
    roles = {
        described.initial_key_version: "initial",
        described.primary_key_version: "primary",
    }
    if described.initial_key_version == described.primary_key_version:
        roles[described.primary_key_version] = "initial and primary"
    rows = [
        (
            each.key_version_id,
            each.creation_date,
            roles.get(each.key_version_id, "")
            if each.retire_date is None
            else "retired",
        )
        for each in listed.items
    ]
    write_table(("Version", "Created", "Role"), rows, folding=("Role",))
    write_count(len(rows), listed.total_count, "version")


@key.command("rotation-policy")
@key_argument
@click.option("--every", metavar="INTERVAL", help="7d to 365d.")
@click.option("--never", is_flag=True, help="Rotate only by hand.")
@click.pass_obj
def rotation_policy(
    settings: Settings,
    key_id: str,
    every: str | None,
    never: bool,  # noqa: FBT001 -- click passes by name
) -> None:
    """Let a key rotate by itself, or only by hand."""
    if (every is None) is not never:
        raise click.UsageError("Give either --every INTERVAL or --never.")
    with opened(settings) as instance:
        instance.update_rotation_policy(key_id, not never, every)
        done = "rotates by hand only" if never else f"rotates every {every}"
        answer_key(settings, instance, key_id, done)


@key.command()
@key_argument
@click.option("--because", default="", help="A note for whoever wants to delete it.")
@click.pass_obj
def protect(settings: Settings, key_id: str, because: str) -> None:
    """Refuse to schedule a key's deletion."""
    with opened(settings) as instance:
        enabled = True
        instance.set_deletion_protection(key_id, enabled, because)
        answer_key(settings, instance, key_id, "is protected from deletion")


@key.command()
@key_argument
@click.pass_obj
def unprotect(settings: Settings, key_id: str) -> None:
    """Permit again that a key's deletion is scheduled."""
    with opened(settings) as instance:
        enabled = False
        instance.set_deletion_protection(key_id, enabled)
        answer_key(settings, instance, key_id, "may be deleted again")


@key.command("schedule-deletion")
@key_argument
@click.option("--days", type=int, required=True, help="7 to 366, then it is gone.")
@click.pass_obj
def schedule_deletion(settings: Settings, key_id: str, days: int) -> None:
    """Destroy a key after a number of days; until then it opens nothing."""
    with opened(settings) as instance:
        instance.schedule_key_deletion(key_id, days)
        done = f"will be destroyed in {days} days, and whatever it wraps with it"
        answer_key(settings, instance, key_id, done)


@key.command("cancel-deletion")
@key_argument
@click.pass_obj
def cancel_deletion(settings: Settings, key_id: str) -> None:
    """Bring back a key that waits for its destruction."""
    with opened(settings) as instance:
        instance.cancel_key_deletion(key_id)
        answer_key(settings, instance, key_id, "stays, and is enabled")
