"""Everything that the documentation shows is done here, page by page, as it stands."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

from pairsmith.cli import main

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
MARK = "-- end of a command --"

NOT_WRITTEN_HERE = {
    ROOT / "docs/dev-server.md",
    ROOT / "docs/formats.md",
    ROOT / "docs/server.md",
}
"""Pages whose code has tests of its own."""


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The code blocks of a language, each with the line it begins on."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start(2)), match[2])
        for match in BLOCK.finditer(text)
        if match[1] == language
    ]


def pages_with(language: str) -> list[Any]:
    """The pages that have such blocks, named as in the repository."""
    return [
        pytest.param(page, id=str(page.relative_to(ROOT)))
        for page in PAGES
        if blocks(page, language) and page not in NOT_WRITTEN_HERE
    ]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, as the reader has."""
    for name in [name for name in os.environ if name.startswith("PAIRSMITH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("page", pages_with("python"))
def test_python_does_what_the_page_says(page: Path) -> None:
    """The blocks of a page are one program, from top to bottom."""
    names: dict[str, Any] = {"__name__": "page"}
    for line, source in blocks(page, "python"):
        code = compile("\n" * line + source, str(page), "exec")
        exec(code, names)  # noqa: S102 -- the page is ours


@pytest.mark.parametrize("page", pages_with("console"))
def test_commands_answer_what_the_page_shows(page: Path, here: Path) -> None:
    """The transcripts of a page are one session; ``…`` stands for anything."""
    steps = [step for _, text in blocks(page, "console") for step in transcript(text)]
    script = "".join(f"{command} 2>&1\necho '{MARK}'\n" for command, _ in steps)
    programs = Path(sys.executable).parent
    session = subprocess.run(
        ["bash"],
        input=script,
        cwd=here,
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = session.stdout.split(f"{MARK}\n")
    assert len(answers) == len(steps) + 1, session.stdout
    for (command, shown), answer in zip(steps, answers, strict=False):
        assert matches(shown, answer), f"$ {command}\n{answer}\n--- shown:\n{shown}"


def transcript(text: str) -> Iterator[tuple[str, str]]:
    """Commands, which follow a ``$``, and what they are shown to answer."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, answer = part.partition("\n")
        yield command, answer


def matches(shown: str, answer: str) -> bool:
    """Whether an answer is as shown, but for white space and what ``…`` stands for."""
    pieces = " ".join(shown.split()).split("…")
    pattern = ".*".join(re.escape(piece.strip()) for piece in pieces)
    return re.fullmatch(pattern, " ".join(answer.split()), re.DOTALL) is not None


def test_a_transcript_that_shows_something_else_does_not_match() -> None:
    """The comparison can fail."""
    assert matches("key-… is  it\n", "key-abc is it\n")
    assert not matches("key-… is it", "key-abc is not it")
    assert not matches("", "something")


@pytest.mark.parametrize("page", pages_with("sh"))
def test_what_is_not_run_here_is_a_make_target(page: Path) -> None:
    """Building and testing cannot be a part of a test, but the targets exist."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for _, source in blocks(page, "sh"):
        for line in source.splitlines():
            command, target = line.split("#")[0].split()
            assert command == "make", line
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), line


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]
)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is to a file that exists, and a heading that it has."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target, anchor in LINK.findall(text):
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
            assert anchor in {slug(each) for each in headings}, f"{target}#{anchor}"


def slug(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def test_every_command_and_option_is_in_the_guide() -> None:
    """docs/cli.md leaves nothing out."""
    guide = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for path, command in leaves(main, ()):
        assert re.search(rf"`{' '.join(path)}\b", guide), path
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("--"):
                    assert option in guide, (path, option)


def leaves(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, (*path, name))
    else:
        yield path, command


@pytest.fixture
def errors_table() -> ModuleType:
    """The program that writes the table of errors."""
    place = ROOT / "docs/errors_table.py"
    found = importlib.util.spec_from_file_location("errors_table", place)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_table_of_errors_is_the_catalogue(errors_table: ModuleType) -> None:
    """Run ``python docs/errors_table.py`` when this fails."""
    page = errors_table.PAGE.read_text(encoding="utf-8")
    assert errors_table.page_with(errors_table.table()) == page
    assert errors_table.page_with("") != page
