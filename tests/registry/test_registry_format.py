"""docs/formats.md on the registry's tables, recomputed without Pairsmith's code."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pairsmith.registry.contents import COLUMNS, Contents, StoredVersion
from places import Place

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
SECTION = PAGE.split("## The registry's tables")[1].split("\n## ")[0]
TEXTS = re.findall(r"```json\n(.*)\n```", SECTION)
MACS = dict(re.findall(r"\| `([a-z]+/\S+)` \| `([0-9a-f]{64})` \|", SECTION))


def _mac(mac_key: bytes, place: str, message: bytes) -> bytes:
    length = len(place).to_bytes(8, "big")
    return hmac.digest(mac_key, length + place.encode() + message, "sha256")


def _page_of(name: str) -> int:
    return 1 + hashlib.sha256(name.encode()).digest()[0]


def test_the_example_of_the_page() -> None:
    """Each text has the MAC that stands there, in the place that stands there."""
    found = re.search(r"^mac_key +=\s([0-9a-f]{64})$", PAGE, re.MULTILINE)
    assert found is not None
    mac_key = bytes.fromhex(found[1])
    assert len(TEXTS) == len(MACS) == 3
    for text, (place, mac) in zip(TEXTS, MACS.items(), strict=True):
        assert _mac(mac_key, place, text.encode()).hex() == mac
    key, *_ = MACS
    assert f"revisions/{_page_of(key)}" in MACS


def test_the_code_writes_the_text_of_the_page() -> None:
    """Byte by byte."""
    told = json.loads(TEXTS[0])
    assert set(told["key"]) == set(COLUMNS)
    row: Any = SimpleNamespace(**told["key"])
    versions = tuple(
        StoredVersion(row.key_id, name, "", *more, b"")
        for name, *more in reversed(told["versions"])
    )
    found = Contents(row, tuple(told["aliases"]), dict(told["tags"]), versions)
    assert found.text(told["revision"]) == TEXTS[0]


def test_rows_of_a_registry(place: Place) -> None:
    """Every key, page and revision of a registry verifies as the page tells."""
    registry = place.open()
    for name in ("one", "two"):
        key = registry.create_key(name, tags={"Name": name, "a": "b"}).key_id
        registry.create_alias(f"alias/{name}", key)
        registry.create_key_version(key)
    mac = _opened(place)
    pages = {}
    for number, entries, code in place.execute("SELECT * FROM revision_pages"):
        assert mac(f"revisions/{number}", entries.encode()) == bytes(code)
        pages[number] = json.loads(entries)
    for key, revision, text, code in place.execute(
        "SELECT key_id, revision, contents, contents_mac FROM keys"
    ):
        assert mac(f"key/{key}", text.encode()) == bytes(code)
        assert json.loads(text) == _contents(place, key)
        number = _page_of(f"key/{key}")
        assert pages[number]["objects"][f"key/{key}"] == revision
        assert pages[0]["pages"][str(number)] == pages[number]["revision"]


def _contents(place: Place, key: str) -> dict[str, Any]:
    (row,) = place.execute("SELECT * FROM keys WHERE key_id = :k", k=key)
    columns = row._asdict()
    columns["deletion_protection"] = bool(columns["deletion_protection"])
    for name in ("contents", "contents_mac"):
        columns.pop(name)
    of_key = "WHERE key_id = :k ORDER BY 1"
    return {
        "format": 1,
        "revision": columns.pop("revision"),
        "key": columns,
        "aliases": [
            name
            for (name,) in place.execute(
                f"SELECT alias_name FROM aliases {of_key}",  # noqa: S608
                k=key,
            )
        ],
        "tags": [
            list(tag)
            for tag in place.execute(
                f"SELECT tag_key, tag_value FROM tags {of_key}",  # noqa: S608
                k=key,
            )
        ],
        "versions": [
            list(version)
            for version in place.execute(
                "SELECT key_version_id, sequence, created_at_ms, retired_at_ms "  # noqa: S608
                f"FROM key_versions {of_key}",
                k=key,
            )
        ],
    }


def _opened(place: Place) -> Callable[[str, bytes], bytes]:
    """Open the service version with the root key alone; give what makes its MACs."""
    (row,) = place.execute(
        "SELECT key_version_id, root_key_id, wrapped FROM key_versions "
        "WHERE key_id = 'pairsmith-server'"
    )
    name, root_key_id, wrapped = row
    (root_key,) = place.root_key.load()
    assert root_key.root_key_id == root_key_id
    text = (place.directory / "root-key").read_bytes()
    raw = text if len(text) == 32 else bytes.fromhex(text.decode().strip())
    iv, head, salt, commitment = (
        wrapped[:12],
        wrapped[12:13],
        wrapped[13:29],
        wrapped[29:61],
    )
    assert head == b"\x02"
    info = b"pairsmith/root/service" + root_key_id.rjust(36).encode()
    derived = HKDF(SHA256(), length=64, salt=salt, info=info).derive(raw)
    assert derived[32:] == commitment
    place_text = f"pairsmith-server/{name}".encode()
    material = AESGCM(derived[:32]).decrypt(iv, wrapped[61:], place_text)
    info = b"pairsmith/service-mac" + name.encode()
    mac_key = HKDF(SHA256(), length=32, salt=None, info=info).derive(material)
    return lambda where, message: _mac(mac_key, where, message)
