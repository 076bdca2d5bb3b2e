"""The raw results, as files: one JSON document for each section."""

import json
import re
from pathlib import Path
from typing import Any

Results = dict[str, dict[str, Any]]
"""Documents by section."""

FOLDER = "benchmarks"


def read_results(folder: Path) -> Results:
    """Whatever has been measured."""
    return {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in sorted(folder.glob("*.json"))
    }


def write_results(folder: Path, section: str, document: dict[str, Any]) -> None:
    """One section; a list of numbers on one line, for a change of it is one change."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    # Inside strings there are no line ends.
    text = re.sub(r"\[\n[-\d.,\s]+\]", lambda found: re.sub(r"\s", "", found[0]), text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{section}.json").write_text(f"{text}\n", "utf-8")
