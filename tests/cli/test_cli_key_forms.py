"""``--as`` and ``pairsmith public-key``: keys as JWK, OpenSSH, PEM and DER in files."""

import json
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey, KeySet, RSAKey
from terminal import Terminal

from pairsmith import WrappedKeyPair
from reading import belong_together, der_of

pytestmark = pytest.mark.usefixtures("key_id")

LOAD_PRIVATE = {
    "pem": serialization.load_pem_private_key,
    "der": serialization.load_der_private_key,
    "openssh": serialization.load_ssh_private_key,
}
LOAD_PUBLIC = {
    "pem": serialization.load_pem_public_key,
    "der": serialization.load_der_public_key,
    "openssh": serialization.load_ssh_public_key,
}


def generate(
    terminal: Terminal, folder: Path, name: str, *words: object, spec: str = "EC_P256"
) -> WrappedKeyPair:
    """Type the command; return the record that it wrote."""
    terminal.do("generate", "alias/devices", "--spec", spec, "--out", folder,
                "--name", name, *words)  # fmt: skip
    return WrappedKeyPair.from_json((folder / f"{name}.json").read_bytes())


@pytest.mark.parametrize("form", ["pem", "der", "openssh", "OpenSSH"])
@pytest.mark.parametrize("spec", ["EC_P256", "RSA_2048"])
def test_files_are_written_as_asked(
    terminal: Terminal, tmp_path: Path, spec: str, form: str
) -> None:
    """NAME.pub and NAME.key are in the form asked for; the record keeps its own."""
    record = generate(
        terminal, tmp_path, "a", "--format", "DER", "--with-plaintext", "--as", form,
        spec=spec,
    )  # fmt: skip
    assert record.key_format == "DER"
    public = LOAD_PUBLIC[form.lower()]((tmp_path / "a.pub").read_bytes())
    assert public == record.public_key()
    private = LOAD_PRIVATE[form.lower()]((tmp_path / "a.key").read_bytes(), None)
    assert private.public_key() == public
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("spec", ["ML_KEM_512", "ML_KEM_768", "X25519", "ML_DSA_44"])
@pytest.mark.parametrize("form", ["pem", "der"])
def test_other_kinds_are_written_as_asked(
    terminal: Terminal, tmp_path: Path, spec: str, form: str
) -> None:
    """From a record in the other encoding: NAME.pub, NAME.key, and what is decrypted.

    Also of ML-KEM-512, which cryptography does not have.
    """
    other = "DER" if form == "pem" else "PEM"
    record = generate(
        terminal, tmp_path, "a", "--format", other, "--with-plaintext", "--as", form,
        spec=spec,
    )  # fmt: skip
    private, public = (tmp_path / f"a.{end}" for end in ("key", "pub"))
    for file in (private, public):
        assert file.read_bytes().startswith(b"-----BEGIN ") is (form == "pem")
    assert belong_together(private.read_bytes(), public.read_bytes())
    assert der_of(public.read_bytes()) == der_of(record.encoded_public_key)
    out = tmp_path / "opened"
    terminal.do("decrypt", tmp_path / "a.json", "--as", form, "--out", out)
    assert out.read_bytes() == private.read_bytes()
    out = tmp_path / "public"
    terminal.do("public-key", tmp_path / "a.json", "--as", form, "--out", out)
    assert out.read_bytes() == public.read_bytes()


@pytest.mark.parametrize(
    ("spec", "form", "instead"),
    [
        ("ML_KEM_512", "jwk", "take --as pem or der"),
        ("ML_KEM_1024", "openssh", "take --as pem or der"),
        ("ML_DSA_65", "openssh", "take --as jwk, pem or der"),
        ("X25519", "openssh", "take --as jwk, pem or der"),
    ],
)
def test_forms_that_a_kind_does_not_have_are_refused(
    terminal: Terminal, tmp_path: Path, spec: str, form: str, instead: str
) -> None:
    """Before a pair is made: nothing is written, and it says what to take instead."""
    code, error = terminal.refused(
        "generate", "alias/devices", "--spec", spec, "--out", tmp_path, "--as", form
    )
    assert (code, error["Code"]) == (1, "UnsupportedOperation")
    assert instead in error["Message"]
    assert list(tmp_path.glob("pair.*")) == []


@pytest.mark.parametrize("spec", ["EC_P256", "EC_P256K", "RSA_2048"])
def test_jwk_files_are_read(terminal: Terminal, tmp_path: Path, spec: str) -> None:
    """Joserfc reads both files, and the private one is in NAME.key alone."""
    kind = RSAKey if spec.startswith("RSA") else ECKey
    record = generate(
        terminal, tmp_path, "a", "--with-plaintext", "--as", "jwk", spec=spec
    )
    public = json.loads((tmp_path / "a.pub").read_text())
    assert public == record.public_jwk()
    assert not kind.import_key(public).is_private
    private = kind.import_key(json.loads((tmp_path / "a.key").read_text()))
    assert private.is_private
    assert private.public_key == record.public_key()
    generate(terminal, tmp_path, "b", "--as", "jwk", spec=spec)
    assert not (tmp_path / "b.key").exists()


def test_without_as_nothing_is_converted(terminal: Terminal, tmp_path: Path) -> None:
    """The files are to the byte what the record has."""
    for key_format in ("PEM", "DER"):
        record = generate(
            terminal, tmp_path, key_format, "--with-plaintext", "--format", key_format
        )
        public = (tmp_path / f"{key_format}.pub").read_bytes()
        assert public == record.encoded_public_key
        opened = terminal.do(
            "decrypt", tmp_path / f"{key_format}.json", "--out", "-"
        ).stdout_bytes
        assert opened == (tmp_path / f"{key_format}.key").read_bytes()


def test_secp256k1_as_openssh_is_refused_before_anything_is_made(
    terminal: Terminal, tmp_path: Path
) -> None:
    """No pair and no file; the message says what to take instead."""
    before = set(tmp_path.iterdir())
    code, error = terminal.refused(
        "generate", "alias/devices", "--spec", "EC_P256K", "--as", "openssh",
        "--out", tmp_path,
    )  # fmt: skip
    assert (code, error["Code"]) == (1, "UnsupportedOperation")
    assert "--as jwk" in error["Message"]
    assert "RequestId" not in error
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("form", ["pem", "der", "openssh", "jwk"])
def test_decrypt_writes_the_form_asked_for(
    terminal: Terminal, tmp_path: Path, form: str
) -> None:
    """The private key comes out as asked, into a file of mode 0600."""
    record = generate(terminal, tmp_path, "a")
    out = tmp_path / "opened"
    said = terminal.do("decrypt", tmp_path / "a.json", "--as", form, "--out", out)
    content = out.read_bytes()
    assert f"{len(content)} bytes, mode 0600" in said.stdout
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    if form == "jwk":
        key = ECKey.import_key(json.loads(content)).private_key
        assert json.loads(content)["kid"] == record.public_jwk()["kid"]
    else:
        key = LOAD_PRIVATE[form](content, None)
    assert key.public_key() == record.public_key()


def test_ssh_uses_the_files_as_they_are(terminal: Terminal, tmp_path: Path) -> None:
    """``ssh-keygen`` takes NAME.key, mode included, and finds NAME.pub in it."""
    generate(terminal, tmp_path, "a", "--with-plaintext", "--as", "openssh")
    derived = subprocess.run(
        ["ssh-keygen", "-y", "-f", tmp_path / "a.key"], check=True, capture_output=True
    ).stdout
    assert derived.split()[:2] == (tmp_path / "a.pub").read_bytes().split()


@pytest.mark.parametrize("form", ["pem", "openssh", "jwk"])
def test_data_is_not_decrypted_as_a_key(
    terminal: Terminal, tmp_path: Path, form: str
) -> None:
    """Data, and a key behind a password, has no form of a key: nothing is written."""
    key = ECKey.generate_key("P-256")
    for data in (b"attack at dawn", key.as_pem(private=True, password="secret")):
        sealed = terminal.do("encrypt", "alias/devices", "-", stdin=data).stdout_bytes
        (tmp_path / "memo.json").write_bytes(sealed)
        code, error = terminal.refused(
            "decrypt", tmp_path / "memo.json", "--as", form, "--out", tmp_path / "x"
        )
        assert (code, error["Code"]) == (1, "InvalidParameter")
        assert "no private key in plain" in error["Message"]
        assert not (tmp_path / "x").exists()


def test_an_unknown_form_is_not_understood(terminal: Terminal, tmp_path: Path) -> None:
    """Exit code 2, as for every choice; a set is no form of a single key."""
    generate(terminal, tmp_path, "a")
    for form in ("pkcs1", "jwks"):
        outcome = terminal.run(
            "decrypt", tmp_path / "a.json", "--as", form, "--out", "-"
        )
        assert (outcome.exit_code, outcome.stdout) == (2, "")


def test_public_keys_of_records_need_no_database(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record alone gives NAME.pub again, from a file and from stdin."""
    generate(terminal, tmp_path, "a")
    record, public = tmp_path / "a.json", (tmp_path / "a.pub").read_bytes()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    nowhere = Terminal(elsewhere)
    assert nowhere.do("public-key", record).stdout_bytes == public
    piped = nowhere.do("public-key", "-", stdin=record.read_bytes())
    assert piped.stdout_bytes == public
    assert list(elsewhere.iterdir()) == []


def test_many_records_are_a_jwk_set(terminal: Terminal, tmp_path: Path) -> None:
    """Joserfc reads the set; each key is in it once, and nothing private."""
    records = [
        generate(terminal, tmp_path, name, spec=spec)
        for name, spec in (("a", "EC_P256"), ("b", "EC_P256K"), ("c", "RSA_2048"))
    ]
    files = [tmp_path / f"{name}.json" for name in "abca"]
    jwks = terminal.do("public-key", *files, "--as", "jwks").document
    found = {key.thumbprint(): key for key in KeySet.import_key_set(jwks).keys}
    assert found.keys() == {record.public_jwk()["kid"] for record in records}
    assert len(jwks["keys"]) == 3
    assert not any(key.is_private for key in found.values())


def test_many_records_are_lines_or_one_pem(terminal: Terminal, tmp_path: Path) -> None:
    """As OpenSSH one line each, as PEM one after the other, into a file if asked."""
    records = [generate(terminal, tmp_path, name) for name in "ab"]
    files = [tmp_path / f"{name}.json" for name in "ab"]
    lines = terminal.do("public-key", *files, "--as", "openssh").stdout.splitlines()
    assert lines == [record.public_openssh().decode() for record in records]
    pem = terminal.do("public-key", *files).stdout_bytes
    assert pem == b"".join(record.encoded_public_key for record in records)
    out = tmp_path / "keys"
    answer = terminal.ask("public-key", *files, "--as", "openssh", "--out", out)
    assert answer == {"File": str(out), "PublicKeys": 2}
    assert out.read_text().splitlines() == lines
    code, error = terminal.refused("public-key", *files, "--out", out)
    assert (code, error["Code"]) == (1, "FileExists")
    said = terminal.do("public-key", *files, "--out", out, "--force").stdout
    assert said.split() == ["Public", "keys", "2", "Written", "to", str(out)]
    assert out.read_bytes() == pem


def test_several_keys_in_a_form_for_one_are_refused(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Two JWKs or two DER keys behind each other would be no file at all."""
    for name in "ab":
        generate(terminal, tmp_path, name, "--format", "DER")
    files = [tmp_path / f"{name}.json" for name in "ab"]
    for words in (["--as", "jwk"], ["--as", "der"], []):
        code, error = terminal.refused("public-key", *files, *words)
        assert (code, error["Code"]) == (1, "InvalidParameter")
        assert "jwks" in error["Message"]


def test_what_has_no_public_key_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    """Other JSON, a damaged key, and secp256k1 as OpenSSH; no record is no command."""
    record = json.loads(generate(terminal, tmp_path, "a", spec="EC_P256K").to_json())
    damaged = json.dumps({**record, "PublicKey": "AAAA"}).encode()
    short = generate(terminal, tmp_path, "b", "--format", "DER", spec="ML_KEM_512")
    shorter = replace(short, encoded_public_key=short.encoded_public_key[:-1])
    for stdin, words, code in (
        (shorter.to_json().encode(), (), "InvalidParameter"),
        (b"{}", (), "InvalidParameter"),
        (damaged, (), "InvalidParameter"),
        (json.dumps(record).encode(), ("--as", "openssh"), "UnsupportedOperation"),
    ):
        exit_code, error = terminal.refused("public-key", "-", *words, stdin=stdin)
        assert (exit_code, error["Code"]) == (1, code)
    assert terminal.refused("public-key", tmp_path / "absent")[0] == 3
    assert terminal.run("public-key").exit_code == 2
