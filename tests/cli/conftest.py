"""What the tests of the command line share: an instance of their own, and a key."""

import shutil
from pathlib import Path

import pytest
from terminal import Terminal


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new database, for every test to copy: making one takes long."""
    folder = tmp_path_factory.mktemp("made-once")
    Terminal(folder).do("init")
    return folder


@pytest.fixture
def terminal(made_once: Path, tmp_path: Path) -> Terminal:
    """A terminal on a new database."""
    for file in made_once.iterdir():
        shutil.copy2(file, tmp_path)
    return Terminal(tmp_path)


@pytest.fixture
def key_id(terminal: Terminal) -> str:
    """A key in it, with the alias ``alias/devices``."""
    made: str = terminal.ask("key", "create", "--description", "devices")["KeyId"]
    terminal.do("alias", "create", "alias/devices", made)
    return made
