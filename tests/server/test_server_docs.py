"""docs/server.md: the stranger's path is walked as it stands."""

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from official import PYTHON

from pairsmith import Instance
from pairsmith.cli.application import application
from pairsmith.testing import RunningServer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")


def test_the_first_pair_is_made_as_written(pairsmith_server: RunningServer) -> None:
    """The page's program, in the SDK's environment, prints a public key."""
    with pairsmith_server.open_instance() as instance:
        instance.create_alias("alias/first", instance.create_key().key_id)
    program = re.search(r"```python\n(from glob.*?)```", PAGE, re.DOTALL)
    assert program is not None
    text = program[1].replace("127.0.0.1:8443", pairsmith_server.endpoint)
    ran = subprocess.run(
        [PYTHON, "-c", text],
        cwd=pairsmith_server.folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.startswith("-----BEGIN PUBLIC KEY-----\n"), ran.stderr


def test_the_first_start_prints_what_is_written(
    pairsmith_server: RunningServer,
) -> None:
    """Names, places and order are those of the page."""
    identity = pairsmith_server.client_key_file.stem.removeprefix("clientKey_")
    printed = pairsmith_server.log.replace(f"{pairsmith_server.folder}/", "")
    printed = printed.replace(identity, "KAAP.…")
    printed = printed.replace(str(pairsmith_server.port), "8443")
    written = re.search(r"^CA for clients.*?8443$", PAGE, re.DOTALL | re.MULTILINE)
    assert written is not None
    assert written[0] in printed


def test_commands_before_it_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Init, the first key and its alias, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    key_id = "key-…"
    written = re.findall(r"^\$ pairsmith ((?:init|key|alias).*)$", PAGE, re.MULTILINE)
    assert len(written) == 3
    for command in written:
        arguments = command.replace("key-…", key_id).split()
        printed = CliRunner().invoke(application, arguments)
        assert printed.exit_code == 0, printed.output
        created = re.search(r"^Key +(key-\w+)", printed.output)
        key_id = created[1] if created else key_id
    with Instance.open() as instance:
        assert instance.describe_key("alias/first").key_id == key_id
