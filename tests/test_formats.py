"""The worked example of ``docs/formats.md`` is true."""

import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_der_private_key

from pairsmith import _core
from pairsmith._core import RootKey, WrappingKey
from pairsmith.errors import DecryptionError

PAGE = (Path(__file__).parent.parent / "docs" / "formats.md").read_text("utf-8")
IDS = {"root_key_id", "key_id", "key_version_id"}


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The example's values by name: ids as text, everything else as bytes."""
    values = re.findall(
        r"^(\w+) += ([^=]+?)(?=\n\w|\Z)", "\n".join(blocks("text")), re.MULTILINE
    )
    assert len(values) == 14
    return {
        name: value if name in IDS else bytes.fromhex("".join(value.split()))
        for name, value in values
    }


@pytest.fixture
def key(example: dict[str, Any]) -> WrappingKey:
    """The example's key version, opened from its row by the core."""
    root = RootKey(example["root_key"])
    return root.open_version(
        example["row"], example["key_id"], example["key_version_id"]
    )


def test_the_page_s_own_code_opens_the_example(example: dict[str, Any]) -> None:
    """The Python on the page, run as it stands, opens row and blob."""
    (code,) = blocks("python")
    assert "pairsmith" not in re.sub(r'b"pairsmith/[^"]*"', "", code)
    given = {
        name: example[name]
        for name in ("root_key", "key_id", "key_version_id", "row", "iv", "aad", "blob")
    }
    exec(compile(code, "docs/formats.md", "exec"), given)  # noqa: S102 -- our own page
    assert given["name"] == example["root_key_id"]
    assert given["material"] == example["material"]
    assert given["private_key"] == example["private_key"]


def test_the_example_is_made_as_the_page_says(example: dict[str, Any]) -> None:
    """``cryptography`` alone seals the example to the same bytes, part by part."""
    info = b"pairsmith/wrap/v1" + example["key_version_id"].encode()
    hkdf = HKDF(SHA256(), length=64, salt=example["salt"], info=info)
    derived = hkdf.derive(example["material"])
    assert derived == example["derived_key"] + example["commitment"]
    ciphertext = AESGCM(example["derived_key"]).encrypt(
        example["iv"], example["private_key"], example["aad"]
    )
    sealed = b"\x01" + example["salt"] + example["commitment"] + ciphertext
    assert sealed == example["blob"]
    header = b"$\x00\x02" + example["key_version_id"].encode() + example["iv"]
    assert header + sealed == example["advance_blob"]


def test_the_core_opens_the_example(example: dict[str, Any], key: WrappingKey) -> None:
    """The Rust core reads the page's row and both blobs, and names the root key."""
    assert RootKey(example["root_key"]).root_key_id == example["root_key_id"]
    opened = key.open(example["blob"], example["iv"], example["aad"])
    assert opened == example["private_key"]
    advance = example["advance_blob"]
    assert _core.advance_key_version_id(advance) == example["key_version_id"]
    assert key.open_advance(advance, example["aad"]) == example["private_key"]
    with pytest.raises(DecryptionError):
        key.open(example["blob"], example["iv"], b"device 8")


def test_the_example_is_the_published_key(example: dict[str, Any]) -> None:
    """The example's private key is RFC 6979's for P-256, and nobody's secret."""
    loaded = load_der_private_key(example["private_key"], None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    published = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
    assert loaded.private_numbers().private_value == int(published, 16)


def test_what_the_core_seals_has_the_page_s_form(
    example: dict[str, Any], key: WrappingKey
) -> None:
    """Fresh blobs and rows of the core are opened by the page's code."""
    (code,) = blocks("python")
    root = RootKey(example["root_key"])
    row = root.create_version(example["key_id"], example["key_version_id"])
    key = root.open_version(row, example["key_id"], example["key_version_id"])
    iv, blob = key.seal(b"a message", b"device 7", advance=False)
    given = {**example, "row": row, "iv": iv, "blob": blob}
    exec(compile(code, "docs/formats.md", "exec"), given)  # noqa: S102 -- our own page
    assert given["private_key"] == b"a message"
    assert len(row) == 109
    assert len(blob) == len(b"a message") + 65
    _, advance = key.seal(b"a message", b"device 7", advance=True)
    given |= {"iv": advance[39:51], "blob": advance[51:]}
    exec(compile(code, "docs/formats.md", "exec"), given)  # noqa: S102 -- our own page
    assert given["private_key"] == b"a message"
