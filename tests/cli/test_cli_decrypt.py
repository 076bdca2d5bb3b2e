"""``pairsmith decrypt``, ``encrypt``, ``data-key``: what opens, and where it goes."""

import base64
import json
import stat
from pathlib import Path

import pytest
from terminal import Terminal

PAIR = ("generate", "alias/devices", "--spec", "EC_P256", "--with-plaintext")

pytestmark = pytest.mark.usefixtures("key_id")


@pytest.fixture
def plain(terminal: Terminal, tmp_path: Path, key_id: str) -> bytes:
    """The private key of ``pair.json``, as it was written in plain."""
    assert terminal.ask(*PAIR, "--out", tmp_path)["KeyId"] == key_id
    return (tmp_path / "pair.key").read_bytes()


def test_a_record_opens_into_a_file_of_the_owner(
    terminal: Terminal, tmp_path: Path, plain: bytes
) -> None:
    """Mode 0600; a file in the way stays unless --force is given."""
    target = tmp_path / "opened.pem"
    said = terminal.do("decrypt", tmp_path / "pair.json", "--out", target).stdout
    assert f"Written to   {target} ({len(plain)} bytes, mode 0600)" in said
    assert target.read_bytes() == plain
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    target.write_text("mine")
    words = ("decrypt", tmp_path / "pair.json", "--out", target)
    assert terminal.refused(*words)[1]["Code"] == "FileExists"
    assert target.read_text() == "mine"
    answer = terminal.ask(*words, "--force")
    assert answer["File"] == str(target)
    assert "Plaintext" not in answer
    assert target.read_bytes() == plain


def test_plaintext_reaches_stdout_only_by_a_hyphen(
    terminal: Terminal, tmp_path: Path, plain: bytes
) -> None:
    """Without --out nothing is decrypted; with --out - the bytes are all of stdout."""
    missing = terminal.run("decrypt", tmp_path / "pair.json")
    assert (missing.exit_code, missing.stdout) == (2, "")
    record = (tmp_path / "pair.json").read_bytes()
    piped = terminal.do("decrypt", "-", "--out", "-", stdin=record)
    assert piped.stdout_bytes == plain


@pytest.mark.parametrize("kind", ["plain", "advance"])
def test_a_bare_blob_opens_with_what_came_with_it(
    terminal: Terminal, tmp_path: Path, kind: str
) -> None:
    """Plain blobs need key, Iv and Aad; an Advance blob only its Aad."""
    words = ["--advance"] if kind == "advance" else []
    answer = terminal.ask(*PAIR, "--out", tmp_path, "--aad", "a", *words)
    blob = tmp_path / "blob"
    blob.write_bytes(base64.b64decode(answer["PrivateKeyCiphertextBlob"]))
    plain = (tmp_path / "pair.key").read_bytes()
    given = [] if words else ["--key-id", "alias/devices", "--iv", answer["Iv"]]
    opened = terminal.do("decrypt", blob, *given, "--aad", "a", "--out", "-")
    assert opened.stdout_bytes == plain
    code, error = terminal.refused("decrypt", blob, *given, "--aad", "b", "--out", "-")
    assert (code, error["Code"]) == (1, "InternalFailure")
    assert "do not belong together" in error["Message"]


def test_data_goes_in_and_comes_out(terminal: Terminal, tmp_path: Path) -> None:
    """``encrypt`` answers with a document that ``decrypt`` opens, plain and Advance."""
    for words in ([], ["--advance"]):
        answer = terminal.do(
            "encrypt", "alias/devices", "-", "--aad", "a", *words, stdin=b"\x00secret"
        )
        opened = terminal.do(
            "decrypt", "-", "--aad", "a", "--out", "-", stdin=answer.stdout_bytes
        )
        assert opened.stdout_bytes == b"\x00secret"
    (tmp_path / "data").write_bytes(b"12345")
    sealed = tmp_path / "sealed.json"
    said = terminal.do(
        "encrypt", "alias/devices", tmp_path / "data", "--out", sealed
    ).stdout
    assert said == f"{sealed} holds 5 bytes, encrypted.\n"
    assert terminal.do("decrypt", sealed, "--out", "-").stdout_bytes == b"12345"
    code, error = terminal.refused("encrypt", "alias/devices", "-", stdin=b"")
    assert (code, error["Code"]) == (1, "InvalidParameter")


def test_a_data_key_is_wrapped_and_in_plain_only_when_asked_for(
    terminal: Terminal, tmp_path: Path
) -> None:
    """The record opens to the very bytes that --with-plaintext wrote."""
    out = tmp_path / "out"
    out.mkdir()
    terminal.do("data-key", "alias/devices", "--out", out, "--name", "a")
    assert [file.name for file in out.iterdir()] == ["a.json"]
    answer = terminal.ask(
        "data-key", "alias/devices", "--bytes", 48, "--with-plaintext", "--advance",
        "--out", out, "--name", "b",
    )  # fmt: skip
    assert "Plaintext" not in answer
    plain = (out / "b.key").read_bytes()
    assert len(plain) == 48
    opened = terminal.do("decrypt", out / "b.json", "--out", "-")
    assert opened.stdout_bytes == plain
    code, error = terminal.refused("data-key", "alias/devices", "--bytes", 1025)
    assert (code, error["Code"]) == (1, "InvalidParameter")


def _flipped(record: dict[str, str]) -> dict[str, str]:
    blob = bytearray(base64.b64decode(record["PrivateKeyCiphertextBlob"]))
    blob[-1] ^= 1
    return record | {"PrivateKeyCiphertextBlob": base64.b64encode(blob).decode()}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "InternalFailure"),
        (b"\x01 no blob of ours", "InternalFailure"),
        (b"$\x00\x02" + b"key-" + b"a" * 21 + b"-" + b"b" * 10, "InternalFailure"),
        (b"{", "InvalidParameter"),
        (b"{}", "InvalidParameter"),
        (b'{"Type": "something else"}', "InvalidParameter"),
        (b'{"CiphertextBlob": "%%%"}', "InvalidParameter"),
        (b'{"CiphertextBlob": "AAAA", "KeyId": 7}', "InvalidParameter"),
    ],
)
def test_what_is_no_record_is_refused(
    terminal: Terminal, tmp_path: Path, content: bytes, code: str
) -> None:
    """Whatever the file holds: a documented code, and no file is made."""
    words = ["--key-id", "alias/devices"] if not content.startswith(b"{") else []
    exit_code, error = terminal.refused(
        "decrypt", "-", *words, "--out", tmp_path / "new", stdin=content
    )
    assert (exit_code, error["Code"]) == (1, code)
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("plain")
def test_a_changed_record_does_not_open(terminal: Terminal, tmp_path: Path) -> None:
    """A flipped bit, another Iv, Aad or key: one and the same answer."""
    record = json.loads((tmp_path / "pair.json").read_text())
    other = terminal.ask("key", "create")["KeyId"]
    for changed in (
        _flipped(record),
        record | {"Iv": "AAAAAAAAAAAAAAAA"},
        record | {"Aad": "AAAA"},
        record | {"KeyId": other},
    ):
        code, error = terminal.refused(
            "decrypt", "-", "--out", tmp_path / "new",
            stdin=json.dumps(changed).encode(),
        )  # fmt: skip
        assert (code, error["Code"]) == (1, "InternalFailure")
        assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("plain")
def test_a_record_has_its_own_iv(terminal: Terminal, tmp_path: Path) -> None:
    """Given again it could only contradict the record."""
    code, error = terminal.refused(
        "decrypt", tmp_path / "pair.json", "--iv", "AAAA", "--out", "-"
    )
    assert (code, error["Code"]) == (1, "InvalidParameter")
    assert "leave" in error["Message"]


@pytest.mark.usefixtures("plain")
def test_a_record_is_opened_for_what_was_expected(
    terminal: Terminal, tmp_path: Path
) -> None:
    """By alias or id and Aad; another key or Aad is refused."""
    record = tmp_path / "pair.json"
    told = json.loads(record.read_text())
    assert told["Aad"] == ""
    for key in ("alias/devices", told["KeyId"]):
        terminal.do("decrypt", record, "--key-id", key, "--aad", "", "--out", "-")
    other = terminal.ask("key", "create")["KeyId"]
    for words in (["--key-id", other], ["--aad", "x"]):
        code, error = terminal.refused("decrypt", record, *words, "--out", "-")
        assert error["Code"] == "InternalFailure"
        assert code != 0
    code, error = terminal.refused(
        "decrypt", record, "--key-id", "alias/no-such", "--out", "-"
    )
    assert "does not exist" in error["Message"]
