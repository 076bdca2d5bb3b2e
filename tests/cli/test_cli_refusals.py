"""What Pairsmith refuses at a terminal: exit code, code, and what to do next."""

import re
from pathlib import Path

import pytest
from terminal import ABSENT, KEY_COMMANDS, Terminal, with_key


@pytest.mark.parametrize("words", KEY_COMMANDS, ids=" ".join)
def test_a_key_that_is_not_there_is_refused_everywhere(
    terminal: Terminal, key_id: str, words: tuple[str, ...]
) -> None:
    """An unknown id, an unknown alias, and what can be neither."""
    assert key_id
    unknown = {"Forbidden.KeyNotFound", "Forbidden.AliasNotFound"}
    for key, codes in [
        (ABSENT, unknown),
        ("alias/absent", unknown),
        ("../../etc/passwd", {"InvalidParameter"}),
        ("schlüssel", {"InvalidParameter"}),
        ("a\x1b[31mb", {"InvalidParameter"}),
        ("", {"InvalidParameter"}),
    ]:
        code, error = terminal.refused(*with_key(words, key), stdin=b"data")
        assert (code, error["Code"] in codes) == (1, True), error
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                            error["RequestId"])  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["devices", "alias/", "alias/é", "alias/a\nb", "alias/..", "alias/acs/x",
     "alias/" + "x" * 256],
)  # fmt: skip
def test_a_name_that_no_alias_may_have_is_refused(
    terminal: Terminal, key_id: str, name: str
) -> None:
    """Wrong prefix, empty, other scripts, control characters, dots, reserved, long."""
    code, error = terminal.refused("alias", "create", name, key_id)
    assert (code, error["Code"]) == (1, "InvalidParameter")
    assert terminal.ask("alias", "list")["TotalCount"] == 1


def test_the_state_of_a_key_is_named_with_the_command_that_changes_it(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """Disabled, waiting for deletion, protected: the documented code and a way out."""
    terminal.do("generate", key_id, "--spec", "EC_P256", "--out", tmp_path)
    uses = [
        ("generate", key_id, "--spec", "EC_P256", "--out", tmp_path, "--name", "b"),
        ("decrypt", tmp_path / "pair.json", "--out", tmp_path / "c"),
    ]
    terminal.do("key", "disable", key_id)
    for words in uses:
        code, error = terminal.refused(*words)
        assert (code, error["Code"]) == (1, "Rejected.Disabled")
        assert error["Next"] == "pairsmith key enable KEY lets it work again."
    terminal.do("key", "schedule-deletion", key_id, "--days", 7)
    for words in uses:
        code, error = terminal.refused(*words)
        assert (code, error["Code"]) == (1, "Rejected.PendingDeletion")
        assert "cancel-deletion" in error["Next"]
    code, error = terminal.refused("key", "enable", key_id)
    assert (code, error["Code"]) == (1, "Rejected.StateModifiedFailed")
    assert not (tmp_path / "b.json").exists()
    terminal.do("key", "cancel-deletion", key_id)
    terminal.do("key", "protect", key_id)
    code, error = terminal.refused("key", "schedule-deletion", key_id, "--days", 7)
    assert (code, error["Code"]) == (1, "Rejected.UnsupportedOperation")
    assert "unprotect" in error["Next"]
    for words in uses:
        terminal.do(*words)


def test_a_second_alias_of_that_name_is_refused(
    terminal: Terminal, key_id: str
) -> None:
    """The first stays bound as it was."""
    code, error = terminal.refused("alias", "create", "alias/devices", key_id)
    assert (code, error["Code"]) == (1, "AliasAlreadyExists")


def test_people_read_what_happened_which_code_and_what_next(
    terminal: Terminal,
) -> None:
    """Three lines on stderr, nothing on stdout."""
    answer = terminal.run("key", "describe", "alias/absent")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert re.fullmatch(
        r"Error: alias/absent does not exist[^\n]*\n"
        r"Code:  Forbidden.AliasNotFound, request [0-9a-f-]{36}\n"
        r"Next:  pairsmith alias list shows every alias\.\n",
        answer.stderr,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "KEY", "--spec", "RSA_1024"),
        ("generate", "KEY", "--spec", "rsa_2048"),
        ("generate", "KEY", "--spec", "EC_P256", "--format", "JWK"),
        ("generate", "KEY"),
        ("key", "rotation-policy", "KEY"),
        ("key", "rotation-policy", "KEY", "--never", "--every", "7d"),
        ("key", "schedule-deletion", "KEY", "--days", "soon"),
        ("key", "describe"),
        ("key", "forge", "KEY"),
        ("--loud",),
    ],
    ids=" ".join,
)
def test_a_command_that_is_not_understood_ends_with_2(
    terminal: Terminal, key_id: str, words: tuple[str, ...]
) -> None:
    """The usage of that very command, and what would have been right."""
    answer = terminal.run(*with_key(words, key_id))
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith("Usage: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("key", "create", "--tag", "no-value"), "NAME=VALUE"),
        (("key", "create", "--tag", "a=1", "--tag", "a=2"), "once"),
        (("key", "create", "--tag", "acs:x=1"), "acs:"),
        (("key", "create", "--rotate-every", "1d"), "7 to 365 days"),
        (("key", "create", "--description", "\udc80"), "surrogates"),
        (("key", "schedule-deletion", "KEY", "--days", "6"), "7 to 366"),
        (("key", "list", "--page-size", "101"), "1 to 100"),
        (("key", "list", "--page", "0"), "from 1"),
        (("generate", "KEY", "--spec", "EC_P256", "--wait", "-1"), "86400"),
    ],
)
def test_a_value_outside_its_limits_names_them(
    terminal: Terminal, key_id: str, words: tuple[str, ...], said: str
) -> None:
    """``InvalidParameter``, and what would be right."""
    code, error = terminal.refused(*with_key(words, key_id))
    assert (code, error["Code"]) == (1, "InvalidParameter")
    assert said in error["Message"]
