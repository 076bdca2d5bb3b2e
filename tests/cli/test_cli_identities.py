"""``pairsmith client`` and ``access-key``: files, lists, limits, revocation."""

import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from terminal import Terminal

KINDS = ["client", "access-key"]


def test_a_client_gets_the_two_files_that_clients_read(terminal: Terminal) -> None:
    """For the owner only; the password opens the key, and neither is shown."""
    place = terminal.folder / "out"
    place.mkdir()
    answer = terminal.do(
        "client", "create", "app", "--allow", "decrypt:*", "--out", place
    )
    files = sorted(place.iterdir(), key=lambda file: file.suffix)
    content, secret = files
    client_id = json.loads(content.read_bytes())["KeyId"]
    assert content.name == f"clientKey_{client_id}.json"
    assert secret.name == f"clientKey_{client_id}_Password.txt"
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    archive = base64.b64decode(json.loads(content.read_bytes())["PrivateKeyData"])
    key, _, _ = pkcs12.load_key_and_certificates(archive, secret.read_bytes())
    assert key is not None
    assert client_id in answer.stdout
    assert str(content) in answer.stdout
    assert secret.read_text() not in answer.stdout


def test_a_password_of_one_s_own_is_taken_and_not_copied(terminal: Terminal) -> None:
    """From a file or stdin, one line; a weak one is refused and not repeated."""
    own = terminal.folder / "own"
    own.write_text("correct-horse-1\n")
    made = terminal.ask("client", "create", "app", "--allow", "pairs:*",
                        "--out", terminal.folder, "--password-file", own)  # fmt: skip
    assert "Password" not in made
    assert list(terminal.folder.glob("*Password*")) == []
    archive = json.loads(Path(made["File"]).read_bytes())["PrivateKeyData"]
    pkcs12.load_key_and_certificates(base64.b64decode(archive), b"correct-horse-1")
    for wrong in ("shortpw", "", "pässwört1"):
        own.write_text(wrong, encoding="utf-8")
        code, error = terminal.refused("client", "create", "app", "--allow", "pairs:*",
                                       "--password-file", own)  # fmt: skip
        assert (code, error["Code"]) == (1, "InvalidParameter")
        assert not wrong or wrong not in str(error)
    assert len(terminal.ask("client", "list")) == 1


def test_an_access_key_s_secret_goes_to_a_file(terminal: Terminal) -> None:
    """And nowhere else."""
    answer = terminal.do("access-key", "create", "ops", "--allow", "manage,read:*",
                         "--out", terminal.folder)  # fmt: skip
    (file,) = terminal.folder.glob("accessKey_LTAI*.json")
    content = json.loads(file.read_bytes())
    assert content["AccessKeyId"] in answer.stdout
    assert content["AccessKeySecret"] not in answer.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shown = terminal.ask("access-key", "show", "ops")
    assert content["AccessKeySecret"] not in str(shown)


@pytest.mark.parametrize("kind", KINDS)
def test_one_lives_and_ends(terminal: Terminal, kind: str) -> None:
    """Made, listed, shown by name and id, limited, revoked, forgotten."""
    made = terminal.ask(kind, "create", "app", "--allow", "pairs:*",
                        "--not-after", "90d", "--out", terminal.folder)  # fmt: skip
    identity = made["Id"]
    end = datetime.fromisoformat(made["NotAfter"])
    assert timedelta(89) < end - datetime.now(UTC) <= timedelta(90)
    assert terminal.ask(kind, "show", "app") == terminal.ask(kind, "show", identity)
    changed = terminal.ask(kind, "allow", "app", "decrypt:alias/a-*", "GenerateRandom")
    assert changed["Allow"] == ["decrypt:alias/a-*", "GenerateRandom"]
    day = f"{datetime.now(UTC) + timedelta(1000):%Y-%m-%d}"
    ended = terminal.ask(kind, "until", identity, day)
    assert ended["NotAfter"] == f"{day}T00:00:00Z"
    lines = terminal.do(kind, "list").stdout.splitlines()
    assert lines[0].split()[:3] == ["Id", "Name", "State"]
    assert lines[1].split() == [
        identity, "app", "Valid", day, "decrypt:alias/a-*", "GenerateRandom",
    ]  # fmt: skip
    assert (
        terminal.do(kind, "revoke", "app").stdout == f"app ({identity}) is revoked.\n"
    )
    assert terminal.ask(kind, "show", identity)["State"] == "Revoked"
    assert terminal.do(kind, "remove", identity).stdout == f"{identity} is gone.\n"
    assert terminal.ask(kind, "list") == []


def test_a_name_that_means_two_is_refused(terminal: Terminal) -> None:
    """With their ids; once one is revoked the name means the other."""
    ids = [
        terminal.ask("access-key", "create", "app", "--allow", "read:*",
                     "--out", terminal.folder)["Id"]
        for _ in range(2)
    ]  # fmt: skip
    code, error = terminal.refused("access-key", "revoke", "app")
    assert (code, error["Code"]) == (1, "Ambiguous")
    assert all(each in error["Message"] for each in ids)
    terminal.do("access-key", "revoke", ids[0])
    assert terminal.ask("access-key", "show", "app")["Id"] == ids[1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_done_changes_nothing(terminal: Terminal, kind: str) -> None:
    """Unknown names, rules, dates and folders; no identity is left over."""
    create = (kind, "create", "app", "--allow")
    for words, code in (
        ((kind, "show", "nobody"), "InvalidAccessKeyId.NotFound"),
        ((kind, "remove", "nobody"), "InvalidAccessKeyId.NotFound"),
        ((kind, "revoke", "nobody"), "InvalidAccessKeyId.NotFound"),
        ((*create, "Decrypt"), "InvalidParameter"),
        ((*create, "read:*", "--not-after", "soon"), "InvalidParameter"),
        ((*create, "read:*", "--not-after", "99999d"), "InvalidParameter"),
        ((*create, "read:*", "--not-after", "2001-01-01"), "InvalidParameter"),
        ((*create, "read:*", "--out", terminal.folder / "nowhere"), "File"),
    ):
        assert terminal.refused(*words)[1]["Code"] == code
    assert terminal.run(kind, "create", "app").exit_code == 2
    assert terminal.ask(kind, "list") == []


NO_ENDS = [
    "soon", "", "d", "-1d", "1.5d", "99999d", "36500d", "9" * 400 + "d",
    "000000000999999999999d", "\u0661d", "1827d", "0000-01-01", "2027-02-30",
    "0001-01-01", "0001-01-01T00:00:00+14:00", "1949-12-31", "2001-01-01",
    "9999-12-31", "9999-12-31T23:59:59.999999", "9999-12-31T23:59:59-12:00",
    "10000-01-01", "2099-01-31",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_an_end_that_cannot_be_is_refused(terminal: Terminal, kind: str) -> None:
    """Beyond the longest validity, before the beginning, or no date at all."""
    create = (kind, "create", "app", "--allow", "read:*", "--out", terminal.folder)
    for when in NO_ENDS:
        code, error = terminal.refused(*create, f"--not-after={when}")
        assert (code, error["Code"]) == (1, "InvalidParameter"), when
    assert terminal.ask(kind, "list") == []
    made = terminal.ask(*create, "--not-after", "1826d")
    for when in NO_ENDS:
        code, error = terminal.refused(kind, "until", made["Id"], "--", when)
        assert (code, error["Code"]) == (1, "InvalidParameter"), when
    assert terminal.ask(kind, "show", made["Id"])["NotAfter"] == made["NotAfter"]


@pytest.mark.parametrize("kind", KINDS)
def test_rules_that_allow_nothing_are_refused(terminal: Terminal, kind: str) -> None:
    """Rules on clients name clients; what they say is told."""
    create = (kind, "create", "app", "--out", terminal.folder, "--allow")
    made = terminal.ask(*create, "clients:team-a-*")
    assert made["Allow"] == ["clients:team-a-*"]
    for rule in ("clients", "clients:alias/app", "read,clients:team-a", "read:team-a"):
        for words in ((*create, rule), (kind, "allow", made["Id"], rule)):
            code, error = terminal.refused(*words)
            assert (code, error["Code"]) == (1, "InvalidParameter")
            assert "clients" in error["Message"] or "names no keys" in error["Message"]
    assert terminal.ask(kind, "show", made["Id"])["Allow"] == ["clients:team-a-*"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_identity_whose_file_cannot_be_written_is_not_left(
    terminal: Terminal, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that refuses leaves neither a file nor a right that nobody can use."""

    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", refused)
        code, _ = terminal.refused(kind, "create", "app", "--allow", "read:*",
                                   "--out", terminal.folder)  # fmt: skip
    assert code == 3
    assert terminal.ask(kind, "list") == []
    assert list(terminal.folder.glob("*Key_*")) == []
