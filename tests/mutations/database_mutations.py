"""Changes that somebody makes who can write the database but has no root key.

Every column of every table has a rule: what a changed value there must do. A column
without a rule fails a test, so whoever adds one has to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from mutated_values import VALUES
from mutated_world import World
from questions import (
    AUDIT_KEY,
    CHANGE_LOG,
    identity_object,
    key_object,
    page_object,
)
from table_rows import COLUMNS, KEY_COLUMNS, Replacement, Row, Tables

from pairsmith.registry.identifiers import SERVICE
from pairsmith.registry.revisions import TOP, page_of

EVERYTHING = "everything"
"""An object: the whole registry, which may refuse whatever is asked."""


class Rule(StrEnum):
    """What becomes of a changed value."""

    NOTICED = "noticed"
    """The object it belongs to is refused, as long as it is asked for."""
    NOTICED_IF_USED = "noticed if used"
    """It is refused, or nothing depends on the value at present."""
    HARMLESS = "harmless"
    """Every answer stays as it is: nothing that is promised depends on the value."""


N, U, H = Rule.NOTICED, Rule.NOTICED_IF_USED, Rule.HARMLESS

RULES: dict[str, dict[str, Rule]] = {
    "keys": dict.fromkeys(COLUMNS["keys"], N),
    "aliases": dict.fromkeys(COLUMNS["aliases"], N),
    "tags": dict.fromkeys(COLUMNS["tags"], N),
    "key_versions": dict.fromkeys(COLUMNS["key_versions"], N)
    # Which root key wraps it, and the material: noticed by whoever opens the version.
    | {"root_key_id": U, "wrapped": U},
    # What the other columns say is in the sealed document, too, and believed there.
    "identities": dict.fromkeys(COLUMNS["identities"], U)
    | {"identity_id": N, "iv": N, "sealed": N, "last_used_at_ms": H},
    "service_secrets": dict.fromkeys(COLUMNS["service_secrets"], N) | {"sealed_by": U},
    "registry": {
        "only_row": U,
        "change_counter": U,
        "root_key_id": U,
        "next_root_key_id": U,
        "next_service_version": U,
    },
    "revision_pages": dict.fromkeys(COLUMNS["revision_pages"], N),
    "changes": dict.fromkeys(COLUMNS["changes"], N),
    "schema_revision": {"version_num": U},
    "guard_slots": dict.fromkeys(COLUMNS["guard_slots"], H),  # limits load, no secret
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """Rows in the place of others, and what may be refused because of it.

    Attributes:
        kind: What was done, such as ``bit``, with the table and maybe the column.
        replacements: The rows.
        touched: The objects that may be refused; everything else has to work.
        damaged: Those of them that must be, if the rule says so.
        rule: What must become of it.
    """

    kind: str
    place: str
    replacements: list[Replacement]
    touched: frozenset[str]
    damaged: frozenset[str]
    rule: Rule

    @property
    def names(self) -> set[str]:
        """Texts that were written, which may be names from now on."""
        return {
            value
            for each in self.replacements
            if each.new is not None
            for value in set(each.new) - set(each.old or ())
            if isinstance(value, str) and 0 < len(value) < 300
        }


def mutation(world: World, random: Random) -> Mutation | None:
    """Draw one; nothing where it would change nothing."""
    tables = world.history[-1]
    weights = [_WEIGHTS.get(table, 1) for table in COLUMNS]
    (table,) = random.choices(list(COLUMNS), weights)
    draw = random.choices(
        [_value, _rows, _from_history, _key_from_history], [12, 3, 2, 1]
    )[0]
    return draw(world, tables, table, random)


_WEIGHTS = {
    "keys": 10,
    "key_versions": 5,
    "aliases": 4,
    "tags": 4,
    "identities": 5,
    "revision_pages": 4,
    "changes": 2,
}


def _value(world: World, tables: Tables, table: str, random: Random) -> Mutation | None:
    """Another value in one column of one row, or of two that swap theirs."""
    if not tables[table]:
        return None
    row = random.choice(tables[table])
    index = random.randrange(len(COLUMNS[table]))
    other = random.choice(tables[table])
    kind = random.choice([*VALUES, "swap"])
    rule = RULES[table][COLUMNS[table][index]]
    place = f"{table}.{COLUMNS[table][index]}"
    if kind == "swap":
        pair = [(row, other[index]), (other, row[index])]
    else:
        pair = [(row, VALUES[kind](world, random, row[index]))]
    replacements = [
        Replacement(table, old, (*old[:index], value, *old[index + 1 :]))
        for old, value in pair
    ]
    return _mutation(f"value: {kind}", place, replacements, rule)


def _rows(world: World, tables: Tables, table: str, random: Random) -> Mutation | None:
    """A row that is gone, is there twice, or has changed places with another."""
    if not tables[table]:
        return None
    row, other = random.choice(tables[table]), random.choice(tables[table])
    kind = random.choice(["delete", "copy", "exchange"])
    key = KEY_COLUMNS[table]
    if kind == "delete":
        changes = [Replacement(table, row, None)]
    elif kind == "copy":
        index = random.choice(key)
        value = VALUES["word"](world, random, row[index])
        changes = [Replacement(table, None, (*row[:index], value, *row[index + 1 :]))]
    else:
        changes = [
            Replacement(table, one, _with(two, one, key))
            for one, two in ((row, other), (other, row))
        ]
    rule = _row_rule(table, kind)
    return _mutation(f"row: {kind}", table, changes, rule)


def _from_history(
    world: World, tables: Tables, table: str, random: Random
) -> Mutation | None:
    """A row as it was once, in the place of the present one or of none."""
    past = random.choice(world.history)
    now = {_key_of(table, row): row for row in tables[table]}
    rows = [row for row in past[table] if now.get(_key_of(table, row)) != row]
    if not rows:
        return None
    row = random.choice(rows)
    replacements = [Replacement(table, now.get(_key_of(table, row)), row)]
    kind = "row: as it was once"
    if table == "identities" and random.random() < 0.5:
        replacements += _page_from_history(identity_object(row[0]), past, tables)
        kind += ", and its page"
    return _mutation(kind, table, replacements, _row_rule(table, "history"))


def _key_from_history(
    world: World, tables: Tables, _: str, random: Random
) -> Mutation | None:
    """A key with all that hangs on it as it was once, whole and authentic then."""
    label = random.choice([*world.keys])
    key_id, past = world.keys[label], random.choice(world.history)
    replacements: list[Replacement] = []
    for table in ("keys", "key_versions", "aliases", "tags"):
        index = COLUMNS[table].index("key_id")
        before = [row for row in past[table] if row[index] == key_id]
        # An alias that has moved since comes back from the key that has it now.
        now = [row for row in tables[table] if row[index] == key_id]
        replacements += _put_back(table, before, now, tables[table])
    if not replacements:
        return None
    kind = "key: as it was once"
    if random.random() < 0.5:
        replacements += _page_from_history(key_object(key_id), past, tables)
        kind += ", and its page"
    return _mutation(kind, "keys", replacements, Rule.NOTICED)


def _put_back(
    table: str, before: list[Row], now: list[Row], everywhere: list[Row]
) -> list[Replacement]:
    """The rows of some object as they were before, in the place of those of now."""
    wanted = {_key_of(table, row): row for row in before}
    present = {_key_of(table, row): row for row in everywhere}
    names = {**wanted, **{_key_of(table, row): row for row in now}}
    return [
        Replacement(table, present.get(name), wanted.get(name))
        for name in names
        if present.get(name) != wanted.get(name)
    ]


def _page_from_history(name: str, past: Tables, tables: Tables) -> list[Replacement]:
    """The page of revisions of an object as it was then."""
    number = page_of(name)
    before, now = (
        [row for row in each["revision_pages"] if row[0] == number]
        for each in (past, tables)
    )
    return _put_back("revision_pages", before, now, now)


def _mutation(
    kind: str,
    place: str,
    replacements: list[Replacement],
    rule: Rule,
) -> Mutation | None:
    changed = [each for each in replacements if each.old != each.new]
    if not changed:
        return None
    rows = [
        (each.table, dict(zip(COLUMNS[each.table], row, strict=True)))
        for each in changed
        for row in (each.old, each.new)
        if row is not None
    ]
    damaged = frozenset(_owner(table, values) for table, values in rows)
    more = {name for table, values in rows for name in _others(table, values)}
    return Mutation(kind, place, changed, damaged | more, damaged, rule)


def _owner(table: str, values: dict[str, Any]) -> str:
    """What a row belongs to."""
    if table == "identities":
        return identity_object(values["identity_id"])
    if table == "revision_pages":
        return page_object(values["page"])
    if table in _WHOLE:
        return _WHOLE[table]
    return key_object(values["key_id"])


_WHOLE = {
    "service_secrets": AUDIT_KEY,
    "changes": CHANGE_LOG,
    "registry": EVERYTHING,
    "schema_revision": EVERYTHING,
    "guard_slots": "guard",
}


def _others(table: str, values: dict[str, Any]) -> Iterator[str]:
    """What else may suffer from a change of this row."""
    if table == "key_versions":
        # Whose version it was, its id tells, wherever the row says that it belongs.
        yield key_object(str(values["key_version_id"])[:25])
    if values.get("page") == TOP or SERVICE in str(values.get("key_version_id")):
        yield EVERYTHING


def _row_rule(table: str, kind: str) -> Rule:
    rules = set(RULES[table].values())
    if rules == {Rule.HARMLESS}:
        return Rule.HARMLESS
    if table in {"registry", "schema_revision"} or kind == "copy":
        return Rule.NOTICED_IF_USED
    return Rule.NOTICED_IF_USED if table == "identities" else Rule.NOTICED


def _key_of(table: str, row: Row) -> tuple[Any, ...]:
    return tuple(row[index] for index in KEY_COLUMNS[table])


def _with(row: Row, key_of: Row, key: tuple[int, ...]) -> Row:
    """A row under the primary key of another."""
    return tuple(
        key_of[index] if index in key else value for index, value in enumerate(row)
    )
