"""Write the table of errors in docs/python.md from the catalogue itself.

``python docs/errors_table.py`` brings the page up to date; a test compares them.
"""

import re
from pathlib import Path

from pairsmith.errors import CATALOGUE

PAGE = Path(__file__).parent / "python.md"
BEGINNING = "<!-- errors: written by docs/errors_table.py -->\n"
END = "<!-- end -->"


def table() -> str:
    """One row per class, in the order of their HTTP status."""
    rows = [
        f"| `{error.__name__}` | `{error.code}` | {error.http_status} "
        f"| {'yes' if error.retryable else ''} | {_summary(error)} |"
        for error in CATALOGUE
    ]
    heading = "| class | code | HTTP | retry | when |\n|---|---|---|---|---|"
    return "\n".join([heading, *rows]) + "\n"


def page_with(errors: str) -> str:
    """The page with that table in its place."""
    text = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGINNING) + ".*?" + re.escape(END), re.DOTALL)
    return pattern.sub(lambda _: f"{BEGINNING}{errors}{END}", text)


def _summary(error: type) -> str:
    """The first paragraph of its docstring, in one line."""
    paragraph = (error.__doc__ or "").split("\n\n")[0]
    return re.sub(r"``", "`", " ".join(paragraph.split()))


if __name__ == "__main__":
    PAGE.write_text(page_with(table()), encoding="utf-8")
