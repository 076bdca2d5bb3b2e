"""Some keys of all: by id, by alias or by tag, a star standing for any characters.

What a list may show to whom is such a selection. The database narrows the list by it,
so that pages and totals are right whatever the number of keys.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith.registry.schema import aliases, tags

STAR = "*"


@dataclass(frozen=True, slots=True)
class Selection:
    """Keys that have one of the ids, or an alias or tag that fits one of the patterns.

    Attributes:
        key_ids: Ids.
        aliases: Full names, with stars.
        tags: Tag keys, and values with stars.
    """

    key_ids: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    def fits(
        self, key_id: str, alias_names: Collection[str], labels: Mapping[str, str]
    ) -> bool:
        """Whether a key of these facts is meant."""
        return (
            key_id in self.key_ids
            or any(
                glob_fits(pattern, name)
                for pattern in self.aliases
                for name in alias_names
            )
            or any(
                name in labels and glob_fits(pattern, labels[name])
                for name, pattern in self.tags
            )
        )

    def condition(
        self, key_id: sa.ColumnElement[str], dialect: str
    ) -> sa.ColumnElement[bool]:
        """The same for the database.

        Args:
            key_id: The column that names the key.
            dialect: ``sqlite`` or ``postgresql``.
        """
        named = [_fits(aliases.c.alias_name, each, dialect) for each in self.aliases]
        labelled = [
            sa.and_(tags.c.tag_key == name, _fits(tags.c.tag_value, value, dialect))
            for name, value in self.tags
        ]
        return sa.or_(
            key_id.in_(self.key_ids),
            key_id.in_(sa.select(aliases.c.key_id).where(sa.or_(sa.false(), *named))),
            key_id.in_(sa.select(tags.c.key_id).where(sa.or_(sa.false(), *labelled))),
        )


def glob_fits(pattern: str, text: str) -> bool:
    """Whether the text is the pattern, a star standing for any characters or none.

    In steps of at most the product of both lengths, however many stars there are. A
    star in the text fits a star of the pattern only. So a pattern given as the text
    fits exactly if all texts that fit it fit the first pattern as well.
    """
    first, *rest = pattern.split(STAR)
    if not rest:
        return text == first
    *middle, last = rest
    place, end = len(first), len(text) - len(last)
    if place > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:  # the leftmost place leaves most room for the others
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def _fits(
    column: sa.ColumnElement[str], pattern: str, dialect: str
) -> sa.ColumnElement[bool]:
    """Whether a column fits a pattern; both databases tell upper from lower case.

    LIKE of SQLite does not, but its GLOB does; ``?`` and ``[`` are in no pattern.
    """
    if dialect == "sqlite":
        return column.op("GLOB", is_comparison=True)(pattern)
    for special in ("\\", "%", "_"):
        pattern = pattern.replace(special, f"\\{special}")
    return column.like(pattern.replace(STAR, "%"), escape="\\")
