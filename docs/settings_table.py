"""Write the table of settings in docs/server.md from the settings themselves.

``python docs/settings_table.py`` brings the page up to date; a test compares them.
"""

import json
import re
from pathlib import Path

from pairsmith.server.settings import Settings, setting_doc, setting_names

PAGE = Path(__file__).parent / "server.md"
BEGINNING = "<!-- settings: written by docs/settings_table.py -->\n"
END = "<!-- end -->"


def table() -> str:
    """One row per setting, in the order of the file."""
    empty = Settings()
    rows = [
        f"| `{table}.{name}` | `{json.dumps(getattr(getattr(empty, table), name))}` "
        f"| {setting_doc(table, name)} |"
        for table, name in setting_names()
    ]
    return "\n".join(["| setting | default | |\n|---|---|---|", *rows]) + "\n"


def page_with(settings: str) -> str:
    """The page with that table in its place."""
    text = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGINNING) + ".*?" + re.escape(END), re.DOTALL)
    return pattern.sub(lambda _: f"{BEGINNING}{settings}{END}", text)


if __name__ == "__main__":
    PAGE.write_text(page_with(table()), encoding="utf-8")
