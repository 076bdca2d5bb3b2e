"""``pairsmith key``, third part: versions that nothing needs are retired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pairsmith.cli.failures import REFUSED, Failure
from pairsmith.cli.files import read_input
from pairsmith.cli.keys import PAGE_SIZE, key, key_argument
from pairsmith.cli.opening import opened
from pairsmith.cli.output import write_done, write_json

if TYPE_CHECKING:
    from pairsmith.bulk import Census
    from pairsmith.cli.settings import Settings
    from pairsmith.instance import Instance
    from pairsmith.model import KeyVersion

version_argument = click.argument("version_id", metavar="VERSION")


@key.command("retire-version")
@key_argument
@version_argument
@click.option("--census", "censuses", metavar="FILE", multiple=True,
              help="What rewrap-records --census wrote; repeatable.")  # fmt: skip
@click.option("--without-census", is_flag=True,
              help="Retire it whatever may still need it.")  # fmt: skip
@click.pass_obj
def retire_version(
    settings: Settings,
    key_id: str,
    version_id: str,
    *,
    censuses: tuple[str, ...],
    without_census: bool,
) -> None:
    """Let a version open nothing any more, until restore-version.

    A census of all stored blobs must show that none needs it. Its key material stays in
    the database. The primary and the initial version cannot be retired.
    """
    if bool(censuses) is without_census:
        raise click.UsageError("Give either --census FILE or --without-census.")
    from pairsmith.bulk import Census

    given = {name: Census.from_json(read_input(name)) for name in censuses}
    with opened(settings) as instance:
        _require_unneeded(instance, key_id, version_id, given)
        retired = instance.retire_key_version(key_id, version_id)
    _answer(settings, retired, "is retired: it opens nothing until it is restored")


@key.command("restore-version")
@key_argument
@version_argument
@click.pass_obj
def restore_version(settings: Settings, key_id: str, version_id: str) -> None:
    """Let a retired version open again what is under it."""
    with opened(settings) as instance:
        restored = instance.restore_key_version(key_id, version_id)
    _answer(settings, restored, "opens again what is under it")


def _require_unneeded(
    instance: Instance, key_id: str, version_id: str, censuses: dict[str, Census]
) -> None:
    """Refuse while a census says that the version is needed, or cannot tell.

    Raises:
        Failure: It is needed, or one of them cannot tell.
        PairsmithError: There is no such key or version.
    """
    found = instance.describe_key_version(key_id, version_id)
    successor = _successor(instance, found)
    for name, census in censuses.items():
        needed = census.of_version(found.key_id, version_id)
        if needed:
            raise _refused(f"{name} counts {needed:,} blobs under {version_id}")
        if census.unread:
            raise _refused(
                f"{name} is not complete: {census.unread:,} files or lines could not "
                "be read and may hold blobs"
            )
        if successor is not None and census.taken_at < successor.creation_date:
            raise _refused(
                f"{name} was taken while {version_id} was the primary version: blobs "
                "made after it are not in it"
            )


def _successor(instance: Instance, version: KeyVersion) -> KeyVersion | None:
    """The version that took its place as the primary one."""
    page, is_next = 1, False
    while True:
        listed = instance.list_key_versions(version.key_id, page, PAGE_SIZE).items
        for each in listed:
            if is_next:
                return each
            is_next = each.key_version_id == version.key_version_id
        if len(listed) < PAGE_SIZE:
            return None
        page += 1


def _refused(why: str) -> Failure:
    return Failure(
        f"{why}: nothing was changed.",
        code="VersionNeeded",
        exit_code=REFUSED,
        next_step="pairsmith rewrap-records FILE|DIR... --census FILE moves and counts "
        "them.",
    )


def _answer(settings: Settings, version: KeyVersion, done: str) -> None:
    if settings.json:
        write_json(version.to_dict())
    else:
        write_done(f"{version.key_version_id} {done}.")
