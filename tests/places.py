"""Where the registries under test live, and the clock they go by."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from clock import Clock
from pairsmith.registry import FileRootKey, Registry


@dataclass
class Place:
    """Where a database and its root key are; opens registries and closes them.

    Attributes:
        relaxed: Whether ``execute`` may write what foreign keys forbid, on SQLite.
    """

    url: str
    directory: Path
    clock: Clock = field(default_factory=Clock)
    opened: ExitStack = field(default_factory=ExitStack)
    relaxed: bool = False

    @property
    def root_key(self) -> FileRootKey:
        return FileRootKey(self.directory / "root-key")

    def open(self, root_key: Any = None, **options: Any) -> Registry:
        options = {"clock": self.clock, "background": False} | options
        registry = Registry.open(self.url, root_key or self.root_key, **options)
        return self.opened.enter_context(registry)

    def execute(self, statement: str, **values: object) -> list[Any]:
        """Reach into the database as somebody else would."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "sqlite" and not self.relaxed:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
            result = connection.execute(sa.text(statement), values)
            return list(result) if result.returns_rows else []

    @cached_property
    def _engine(self) -> sa.Engine:
        """Connections to a server are kept; a file is opened each time it is asked."""
        is_file = self.url.startswith("sqlite")
        engine = sa.create_engine(self.url, poolclass=sa.NullPool if is_file else None)
        self.opened.callback(engine.dispose)
        return engine
