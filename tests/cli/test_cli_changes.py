"""Every command that changes the registry leaves a line, which the commands show."""

import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from terminal import Terminal

from pairsmith.cli import main

DAY = f"{datetime.now(UTC) + timedelta(days=1000):%Y-%m-%d}"
"""Until when credentials are to be valid."""


@dataclass(frozen=True)
class World:
    """A key with an alias and three versions; a client key and an access key."""

    terminal: Terminal
    key: str
    versions: list[str]
    client: str
    access_key: str

    def named(self, word: str) -> str:
        """The word, or what stands in its place."""
        places = {
            "KEY": self.key,
            "VERSION": self.versions[1],
            "CLIENT": self.client,
            "ACCESS_KEY": self.access_key,
        }
        return places.get(word, word)


@pytest.fixture(scope="module")
def furnished(
    made_once: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, World]:
    """A folder with all that, for every test to copy."""
    folder = tmp_path_factory.mktemp("furnished")
    for file in made_once.iterdir():
        shutil.copy2(file, folder)
    terminal = Terminal(folder)
    key = terminal.ask("key", "create", "--tag", "old=tag")["KeyId"]
    terminal.do("alias", "create", "alias/devices", key)
    terminal.do("key", "rotate", key)
    terminal.do("key", "rotate", key)
    listed = terminal.ask("key", "versions", key)["KeyVersions"]["KeyVersion"]
    versions = [each["KeyVersionId"] for each in listed]
    out = ("--out", folder)
    client = terminal.ask("client", "create", "app", "--allow", "decrypt:*", *out)
    access_key = terminal.ask(
        "access-key", "create", "ops", "--allow", "decrypt:*", *out
    )
    return folder, World(terminal, key, versions, client["Id"], access_key["Id"])


@pytest.fixture
def world(
    furnished: tuple[Path, World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """All that in a folder of one's own, which commands write to."""
    monkeypatch.chdir(tmp_path)
    folder, made = furnished
    shutil.copytree(folder, tmp_path / "own")
    return World(
        Terminal(tmp_path / "own"), made.key, made.versions, made.client,
        made.access_key,
    )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A command line that changes something.

    Attributes:
        words: After the command's own; capitals stand for what the world has.
        about: Words that its line must have.
        operation: The line's.
        first: Commands that make it possible.
        tamper: What somebody has done to the database.
    """

    words: tuple[str, ...]
    about: tuple[str, ...]
    operation: str
    first: tuple[tuple[str, ...], ...] = ()
    tamper: str = ""


TAMPER = "UPDATE tags SET tag_value = 'core'"


def identities(command: str, name: str) -> dict[str, Case]:
    """What clients and access keys both have."""
    return {
        f"{command} allow": Case(
            (name, "GenerateRandom", "Encrypt:KEY"),
            (name, "GenerateRandom", "Encrypt:KEY"), "",
        ),
        f"{command} until": Case((name, DAY), (name, f"{DAY}T"), ""),
        f"{command} revoke": Case((name,), (name,), ""),
        f"{command} remove": Case((name,), (name,), ""),
    }  # fmt: skip


CHANGING: dict[str, Case] = {
    "key create": Case(
        ("--description", "orders", "--tag", "team=core", "--rotate-every", "30d"),
        ("orders", "team", "core", "2592000s"), "CreateKey",
    ),
    "key update-description": Case(
        ("KEY", "new text"), ("KEY", "new text"), "UpdateKeyDescription"
    ),
    "key enable": Case(("KEY",), ("KEY", "Enabled"), "EnableKey"),
    "key disable": Case(("KEY",), ("KEY", "Disabled"), "DisableKey"),
    "key tag": Case(
        ("alias/devices", "team=core"), ("KEY", "team", "core"), "TagResource"
    ),
    "key untag": Case(
        ("alias/devices", "old"), ("KEY", "old", "tag"), "UntagResource"
    ),
    "key rotate": Case(("alias/devices",), ("KEY",), "CreateKeyVersion"),
    "key rotation-policy": Case(
        ("KEY", "--every", "77d"), ("KEY", "6652800s"), "UpdateRotationPolicy"
    ),
    "key protect": Case(
        ("KEY", "--because", "in use"), ("KEY", "in use"), "SetDeletionProtection"
    ),
    "key unprotect": Case(("KEY",), ("KEY",), "SetDeletionProtection"),
    "key schedule-deletion": Case(
        ("KEY", "--days", "17"), ("KEY", "17"), "ScheduleKeyDeletion"
    ),
    "key cancel-deletion": Case(
        ("KEY",), ("KEY",), "CancelKeyDeletion",
        (("key", "schedule-deletion", "KEY", "--days", "7"),),
    ),
    "key retire-version": Case(
        ("KEY", "VERSION", "--without-census"), ("KEY", "VERSION"), "RetireKeyVersion"
    ),
    "key restore-version": Case(
        ("KEY", "VERSION"), ("KEY", "VERSION"), "RestoreKeyVersion",
        (("key", "retire-version", "KEY", "VERSION", "--without-census"),),
    ),
    "key repair": Case(
        ("KEY",), ("KEY", "alias/devices", "fault"), "RepairKey", tamper=TAMPER
    ),
    "alias create": Case(
        ("alias/new", "alias/devices"), ("KEY", "alias/new"), "CreateAlias"
    ),
    "alias update": Case(
        ("alias/devices", "KEY"), ("KEY", "alias/devices"), "UpdateAlias"
    ),
    "alias delete": Case(("alias/devices",), ("KEY", "alias/devices"), "DeleteAlias"),
    "client create": Case(
        ("new", "--allow", "Encrypt:KEY", "--not-after", DAY),
        ("new", "Encrypt:KEY", f"{DAY}T"), "",
    ),
    "access-key create": Case(
        ("new", "--allow", "decrypt:KEY", "--not-after", DAY),
        ("new", "decrypt:KEY", f"{DAY}T"), "",
    ),
    **identities("client", "CLIENT"),
    **identities("access-key", "ACCESS_KEY"),
    "rewrap": Case((), (), "EndRewrap"),
}  # fmt: skip

READING = {
    "key describe", "key list", "key versions", "alias list", "client list",
    "client show", "access-key list", "access-key show", "audit verify", "audit head",
    "audit changes", "doctor", "public-key", "bulk", "bulk verify", "bench",
    "generate", "encrypt", "data-key", "decrypt", "re-encrypt", "rewrap-records",
}  # fmt: skip
"""Those that change nothing in the registry."""

ELSEWHERE = {"init", "serve", "demo"}
"""``init`` and ``demo`` make databases of their own; ``serve`` has test_serve.py."""


def leaves(command: click.Command, words: tuple[str, ...] = ()) -> set[str]:
    """Every command that does something, by its words."""
    if not isinstance(command, click.Group):
        return {" ".join(words)}
    own = {" ".join(words)} if command.invoke_without_command else set()
    found = (leaves(each, (*words, name)) for name, each in command.commands.items())
    return own.union(*found)


def tampered(terminal: Terminal, statement: str) -> None:
    """Reach into the database."""
    with sqlite3.connect(terminal.folder / "kms.db") as connection:
        connection.execute(statement)
    connection.close()


def test_every_command_has_a_case() -> None:
    """A new one fails here until somebody says whether it changes something."""
    assert leaves(main) == CHANGING.keys() | READING | ELSEWHERE


@pytest.mark.parametrize("command", CHANGING)
def test_every_changing_command_leaves_a_line(command: str, world: World) -> None:
    """By that command, about all that was typed and made, and whole."""
    case, terminal = CHANGING[command], world.terminal
    for words in case.first:
        terminal.do(*map(world.named, words))
    if case.tamper:
        tampered(terminal, case.tamper)
    before = terminal.ask("audit", "verify", "--changes")["Changes"]["Lines"]
    rules = [world.named(word).replace(":KEY", f":{world.key}") for word in case.words]
    makes_file = command in ("client create", "access-key create")
    more = ("--out", terminal.folder) if makes_file else ()
    made = terminal.ask(*command.split(), *rules, *more)
    (line,) = terminal.ask("audit", "changes", "--count", "1")
    added = 2 if command == "rewrap" else 1
    assert line["sequence"] == before + added
    assert line["is_authentic"]
    assert line["outcome"] == "OK"
    if case.operation:
        assert line["operation"] == case.operation
    assert (line["actor"]["kind"], line["actor"]["command"]) == (
        "command line",
        command,
    )
    text = str(line)
    about = [world.named(each).replace(":KEY", f":{world.key}") for each in case.about]
    about += [made[name] for name in ("Id", "KeyId", "KeyVersionId") if name in made]
    assert [word for word in about if word not in text] == []
    assert terminal.ask("audit", "verify", "--changes")["Changes"]["Lines"] == (
        before + added
    )


LOOKING = [
    ("key", "describe", "KEY"), ("key", "list"), ("alias", "list"),
    ("client", "list"), ("client", "show", "CLIENT"), ("audit", "changes"),
    ("encrypt", "KEY", "-"), ("data-key", "KEY"), ("doctor", "--quick"),
]  # fmt: skip
REFUSED = [
    ("alias", "create", "alias/devices", "KEY"), ("client", "revoke", "nobody"),
    ("key", "cancel-deletion", "KEY"), ("key", "enable", "key-nothing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "succeeds"),
    [(words, True) for words in LOOKING] + [(words, False) for words in REFUSED],
)
def test_what_changes_nothing_leaves_no_line(
    words: tuple[str, ...], world: World, *, succeeds: bool
) -> None:
    """Neither what only looks, nor what is refused."""
    before = world.terminal.ask("audit", "head", "--changes")
    answer = world.terminal.run(*map(world.named, words), stdin=b"text")
    assert (answer.exit_code == 0) is succeeds, answer
    assert world.terminal.ask("audit", "head", "--changes") == before


def test_the_change_log_is_shown(world: World) -> None:
    """The newest first, page by page, and by what lines are about."""
    terminal = world.terminal
    said = terminal.do("audit", "changes").stdout.splitlines()
    assert said[0].split() == ["Line", "When", "What", "Who", "About"]
    shown = terminal.ask("audit", "changes")
    assert len(shown) == shown[0]["sequence"] == 6
    assert terminal.ask("audit", "changes", "--count", "2") == shown[:2]
    assert terminal.ask("audit", "changes", "--before", "5") == shown[2:]
    operations = [each["operation"] for each in shown]
    assert operations[2:] == [
        "CreateKeyVersion", "CreateKeyVersion", "CreateAlias", "CreateKey"
    ]  # fmt: skip
    assert terminal.ask("audit", "changes", "--key", world.key) == shown[2:]
    for name in ("alias/devices", world.versions[1], world.client):
        found = terminal.ask("audit", "changes", "--about", name)
        assert found
        assert all(name in str(each) for each in found)
    text = terminal.do("audit", "changes", "--about", "alias/devices").stdout
    assert "CreateAlias" in text
    assert ": alias create" in text
    assert "alias/devices" in text


def test_a_changed_line_is_named(world: World) -> None:
    """By verify and by doctor; shown as what it is; the exit codes are documented."""
    terminal = world.terminal
    assert (
        "whole",
        terminal.ask("audit", "verify", "--changes")["Changes"]["Lines"],
    ) == ("whole", 6)
    assert "whole, 6 lines" in terminal.do("audit", "verify", "--changes").stdout
    assert finding(terminal)["Verdict"] == "good"
    tampered(terminal, "UPDATE changes SET entry = replace(entry, 'OK', 'KO') "
             "WHERE sequence = 3")  # fmt: skip
    code, error = terminal.refused("audit", "verify", "--changes")
    assert (code, error["Code"]) == (1, "ChangeLogBroken")
    assert "line 3" in error["Message"]
    assert "line 3" in finding(terminal)["Text"]
    shown = terminal.ask("audit", "changes")
    authentic = [each["sequence"] for each in shown if each["is_authentic"]]
    assert authentic == [6, 5, 4, 2, 1]
    assert "NOT AUTHENTIC" in terminal.do("audit", "changes").stdout


def finding(terminal: Terminal) -> Any:
    """What doctor says of the change log."""
    findings = terminal.run("--json", "doctor", "--quick").document["Findings"]
    return next(each for each in findings if each["Subject"] == "Change log")


def test_an_anchor_shows_that_the_database_was_put_back(world: World) -> None:
    """All of it, authentic as it is: only what was noted elsewhere tells."""
    terminal = world.terminal
    anchor = terminal.do("audit", "head", "--changes").stdout.strip()
    assert anchor.startswith("changes:6:")
    seen = terminal.ask("audit", "verify", "--changes", "--anchor", anchor)
    assert seen["Changes"] == {"Lines": 6, "Head": anchor, "AnchorFound": True}
    backup = terminal.folder.parent / "backup"
    shutil.copytree(terminal.folder, backup)
    terminal.do("alias", "delete", "alias/devices")
    later = terminal.do("audit", "head", "--changes").stdout.strip()
    back = Terminal(backup)
    assert back.ask("audit", "verify", "--changes")["Changes"]["Lines"] == 6
    code, error = back.refused("audit", "verify", "--changes", "--anchor", later)
    assert (code, error["Code"]) == (1, "ChangeLogBroken")
    assert "rolled back" in error["Message"]
    back.do("key", "rotate", world.key)
    assert back.refused("audit", "verify", "--changes", "--anchor", later)[0] == 1


def test_options_that_contradict_each_other_are_refused(world: World) -> None:
    """An anchor of a log that is not read would be believed to be compared."""
    anchor = f"7:{'0' * 64}"
    for words in (
        ("verify", "--changes", "--anchor", anchor),
        ("verify", "--without-key", "--anchor", f"changes:{anchor}"),
        ("verify", "--anchor", anchor, "--anchor", anchor),
        ("verify", "--changes", "--without-key"),
        ("verify", "--changes", "some.log"),
        ("head", "--changes", "--without-key"),
    ):
        assert world.terminal.run("audit", *words).exit_code == 2, words
    for text in ("changes:7", "changes:", "7"):
        code, error = world.terminal.refused("audit", "verify", "--anchor", text)
        assert (code, "audit head" in error["Message"]) == (1, True)
