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
IDS = {"root_key_id", "key_id", "key_version_id", "service_version_id"}


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The example's values by name: ids as text, everything else as bytes."""
    values = re.findall(
        r"^(\w+) += ([^=]+?)(?=\n\w|\Z)", "\n".join(blocks("text")), re.MULTILINE
    )
    assert len(values) == 30
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


def opened_by_the_page(given: dict[str, Any]) -> dict[str, Any]:
    """All names after the Python on the page has run with those given, as it stands."""
    (code,) = blocks("python")
    assert "pairsmith" not in re.sub(r'f?b?"pairsmith[^"]*"', "", code)
    names = dict(given)
    exec(compile(code, "docs/formats.md", "exec"), names)  # noqa: S102 -- our own page
    return names


def test_the_page_s_own_code_opens_the_example(example: dict[str, Any]) -> None:
    """The Python on the page, run as it stands, opens rows, blobs and secrets."""
    names = opened_by_the_page(example)
    assert names["name"] == example["root_key_id"]
    assert names["material"] == example["material"]
    assert names["private_key"] == names["again"] == example["private_key"]
    assert names["service"] == example["service_material"]
    assert names["secret"] == example["service_plaintext"]
    assert names["computed_mac"] == example["mac"]


def test_the_page_s_own_code_opens_format_1(example: dict[str, Any]) -> None:
    """Blobs of format 1 open by the same code, in either layout."""
    open_blob = opened_by_the_page(example)["open_blob"]
    common = (example["material"], example["key_version_id"], example["iv"])
    for blob in (example["blob_1"], example["advance_blob_1"]):
        assert open_blob(*common, example["aad"], blob) == example["private_key"]


@pytest.mark.parametrize(("layout", "prefix"), [(b"\0", ""), (b"\1", "advance_")])
def test_the_example_is_made_as_the_page_says(
    example: dict[str, Any], layout: bytes, prefix: str
) -> None:
    """``cryptography`` alone seals the example to the same bytes, part by part."""
    assert example["purpose"] == bytes([3, 4, 1])  # a pair, EC_P256, DER
    context = b"pairsmith/blob" + layout + example["purpose"]
    info = context + example["key_version_id"].encode()
    hkdf = HKDF(SHA256(), length=64, salt=example["salt"], info=info)
    derived = hkdf.derive(example["material"])
    assert derived[:32] == example[f"{prefix}derived_key"]
    ciphertext = AESGCM(derived[:32]).encrypt(
        example["iv"], example["private_key"], example["aad"]
    )
    head = b"\x02" + example["purpose"] + example["salt"]
    blob = head + derived[32:] + ciphertext
    if prefix:
        blob = b"$\x00\x02" + example["key_version_id"].encode() + example["iv"] + blob
    else:
        assert derived[32:] == example["commitment"]
    assert blob == example[f"{prefix}blob"]


def test_the_core_opens_the_example(example: dict[str, Any], key: WrappingKey) -> None:
    """The Rust core reads the page's row and blobs, and names the root key."""
    assert RootKey(example["root_key"]).root_key_id == example["root_key_id"]
    whole = (example["private_key"], "pair", "EC_P256", "DER")
    assert key.open(example["blob"], example["iv"], example["aad"]) == whole
    advance = example["advance_blob"]
    assert _core.advance_key_version_id(advance) == example["key_version_id"]
    assert key.open_advance(advance, example["aad"]) == whole
    with pytest.raises(DecryptionError):
        key.open(example["blob"], example["iv"], b"device 8")


def test_the_core_opens_format_1(example: dict[str, Any], key: WrappingKey) -> None:
    """Blobs of format 1 open and state no purpose; the row only to be upgraded."""
    unstated = (example["private_key"], "", None, None)
    assert key.open(example["blob_1"], example["iv"], example["aad"]) == unstated
    assert key.open_advance(example["advance_blob_1"], example["aad"]) == unstated
    root, ids = RootKey(example["root_key"]), ("key_id", "key_version_id")
    place = [example[name] for name in ids]
    with pytest.raises(DecryptionError):
        root.open_version(example["row_1"], *place)
    old = root.open_version_1(example["row_1"], *place)
    upgraded = root.open_version(root.upgrade_version(example["row_1"], *place), *place)
    for each in (old, upgraded):
        assert each.open(example["blob_1"], example["iv"], example["aad"]) == unstated


def test_the_core_s_service_key_is_the_page_s(example: dict[str, Any]) -> None:
    """The Rust core opens the page's service row, secret and MAC."""
    root = RootKey(example["root_key"])
    service = root.open_service_version(
        example["service_row"], example["service_version_id"]
    )
    sealed, place = example["service_sealed"], example["service_place"].decode()
    opened = service.open(sealed, example["service_iv"], place)
    assert opened == example["service_plaintext"]
    place, message = example["mac_place"].decode(), example["mac_message"]
    assert service.mac(place, message) == example["mac"]
    assert service.verify(place, message, example["mac"])
    assert not service.verify(place + "x", message, example["mac"])


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
    root = RootKey(example["root_key"])
    row = root.create_version(example["key_id"], example["key_version_id"])
    key = root.open_version(row, example["key_id"], example["key_version_id"])
    iv, blob = key.seal(b"a message", b"device 7", advance=False)
    _, advance = key.seal(b"a message", b"device 7", advance=True)
    made = {"row": row, "iv": iv, "blob": blob, "advance_blob": advance}
    names = opened_by_the_page({**example, **made})
    assert names["private_key"] == names["again"] == b"a message"
    assert len(row) == 109
    assert len(blob) == len(b"a message") + 68
    assert blob[:4] == bytes([2, 1, 0, 0])
