"""``pairsmith init``, ``key`` and ``alias``, as tables and as JSON."""

import re
import stat
from pathlib import Path

import pytest
from terminal import Terminal

KEY = r"key-[a-z0-9]{21}"


def test_init_makes_a_database_and_a_root_key_for_the_owner_only(
    tmp_path: Path,
) -> None:
    """Both are new files with mode 0600, and a second init leaves them as they are."""
    terminal = Terminal(tmp_path)
    made = terminal.ask("init")
    assert made["Created"] is True
    assert made["RootKey"] == f"file:{tmp_path}/kms.db.root-key"
    files = [tmp_path / "kms.db", tmp_path / "kms.db.root-key"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    root_key = files[1].read_bytes()
    assert terminal.ask("init")["Created"] is False
    assert files[1].read_bytes() == root_key
    assert "was there already" in terminal.do("init").stdout


def test_a_key_is_made_with_all_that_was_said_of_it(terminal: Terminal) -> None:
    """Description, tags, rotation and protection are there when it is described."""
    made = terminal.ask(
        "key", "create", "--description", "Geräte", "--tag", "team=edge",
        "--tag", "stage=", "--rotate-every", "30d", "--protect",
    )  # fmt: skip
    shown = terminal.ask("key", "describe", made["KeyId"])
    assert shown["Description"] == "Geräte"
    assert shown["Tags"] == [
        {"TagKey": "stage", "TagValue": ""},
        {"TagKey": "team", "TagValue": "edge"},
    ]
    assert shown["RotationInterval"] == "2592000s"
    assert shown["DeletionProtection"] == "Enabled"
    text = terminal.do("key", "describe", made["KeyId"]).stdout
    assert re.search(r"^Rotates every +30 days$", text, re.MULTILINE)
    assert re.search(r"^Tags +stage=, team=edge$", text, re.MULTILINE)


def test_keys_are_listed_with_their_aliases_in_the_order_they_were_made(
    terminal: Terminal, key_id: str
) -> None:
    """The table has one line per key, the JSON the form of the management API."""
    second = terminal.ask("key", "create")["KeyId"]
    lines = terminal.do("key", "list").stdout.splitlines()
    assert lines[0].split() == [
        "Key", "State", "Aliases", "Rotates", "Description",
    ]  # fmt: skip
    assert lines[1].split() == [key_id, "Enabled", "alias/devices", "devices"]
    assert lines[2].split() == [second, "Enabled"]
    assert lines[3] == "2 keys"
    page = terminal.ask("key", "list", "--page-size", "1", "--page", "2")
    assert [each["KeyId"] for each in page["Keys"]["Key"]] == [second]
    assert page["TotalCount"] == 2
    assert terminal.do("key", "list", "--page-size", 1).stdout.endswith("1 of 2 keys\n")


def test_keys_are_found_by_state_and_tag(terminal: Terminal, key_id: str) -> None:
    """Filters narrow the list; a tag may be given with or without its value."""
    other = terminal.ask("key", "create", "--tag", "team=edge")["KeyId"]
    terminal.do("key", "disable", key_id)

    def listed(*words: str) -> list[str]:
        keys = terminal.ask("key", "list", *words)["Keys"]["Key"]
        return [each["KeyId"] for each in keys]

    assert listed("--state", "Disabled") == [key_id]
    assert listed("--tag", "team") == [other]
    assert listed("--tag", "team=edge") == [other]
    assert listed("--tag", "team=core") == []


def test_a_key_goes_through_its_life_by_its_alias(
    terminal: Terminal, key_id: str
) -> None:
    """Every command takes an alias, and answers with the key as it is afterwards."""
    steps = [
        (("update-description", "alias/devices", "all"), "Description", "all"),
        (("disable", "alias/devices"), "KeyState", "Disabled"),
        (("enable", "alias/devices"), "KeyState", "Enabled"),
        (("protect", "alias/devices", "--because", "no"), "DeletionProtection",
         "Enabled"),
        (("unprotect", "alias/devices"), "DeletionProtection", "Disabled"),
        (("rotation-policy", "alias/devices", "--every", "7d"), "AutomaticRotation",
         "Enabled"),
        (("rotation-policy", "alias/devices", "--never"), "AutomaticRotation",
         "Disabled"),
        (("tag", "alias/devices", "a=1", "b=2"), "KeyState", "Enabled"),
        (("untag", "alias/devices", "a"), "KeyState", "Enabled"),
        (("schedule-deletion", "alias/devices", "--days", "7"), "KeyState",
         "PendingDeletion"),
        (("cancel-deletion", "alias/devices"), "KeyState", "Enabled"),
    ]  # fmt: skip
    for words, name, value in steps:
        answer = terminal.ask("key", *words)
        assert (answer["KeyId"], answer[name]) == (key_id, value), words
    tags = terminal.ask("key", "describe", key_id)["Tags"]
    assert tags == [{"TagKey": "b", "TagValue": "2"}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("disable",), "is disabled: it opens nothing either."),
        (("enable",), "is enabled."),
        (("tag", "a=1"), "has its tags."),
        (("untag", "a"), "has those tags no longer."),
        (("protect",), "is protected from deletion."),
        (("unprotect",), "may be deleted again."),
        (("rotation-policy", "--every", "9d"), "rotates every 9d."),
        (("update-description", "x"), "has a new description."),
        (("schedule-deletion", "--days", "9"),
         "will be destroyed in 9 days, and whatever it wraps with it."),
    ],
)  # fmt: skip
def test_people_are_told_in_one_sentence(
    terminal: Terminal, key_id: str, words: tuple[str, ...], said: str
) -> None:
    """The sentence begins with the real key id, also where the alias was given."""
    command, *rest = words
    answer = terminal.do("key", command, "alias/devices", *rest)
    assert answer.stdout == f"{key_id} {said}\n"


def test_rotation_adds_a_version_and_moves_the_primary(
    terminal: Terminal, key_id: str
) -> None:
    """The initial version stays what it was."""
    rotated = terminal.ask("key", "rotate", "alias/devices")
    shown = terminal.ask("key", "describe", key_id)
    assert shown["PrimaryKeyVersion"] == rotated["KeyVersionId"]
    listed = terminal.ask("key", "versions", key_id)["KeyVersions"]["KeyVersion"]
    assert listed[1] == rotated
    assert len(listed) == 2
    table = terminal.do("key", "versions", key_id).stdout
    assert re.search(rf"{KEY}-\w+ .*initial$", table, re.MULTILINE)
    assert re.search(rf"{rotated['KeyVersionId']} .*primary$", table, re.MULTILINE)
    said = terminal.do("key", "rotate", key_id).stdout
    assert re.fullmatch(rf"{KEY}-\w{{10}} is the primary version now\.\n", said)


def test_an_alias_moves_from_key_to_key_and_goes(
    terminal: Terminal, key_id: str
) -> None:
    """Create, update, list and delete, for people and for programs."""
    other = terminal.ask("key", "create")["KeyId"]
    said = terminal.do("alias", "create", "alias/a/b", key_id).stdout
    assert said == f"alias/a/b is {key_id} now.\n"
    moved = terminal.ask("alias", "update", "alias/a/b", other)
    assert moved == {"AliasName": "alias/a/b", "KeyId": other}
    lines = terminal.do("alias", "list").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["Alias", "Key"],
        ["alias/a/b", other],
        ["alias/devices", key_id],
        ["2", "aliases"],
    ]
    only = terminal.ask("alias", "list", "--key", "alias/devices")
    assert only["TotalCount"] == 1
    assert (
        "is gone; its key stays" in terminal.do("alias", "delete", "alias/a/b").stdout
    )
    assert terminal.ask("alias", "delete", "alias/devices") == {
        "AliasName": "alias/devices"
    }
    assert terminal.ask("alias", "list")["TotalCount"] == 0
    assert terminal.ask("key", "list")["TotalCount"] == 2


def test_options_count_before_and_after_the_command(
    terminal: Terminal, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands nearer to the command wins, and all of it over the environment."""
    monkeypatch.setenv("PAIRSMITH_DATABASE", "sqlite:////nowhere/kms.db")
    page = terminal.do("key", "list", "--json").document
    assert page["Keys"]["Key"][0]["KeyId"] == key_id
    after = terminal.run("key", "list", "--database", "sqlite:////nowhere/else.db")
    assert after.exit_code == 3
    assert "/nowhere/else.db" in after.stderr


def test_the_environment_names_database_and_root_key(
    terminal: Terminal, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without options, the two variables count."""
    from click.testing import CliRunner

    from pairsmith.cli import main

    monkeypatch.setenv("PAIRSMITH_DATABASE", terminal.database)
    result = CliRunner().invoke(main, ["key", "describe", key_id])
    assert (result.exit_code, key_id in result.stdout) == (0, True)
    monkeypatch.setenv("PAIRSMITH_ROOT_KEY_PROVIDER", "env:NOT_SET_AT_ALL")
    result = CliRunner().invoke(main, ["key", "describe", key_id])
    assert (result.exit_code, "NOT_SET_AT_ALL" in result.stderr) == (3, True)


def test_what_others_wrote_cannot_steer_the_terminal(terminal: Terminal) -> None:
    """Control characters and markup in a description are shown, not obeyed."""
    terminal.do("key", "create", "--description", "\x1b[31m[red]\u202e\r\n")
    for words in (("key", "list"), ("key", "list", "--json")):
        shown = terminal.do(*words).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert r"\x1b[31m[red]\u202e\r\n" in terminal.do("key", "list").stdout
