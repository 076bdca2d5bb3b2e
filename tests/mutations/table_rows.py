"""The rows of a registry as somebody reaches them who can write the database."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pairsmith.registry import schema

Row = tuple[Any, ...]
Tables = dict[str, list[Row]]

COLUMNS: dict[str, tuple[str, ...]] = {
    table.name: tuple(column.name for column in table.columns)
    for table in schema.metadata.sorted_tables
} | {schema.REVISION_TABLE: ("version_num",)}
"""The columns of every table there is, Alembic's too, in the order of a row."""

KEY_COLUMNS: dict[str, tuple[int, ...]] = {
    table.name: tuple(
        index for index, column in enumerate(table.columns) if column.primary_key
    )
    for table in schema.metadata.sorted_tables
} | {schema.REVISION_TABLE: (0,)}
"""Where in a row its primary key is."""


class RefusedByDatabase(Exception):  # noqa: N818 -- it is what happened
    """The database does not take such a value: nobody can write it."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A row in the place of another; ``None`` for a row that comes or goes."""

    table: str
    old: Row | None
    new: Row | None

    def undone(self) -> "Replacement":
        """What takes it back."""
        return Replacement(self.table, self.new, self.old)

    def __str__(self) -> str:
        """Show the columns that differ, or the row."""
        if self.old is None or self.new is None:
            verb = "insert" if self.old is None else "delete"
            return f"{verb} {self.table} {_shown(self.new or self.old)}"
        names = COLUMNS[self.table]
        changed = [
            f"{name}: {_shown(old)} -> {_shown(new)}"
            for name, old, new in zip(names, self.old, self.new, strict=True)
            if (type(old), old) != (type(new), new)
        ]
        key = [self.old[index] for index in KEY_COLUMNS[self.table]]
        return f"update {self.table} {_shown(key)}: {'; '.join(changed)}"


class Rows:
    """A connection of its own, for which no constraint but uniqueness holds."""

    def __init__(self, url: str) -> None:
        self._is_sqlite = url.startswith("sqlite")
        self._mark = "?" if self._is_sqlite else "%s"
        place = sa.make_url(url)
        if self._is_sqlite:
            self._connection: Any = sqlite3.connect(
                str(place.database), isolation_level=None, timeout=20
            )
            for setting in ("foreign_keys = OFF", "synchronous = OFF"):
                self._connection.execute(f"PRAGMA {setting}")
            self._connection.execute("PRAGMA ignore_check_constraints = ON")
        else:
            import psycopg

            address = place.set(drivername="postgresql")
            shown = address.render_as_string(hide_password=False)
            self._connection = psycopg.connect(shown, autocommit=True)
            self._connection.execute("SET session_replication_role = replica")

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def relax(self) -> None:
        """Let columns be null that must not: a writer of the database may do that."""
        if self._is_sqlite:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute("PRAGMA writable_schema = ON")
                cursor.execute(
                    "UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')"
                )
                cursor.execute("PRAGMA writable_schema = RESET")
            return
        for table in schema.metadata.sorted_tables:
            for column in table.columns:
                if not column.primary_key and not column.nullable:
                    self._connection.execute(
                        f"ALTER TABLE {table.name} ALTER {column.name} DROP NOT NULL"
                    )
        checks = self._connection.execute(
            "SELECT conrelid::regclass, conname FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        ).fetchall()
        for table, name in checks:
            self._connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')

    def all(self) -> Tables:
        """Copy every row of every table."""
        return {table: self.of(table) for table in COLUMNS}

    def of(self, table: str) -> list[Row]:
        """Copy the rows of one table, in an order of their own."""
        names = ", ".join(COLUMNS[table])
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(f"SELECT {names} FROM {table}")
            rows = [tuple(map(_plain, row)) for row in cursor.fetchall()]
        return sorted(rows, key=repr)

    def change_counter(self) -> object:
        """Read the change counter: it tells whether anybody has written."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("SELECT change_counter FROM registry")
            return cursor.fetchone()

    def replace(self, replacements: list[Replacement]) -> None:
        """Write all of them in one transaction.

        Raises:
            RefusedByDatabase: It takes one of the values not at all, so it has none.
        """
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN")
            try:
                for each in replacements:
                    if each.old is not None:
                        self._delete(cursor, each.table, each.old)
                for each in replacements:
                    if each.new is not None:
                        self._insert(cursor, each.table, each.new)
                cursor.execute("COMMIT")
            except Exception as error:
                with suppress(Exception):
                    cursor.execute("ROLLBACK")
                if isinstance(error, LookupError):
                    raise
                raise RefusedByDatabase(str(error)) from error

    def restore(self, tables: Tables) -> None:
        """Make every table as it was, whatever has become of it."""
        changes = []
        for table, rows in tables.items():
            now = self.of(table)
            changes += [Replacement(table, row, None) for row in now if row not in rows]
            changes += [Replacement(table, None, row) for row in rows if row not in now]
        self.replace(changes)

    def _delete(self, cursor: Any, table: str, row: Row) -> None:
        equals = "IS" if self._is_sqlite else "="
        indexes = KEY_COLUMNS[table]
        names = [COLUMNS[table][index] for index in indexes]
        where = " AND ".join(f"{name} {equals} {self._mark}" for name in names)
        values = [row[index] for index in indexes]
        cursor.execute(f"DELETE FROM {table} WHERE {where}", values)
        if cursor.rowcount != 1:
            raise LookupError(table, values)

    def _insert(self, cursor: Any, table: str, row: Row) -> None:
        names = ", ".join(COLUMNS[table])
        marks = ", ".join([self._mark] * len(row))
        cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)


def meant(table: str, rows: list[Row]) -> list[Row]:
    """The rows as SQLAlchemy reads them: whatever is there and not 0 is true."""
    flags = _FLAGS.get(table, ())
    return [
        tuple(
            bool(value) if index in flags and value is not None else value
            for index, value in enumerate(row)
        )
        for row in rows
    ]


_FLAGS = {
    table.name: [
        index
        for index, column in enumerate(table.columns)
        if isinstance(column.type, sa.Boolean)
    ]
    for table in schema.metadata.sorted_tables
}


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:100]}…{text[-50:]} ({len(text)})"
