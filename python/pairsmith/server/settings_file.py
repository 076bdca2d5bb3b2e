"""Where settings come from: a TOML file, then the environment, which has the last word.

``pairsmith serve --print-config`` writes such a file with their present values.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.documents import read_toml
from pairsmith.errors import InvalidParameter
from pairsmith.server.settings import (
    Settings,
    setting_doc,
    setting_names,
    with_setting,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FILE = Path("pairsmith.toml")
"""Read if it is there and no other is named."""

ALIASES = {
    "PAIRSMITH_DATABASE": "PAIRSMITH_DATABASE_URL",
    "PAIRSMITH_ROOT_KEY_PROVIDER": "PAIRSMITH_DATABASE_ROOT_KEY",
    "PAIRSMITH_REFUSE_FORMAT_1": "PAIRSMITH_DATABASE_REFUSE_FORMAT_1",
}
"""The variables that every other command reads, and what they are called here."""


def load_settings(
    path: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Read the file, then the environment.

    Args:
        path: The file; by default ``pairsmith.toml`` in the current folder, if any,
            which runs no command: whoever has a shell there did not ask for it.
        environment: Variables; by default those of this process.

    Raises:
        InvalidParameter: The file cannot be read, or a setting is unknown or not as it
            must be; the message names it and says what would be right.
    """
    settings = Settings()
    for (table, name), value in _from_file(path).items():
        settings = with_setting(settings, table, name, value)
    variables = os.environ if environment is None else environment
    for table, name in setting_names():
        for variable in _variables(table, name):
            if variable in variables:
                settings = with_setting(settings, table, name, variables[variable])
    return settings


def to_toml(settings: Settings) -> str:
    """The settings as a file that ``load_settings`` reads back, with comments."""
    lines: list[str] = []
    seen = ""
    for table, name in setting_names():
        if table != seen:
            lines += ["", f"[{table}]"]
            seen = table
        value = getattr(getattr(settings, table), name)
        lines += [f"# {setting_doc(table, name)}", f"{name} = {_toml_value(value)}"]
    return "\n".join(lines[1:]) + "\n"


def _from_file(path: Path | None) -> dict[tuple[str, str], object]:
    chosen = DEFAULT_FILE if path is None else path
    if path is None and not chosen.exists():
        return {}
    tables, _ = read_toml("config", chosen)
    for table, settings in tables.items():
        if not isinstance(settings, dict):
            raise InvalidParameter(
                f"config: {table}", "settings stand in tables, such as [listen]"
            )
    found = {
        (table, name): value
        for table, settings in tables.items()
        for name, value in settings.items()
    }
    if path is None and _is_command(found.get(("database", "root_key"))):
        raise InvalidParameter(
            f"config {chosen}: database.root_key",
            "a settings file that was only found runs no command: name it, with "
            f"--config {chosen} or PAIRSMITH_CONFIG={chosen}.",
        )
    return found


def _is_command(root_key: object) -> bool:
    return isinstance(root_key, str) and root_key.partition(":")[0] == "command"


def _variables(table: str, name: str) -> list[str]:
    """The names of a setting in the environment; the last one counts most."""
    variable = f"PAIRSMITH_{table}_{name}".upper()
    return [alias for alias, of in ALIASES.items() if of == variable] + [variable]


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return json.dumps(value)  # which is also a basic string of TOML
