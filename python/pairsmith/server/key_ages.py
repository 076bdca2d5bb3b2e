"""How many key versions are how old."""

import sqlalchemy as sa

from pairsmith.registry import Registry
from pairsmith.registry.schema import key_versions, keys

AGE_DAYS = (1, 7, 30, 90, 365)
"""Where one age ends and the next begins."""

DAY_MS = 86_400_000

OLDEST = f"over {AGE_DAYS[-1]}d"

Ages = dict[tuple[str, bool], int]
"""Versions by age, and by whether they are their key's primary version."""


def key_version_ages(registry: Registry) -> Ages:
    """Count the versions of all keys; every age is there, if only with 0.

    Raises:
        DatabaseError: They cannot be counted.
    """
    ages = {(age, primary): 0 for age in _names() for primary in (True, False)}
    now_ms = registry.access.now_ms()
    # Compared, not subtracted: the moment of a damaged row may be any number.
    created_ms = key_versions.c.created_at_ms
    age = sa.case(
        *((created_ms > now_ms - days * DAY_MS, f"under {days}d") for days in AGE_DAYS),
        else_=OLDEST,
    )
    is_primary = keys.c.primary_version_id == key_versions.c.key_version_id
    versions = (
        sa.select(age.label("age"), is_primary.label("is_primary"))
        .join(keys, keys.c.key_id == key_versions.c.key_id)
        .subquery()
    )
    counting = sa.select(
        versions.c.age, versions.c.is_primary, sa.func.count()
    ).group_by(versions.c.age, versions.c.is_primary)
    with registry.access.looking() as connection:
        for row in connection.execute(counting):
            ages[row[0], bool(row[1])] = row[2]
    return ages


def _names() -> list[str]:
    return [*(f"under {days}d" for days in AGE_DAYS), OLDEST]
