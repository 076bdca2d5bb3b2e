"""Dev mode stays in its box: who opens its keys, and who reaches it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pairsmith.cli.application import application
from pairsmith.errors import InvalidParameter
from pairsmith.registry.key_file_creation import DEV_MARK
from pairsmith.server import serving
from pairsmith.server.dev.mode import dev_mode
from pairsmith.server.dev.root_key import ensure_marked
from pairsmith.server.dev.seeding import seed_folder
from pairsmith.server.settings import Settings, with_setting
from pairsmith.testing import _free_port

SEED = "a seed of this test suite"
OPEN = "--dev-open-to-the-network"
MADE_BY_DEV = "made by pairsmith serve --dev"


def run(*words: str, **variables: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(application, words, env=variables)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were served; nobody waits for their end."""
    addresses: list[str] = []

    def serve(
        _: object, prepared: serving.Prepared, *__: object, **___: object
    ) -> None:
        prepared.listener.close()
        addresses.append(prepared.address)

    monkeypatch.setattr(serving, "serve", serve)
    monkeypatch.setenv("PAIRSMITH_LISTEN_PORT", str(_free_port()))
    return addresses


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty, of a shell that has nothing set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAIRSMITH_TLS_INSECURE_HTTP", "true")
    return tmp_path


@pytest.fixture
def dev_folder(folder: Path) -> Path:
    """The folder of a dev server, with a key in it."""
    made = folder / "dev"
    settings = with_setting(Settings(), "files", "folder", str(made))
    with dev_mode(settings) as mode:
        seed_folder(mode.settings, mode.seed)
    return made


def _as_file(root_key: Path) -> str:
    return f"file:{root_key}"


def _by_command(root_key: Path) -> str:
    code = f'print(open("{root_key}", "rb").read().hex())'
    return f"command:{sys.executable} -c '{code}'"


@pytest.mark.parametrize("way", [_as_file, _by_command])
@pytest.mark.parametrize(
    "command",
    [["init"], ["key", "create"], ["key", "list"], ["rewrap"], ["serve"], ["audit"]],
    ids=lambda command: command[0],
)
def test_commands_refuse_what_dev_has_made(
    dev_folder: Path, way: Callable[[Path], str], command: list[str]
) -> None:
    """Each command, with the root key as an option or in the environment."""
    if command == ["audit"]:
        command = ["audit", "verify", str(dev_folder / "pairsmith.db.audit.log")]
        (dev_folder / "pairsmith.db.audit.log").touch()
    database = f"sqlite:///{dev_folder / 'pairsmith.db'}"
    root_key = way(dev_folder / "pairsmith.db.root-key")
    for ran in (
        run("--database", database, "--root-key", root_key, *command),
        run(
            *command,
            PAIRSMITH_DATABASE=database,
            PAIRSMITH_ROOT_KEY_PROVIDER=root_key,
        ),
    ):
        assert (ran.exit_code, MADE_BY_DEV in ran.output) == (3, True), ran.output


def test_a_command_refuses_it_beside_its_database(dev_folder: Path) -> None:
    """Also where nothing was named but the database."""
    ran = run("--database", f"sqlite:///{dev_folder / 'pairsmith.db'}", "key", "list")
    assert (ran.exit_code, MADE_BY_DEV in ran.output) == (3, True), ran.output


def test_doctor_says_what_it_is(dev_folder: Path) -> None:
    """The root key is a problem, not one that opens the database."""
    database = f"sqlite:///{dev_folder / 'pairsmith.db'}"
    ran = run("--json", "--database", database, "doctor", "--quick")
    findings = json.loads(ran.stdout)["Findings"]
    (found,) = (each for each in findings if each["Subject"] == "Root key")
    assert (found["Verdict"], MADE_BY_DEV in found["Text"]) == ("problem", True)


def test_settings_do_not_serve_it(dev_folder: Path, served: list[str]) -> None:
    """Neither a settings file nor a variable lets serve open it without --dev."""
    place = dev_folder / "pairsmith.db"
    text = (
        f'[database]\nurl = "sqlite:///{place}"\nroot_key = "file:{place}.root-key"\n'
    )
    (dev_folder / "own.toml").write_text(text)
    file = run("serve", "--config", str(dev_folder / "own.toml"))
    variable = run(
        "serve",
        PAIRSMITH_DATABASE_URL=f"sqlite:///{place}",
        PAIRSMITH_DATABASE_ROOT_KEY=f"file:{place}.root-key",
    )
    for ran in (file, variable):
        assert (ran.exit_code, MADE_BY_DEV in ran.output) == (3, True), ran.output
    assert not served


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
@pytest.mark.parametrize("deterministic", [[], ["--deterministic", SEED]])
@pytest.mark.parametrize("way", ["option", "variable", "file", "named file"])
def test_dev_listens_on_the_loopback_only(
    folder: Path, served: list[str], host: str, deterministic: list[str], way: str
) -> None:
    """Wherever the address comes from; nothing is made before it is refused."""
    words, variables = ["serve", "--dev", "--folder", "dev", *deterministic], {}
    if way == "option":
        words += ["--host", host]
    elif way == "variable":
        variables["PAIRSMITH_LISTEN_HOST"] = host
    else:
        name = "pairsmith.toml" if way == "file" else "other.toml"
        (folder / name).write_text(f'[listen]\nhost = "{host}"\n')
        words += [] if way == "file" else ["--config", name]
    ran = run(*words, **variables)
    assert ran.exit_code == 1, ran.output
    assert OPEN in ran.output
    assert "loopback" in ran.output
    assert not served
    assert not (folder / "dev").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_dev_listens_on_any_loopback(
    folder: Path, served: list[str], host: str
) -> None:
    """By number or by name, with a seed or without."""
    for more in ([], ["--deterministic", SEED]):
        ran = run(
            "serve", "--dev", "--folder", str(folder / "dev"), "--host", host, *more
        )
        assert ran.exit_code == 0, ran.output
        assert "EXPOSED" not in ran.output
    assert len(served) == 2


def test_the_option_that_names_the_danger_opens_it(
    folder: Path, served: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens everywhere, over TLS, and says so on its first screen."""
    monkeypatch.setenv("PAIRSMITH_TLS_INSECURE_HTTP", "false")
    words = ["serve", "--dev", "--folder", str(folder / "dev"), "--host", "0.0.0.0"]
    ran = run(*words, OPEN)
    assert ran.exit_code == 0, ran.output
    assert "EXPOSED" in ran.output
    assert len(served) == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_deterministic_is_never_open(
    folder: Path, served: list[str], host: str
) -> None:
    """Both options together are refused, by the command and below it."""
    words = ["serve", "--dev", "--deterministic", SEED, "--host", host, OPEN]
    ran = run(*words, "--folder", str(folder / "dev"))
    assert ran.exit_code == 2, ran.output
    assert OPEN in ran.output
    settings = with_setting(Settings(), "files", "folder", str(folder / "dev"))
    with (
        pytest.raises(InvalidParameter, match="deterministic"),
        dev_mode(settings, deterministic=SEED, is_exposed=True),
    ):
        pass
    assert not served
    assert not (folder / "dev").exists()


def test_the_option_needs_dev(folder: Path, served: list[str]) -> None:
    """A real server is not opened by it, nor closed."""
    ran = run("serve", OPEN)
    assert (ran.exit_code, "--dev" in ran.output) == (2, True)
    assert not served
    assert not list(folder.iterdir())


def test_the_very_address_is_looked_at(folder: Path) -> None:
    """A name that leads elsewhere when it is listened on is refused then."""
    settings = with_setting(Settings(), "listen", "host", "0.0.0.0")
    with pytest.raises(InvalidParameter, match="not for others"):
        serving.prepare(settings, loopback_only="not for others")
    assert not list(folder.iterdir())


def test_a_link_in_its_place_is_kept(folder: Path) -> None:
    """The root key of a new folder is made where its link leads, marked and private."""
    made, elsewhere = folder / "dev", folder / "elsewhere"
    made.mkdir(mode=0o700)
    (made / "pairsmith.db.root-key").symlink_to(elsewhere)
    ensure_marked(made)
    assert elsewhere.read_bytes().startswith(DEV_MARK)
    assert elsewhere.lstat().st_mode & 0o777 == 0o600
