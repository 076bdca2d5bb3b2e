"""``pairsmith generate``: which files there are, what is in them, and what never is."""

import base64
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from terminal import Terminal

from pairsmith import Instance, WrappedKeyPair, output_files

EC = ("generate", "alias/devices", "--spec", "EC_P256")

pytestmark = pytest.mark.usefixtures("key_id")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for the files."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    """The files in a folder, hidden ones included."""
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("kind", ["plain", "advance"])
@pytest.mark.parametrize("key_format", ["PEM", "DER"])
@pytest.mark.parametrize("spec", ["RSA_2048", "EC_P256", "EC_P256K"])
def test_a_pair_is_two_files_and_its_record_opens(
    terminal: Terminal, out: Path, key_id: str, spec: str, key_format: str, kind: str
) -> None:
    """By default there is no private key in plain; decrypting the record gives it."""
    words = ["--advance"] if kind == "advance" else []
    answer = terminal.ask(
        "generate", "alias/devices", "--spec", spec, "--format", key_format,
        "--out", out, "--name", "device", *words,
    )  # fmt: skip
    assert names(out) == ["device.json", "device.pub"]
    assert answer["KeyId"] == key_id
    assert ("KeyVersionId" in answer) is (kind == "advance")
    assert "PrivateKeyPlaintext" not in answer
    assert answer["Files"]["Record"] == str(out / "device.json")
    terminal.do("decrypt", out / "device.json", "--out", out / "opened")
    load, encoding = {
        "PEM": (serialization.load_pem_private_key, serialization.Encoding.PEM),
        "DER": (serialization.load_der_private_key, serialization.Encoding.DER),
    }[key_format]
    public_key = load((out / "opened").read_bytes(), None).public_key()
    public = public_key.public_bytes(
        encoding, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public == (out / "device.pub").read_bytes()
    assert public == base64.b64decode(answer["PublicKey"])


def test_the_private_key_is_written_only_when_asked_for(
    terminal: Terminal, out: Path
) -> None:
    """With --with-plaintext NAME.key is what the record holds, and not on stdout."""
    said = terminal.do(*EC, "--with-plaintext", "--out", out, "--name", "a")
    assert names(out) == ["a.json", "a.key", "a.pub"]
    plain = (out / "a.key").read_text()
    assert plain.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert plain.splitlines()[1] not in said.stdout
    assert terminal.do("decrypt", out / "a.json", "--out", "-").stdout == plain
    machine = terminal.do(
        "--json", *EC, "--with-plaintext", "--out", out, "--name", "b"
    )
    assert "PrivateKeyPlaintext" not in machine.document
    secret = base64.b64encode((out / "b.key").read_bytes()).decode()
    assert secret[:40] not in machine.stdout
    terminal.do(*EC, "--without-plaintext", "--out", out, "--name", "c")
    assert not (out / "c.key").exists()


def test_files_are_the_owners_alone_whatever_the_umask(
    terminal: Terminal, out: Path
) -> None:
    """Mode 0600 for all three."""
    before = os.umask(0)
    try:
        terminal.do(*EC, "--with-plaintext", "--out", out)
    finally:
        os.umask(before)
    assert names(out) == ["pair.json", "pair.key", "pair.pub"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in out.iterdir()} == {0o600}


@pytest.mark.parametrize("taken", ["pair.json", "pair.pub", "pair.key"])
def test_nothing_is_replaced_unless_told(
    terminal: Terminal, out: Path, taken: str
) -> None:
    """One file in the way and none is written; --force replaces it."""
    (out / taken).write_text("mine")
    code, error = terminal.refused(*EC, "--with-plaintext", "--out", out)
    assert (code, error["Code"]) == (1, "FileExists")
    assert names(out) == [taken]
    assert (out / taken).read_text() == "mine"
    terminal.do(*EC, "--with-plaintext", "--out", out, "--force")
    assert names(out) == ["pair.json", "pair.key", "pair.pub"]
    assert stat.S_IMODE((out / taken).stat().st_mode) == 0o600
    WrappedKeyPair.from_json((out / "pair.json").read_text())


def test_a_link_that_leads_nowhere_is_in_the_way_too(
    terminal: Terminal, out: Path, tmp_path: Path
) -> None:
    """A dangling link is not followed to write somewhere else, nor replaced."""
    (out / "pair.pub").symlink_to(tmp_path / "elsewhere")
    for force in ([], ["--force"]):
        code, error = terminal.refused(*EC, "--out", out, *force)
        assert (code, error["Code"]) == (3, "File")
        assert "name that file itself" in error["Message"]
    assert not (tmp_path / "elsewhere").exists()
    assert (out / "pair.pub").is_symlink()


def test_a_file_that_appears_meanwhile_is_not_replaced(
    terminal: Terminal, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is quicker after the first look: their file stays, ours all go."""

    def taken_late(draft: Path, path: Path, *, replace: bool) -> None:
        if path.suffix == ".pub":
            path.write_text("theirs")
        place(draft, path, replace=replace)

    place = output_files.place
    monkeypatch.setattr(output_files, "place", taken_late)
    code, error = terminal.refused(*EC, "--out", out)
    assert (code, error["Code"]) == (1, "FileExists")
    assert names(out) == ["pair.pub"]
    assert (out / "pair.pub").read_text() == "theirs"


def test_a_disk_that_fails_leaves_nothing(
    terminal: Terminal, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk at the last file: no draft and no file stays behind."""
    flushed = []

    def full(descriptor: int) -> None:
        flushed.append(descriptor)
        if len(flushed) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("pairsmith.output_files.os.fsync", full)
    code, error = terminal.refused(*EC, "--with-plaintext", "--out", out)
    assert code == 3
    assert "No space left on device" in error["Message"]
    assert names(out) == []


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../pair", "a/b", ".hidden", "-x", "a\nb", "a\x1bb", "\udc80",
     "x" * 201, "a\u202eb"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(
    terminal: Terminal, out: Path, name: str
) -> None:
    """Paths, hidden names, control characters and what is too long."""
    code, error = terminal.refused(*EC, "--out", out, f"--name={name}")
    assert (code, error["Code"]) == (1, "InvalidParameter")
    assert names(out) == []


def test_a_name_may_be_in_any_script(terminal: Terminal, out: Path) -> None:
    """Letters beyond ASCII, spaces and dots inside are names like any other."""
    terminal.do(*EC, "--out", out, "--name", "Gerät 7.v2 鍵")
    assert names(out) == ["Gerät 7.v2 鍵.json", "Gerät 7.v2 鍵.pub"]


def test_a_folder_must_be_there(terminal: Terminal, tmp_path: Path) -> None:
    """Folders are not made on the way, and a file is none."""
    for folder in (tmp_path / "absent", tmp_path / "kms.db"):
        code, error = terminal.refused(*EC, "--out", folder)
        assert (code, error["Code"]) == (3, "File")


def test_aad_is_text_or_a_file(terminal: Terminal, out: Path) -> None:
    """Both ways bind the blob, and the record knows what to."""
    (out / "aad").write_bytes(b"\x00\xff")
    terminal.do(*EC, "--out", out, "--name", "a", "--aad", "tenant é")
    terminal.do(*EC, "--out", out, "--name", "b", "--aad-file", out / "aad")
    terminal.do(*EC, "--out", out, "--name", "c", "--aad-file", "-", stdin=b"\x01")
    records = [
        WrappedKeyPair.from_json((out / f"{name}.json").read_bytes()) for name in "abc"
    ]
    assert [each.aad for each in records] == ["tenant é".encode(), b"\x00\xff", b"\x01"]
    both = terminal.run(*EC, "--out", out, "--aad", "x", "--aad-file", out / "aad")
    assert (both.exit_code, "either" in both.stderr) == (2, True)
    (out / "aad").write_bytes(bytes(8193))
    code, error = terminal.refused(*EC, "--out", out, "--aad-file", out / "aad")
    assert (code, error["Code"]) == (1, "InvalidParameter")
    assert "8192" in error["Message"]
    assert not (out / "pair.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "alias/devices", "--spec", "EC_P256", "--name", "a"),
        ("bulk", "--key", "alias/devices", "--spec", "EC_P256K", "--count", 2),
    ],
)
def test_curves_are_tested_when_asked_for(
    terminal: Terminal,
    out: Path,
    words: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --pairwise-test the instance is opened so, and not without."""
    seen = []
    opened = Instance.open

    def noted(*arguments: Any, **options: Any) -> Instance:
        seen.append(options["pairwise_test"])
        return opened(*arguments, **options)

    monkeypatch.setattr(Instance, "open", noted)
    for name, more in {"first": (), "second": ("--pairwise-test",)}.items():
        (out / name).mkdir()
        assert terminal.run(*words, "--out", out / name, *more).exit_code == 0
    assert seen == [False, True]
