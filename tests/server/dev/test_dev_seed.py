"""The seed file of ``--dev``: what it makes, applied once or twice, and its errors."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    serialize_key_and_certificates,
)
from seeds import ACCESS_KEY, CLIENT, KEY, SEED

from pairsmith import Instance
from pairsmith.errors import InvalidParameter, RootKeyError
from pairsmith.registry.key_file_creation import DEV_MARK
from pairsmith.server.access.credentials import FixedAccessKey, FixedClient
from pairsmith.server.access.policy import KeyFacts, parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.dev.mode import dev_mode
from pairsmith.server.dev.root_key import database_url, dev_root_key
from pairsmith.server.dev.seed_file import read_seed_file
from pairsmith.server.dev.seeding import seed_folder
from pairsmith.server.settings import Settings, with_setting

PACKAGE = Path(__file__).parents[3] / "python" / "pairsmith"
PAGE = Path(__file__).parents[3] / "docs" / "dev-server.md"


def dev_settings(folder: Path) -> Settings:
    """Settings of a server in that folder, over plain HTTP."""
    settings = with_setting(Settings(), "files", "folder", str(folder))
    return with_setting(settings, "tls", "insecure_http", value=True)


def seeded(folder: Path, text: str) -> list[tuple[str, str]]:
    """Write a seed file beside the folder and apply it to the folder."""
    path = folder.with_name("seed.toml")
    path.write_text(text)
    with dev_mode(dev_settings(folder), path) as mode:
        return seed_folder(mode.settings, mode.seed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "dev"


@pytest.fixture
def fixed_key() -> rsa.RSAPrivateKey:
    """An RSA key as a user might bring it."""
    return rsa.generate_private_key(65537, 2048)


def opened(folder: Path) -> Iterator[tuple[Instance, AccessStore]]:
    """The instance in a folder, and who may use it."""
    with Instance.open(database_url(folder), dev_root_key(folder)) as instance:
        access = AccessStore(instance.registry)
        yield instance, access
        access.close()


def test_there_is_what_the_file_says(folder: Path) -> None:
    """Ids, names, tags, rights, password and secret are those of the file."""
    facts = seeded(folder, SEED)
    assert ("Its password", "throw-away-1") in facts
    assert facts[-2:] == [
        ("Access key", ACCESS_KEY),
        ("Its secret", "throwaway0throwaway0"),
    ]
    for instance, access in opened(folder):
        described = instance.registry.describe_key("alias/orders")
        assert (described.key_id, described.description) == (KEY, "orders")
        assert instance.registry.describe_key("alias/second").key_id == KEY
        (tag,) = instance.registry.list_tags(KEY)
        assert (tag.tag_key, tag.tag_value) == ("Team", "edge")
        client = access.client(CLIENT)
        assert client is not None
        assert client.name == "app"
        assert client.policy.allows("Decrypt", KeyFacts(KEY, ["alias/orders"]))
        assert not client.policy.allows("Encrypt", KeyFacts(KEY, ["alias/orders"]))
    file = folder / "clients" / f"clientKey_{CLIENT}.json"
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_example_of_the_page_is_one(folder: Path) -> None:
    """docs/dev-server.md shows a seed file that can be applied as it stands."""
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert example is not None
    assert ("Access key", "LTAIdev00000000000000001") in seeded(folder, example[1])


def test_applied_again_it_changes_nothing(folder: Path) -> None:
    """Key version, client key and file are the same after another start."""

    def state() -> tuple[object, ...]:
        for instance, access in opened(folder):
            versions = instance.registry.list_key_versions(KEY).items
            client = access.client(CLIENT)
            assert client is not None
            credential = folder / "clients" / f"clientKey_{CLIENT}.json"
            return versions, client.public_key_der, credential.read_text()
        raise AssertionError

    seeded(folder, SEED)
    before = state()
    seeded(folder, SEED)
    assert state() == before


def test_what_differs_becomes_as_the_file_says(folder: Path) -> None:
    """Description, alias, rights, password and secret follow the file."""
    seeded(folder, SEED)
    other = "key-dev000000000000000002"
    text = SEED.replace("orders", "bills").replace("throw-away-1", "throw-away-2")
    text = text.replace("throwaway0throwaway0", "throwaway1throwaway1")
    text = text.replace(', "alias/second"', "")
    text += f'[[key]]\nid = "{other}"\naliases = ["alias/second"]\n'
    assert ("Its password", "throw-away-2") in seeded(folder, text)
    for instance, access in opened(folder):
        assert instance.registry.describe_key(KEY).description == "bills"
        assert instance.registry.describe_key("alias/bills").key_id == KEY
        assert instance.registry.describe_key("alias/second").key_id == other
        client, access_key = access.client(CLIENT), access.access_key(ACCESS_KEY)
        assert client is not None
        assert client.policy.allows("Decrypt", KeyFacts(KEY, ["alias/bills"]))
        assert access_key is not None
        assert access_key.secret == b"throwaway1throwaway1"


@pytest.mark.parametrize("form", ["pem", "pkcs12"])
def test_a_key_pair_may_be_brought(
    folder: Path, fixed_key: rsa.RSAPrivateKey, form: str
) -> None:
    """The client's public key is that of the given file, whatever its form."""
    content = fixed_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if form == "pkcs12":
        content = serialize_key_and_certificates(
            None, fixed_key, None, None, BestAvailableEncryption(b"throw-away-1")
        )
    (folder.parent / "app.key").write_bytes(content)
    line = 'name = "app"\nkey_file = "app.key"'
    seeded(folder, SEED.replace('name = "app"', line))
    for _, access in opened(folder):
        client = access.client(CLIENT)
        assert client is not None
        assert client.public_key_der == fixed_key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )


def test_without_a_file_there_is_a_first_of_everything(folder: Path) -> None:
    """A key with an alias, a client key and an access key that may do everything."""
    with dev_mode(dev_settings(folder)) as mode:
        names = [name for name, _ in seed_folder(mode.settings, mode.seed)]
    assert names == ["Client key", "Its password", "Access key", "Its secret"]
    for instance, access in opened(folder):
        assert instance.registry.describe_key("alias/dev").key_id
        (client,), (access_key,) = access.clients(), access.access_keys()
        assert client.policy.texts() == access_key.policy.texts() == ("*:*",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SEED.replace(KEY, "key-short"), "seed.toml, line 2, key 1, id"),
        (SEED.replace("throw-away-1", "short"), "line 8, client 1, password"),
        (SEED.replace("decrypt:", "decript:"), "line 8, client 1, allow"),
        (SEED.replace("KAAP.", "kaap."), "line 8, client 1, id"),
        (SEED.replace(ACCESS_KEY, "LTAI"), "line 14, access_key 1, id"),
        (SEED.replace("throwaway0", "-"), "line 14, access_key 1, secret"),
        (SEED.replace("Throttling", "Throttled"), "line 18, fault 1, code"),
        (SEED.replace("count", "counts"), "line 18, fault 1, counts"),
        (SEED.replace("description", "descriptio"), "line 2, key 1, descriptio"),
        (SEED.replace("alias/second", "second"), "line 2, key 1, aliases"),
        (SEED.replace("alias/second", "alias/orders"), "alias/orders is there twice"),
        (SEED.replace("[[client]]", "[[clients]]"), "seed.toml, clients"),
        (SEED.replace('id = "KAAP', '# "'), "line 8, client 1, id"),
        (SEED.replace('name = "app"', 'key_file = "no.p12"'), "client 1, key_file"),
        (SEED + "[[key]", "line 22"),
    ],
)
def test_an_error_names_its_place(tmp_path: Path, text: str, told: str) -> None:
    """The message has the line of the table and the field, and no secret."""
    path = tmp_path / "seed.toml"
    path.write_text(text)
    with pytest.raises(InvalidParameter) as caught:
        read_seed_file(path)
    assert told in str(caught.value)
    assert "throw" not in str(caught.value)


@pytest.mark.parametrize("content", [b"nothing", None])
def test_a_key_file_must_hold_an_rsa_key(tmp_path: Path, content: bytes | None) -> None:
    """Neither rubbish nor an elliptic-curve key is taken."""
    if content is None:
        key = ec.generate_private_key(ec.SECP256R1())
        content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "app.key").write_bytes(content)
    path = tmp_path / "seed.toml"
    path.write_text(SEED.replace('name = "app"', 'key_file = "app.key"'))
    with pytest.raises(InvalidParameter, match="client 1, key_file"):
        read_seed_file(path)


def test_fixed_ids_must_have_the_documented_shape(instance: Instance) -> None:
    """The store refuses a fixed id or secret that could not have been made."""
    access, policy = AccessStore(instance.registry), parse_policy(["*"])
    with pytest.raises(InvalidParameter):
        access.create_client("a", policy, fixed=FixedClient("KAAP.1"))
    for fixed in (FixedAccessKey("LTAI1", "a" * 30), FixedAccessKey(ACCESS_KEY, "a")):
        with pytest.raises(InvalidParameter):
            access.create_access_key("a", policy, fixed=fixed)
    access.close()


def test_only_dev_mode_fixes_ids() -> None:
    """Nothing else in the package makes a credential with an id of its choice."""
    using = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "FixedClient" in path.read_text()
    }
    assert using == {
        "server/access/credentials.py",
        "server/access/store.py",
        "server/dev/seeding.py",
    }


def test_a_folder_made_in_production_is_refused(folder: Path) -> None:
    """Whether the root key is there or not, and it is left as it was."""
    folder.mkdir()
    Instance.open(database_url(folder)).close()
    before = (folder / "pairsmith.db.root-key").read_bytes()
    with pytest.raises(RootKeyError, match="not made by --dev"):
        seeded(folder, SEED)
    assert (folder / "pairsmith.db.root-key").read_bytes() == before
    (folder / "pairsmith.db.root-key").unlink()
    with pytest.raises(RootKeyError, match="not made by --dev"):
        seeded(folder, SEED)


def test_the_root_key_is_marked_and_random(tmp_path: Path) -> None:
    """Two folders have two root keys; both say what they are."""
    keys = set()
    for name in ("a", "b"):
        seeded(tmp_path / name, SEED)
        keys.add((tmp_path / name / "pairsmith.db.root-key").read_bytes())
    assert len(keys) == 2
    assert all(key.startswith(DEV_MARK) and len(key) == 32 for key in keys)


@pytest.mark.parametrize(
    ("table", "name", "value"),
    [
        ("database", "url", "sqlite:///other.db"),
        ("database", "root_key", "env:ROOT"),
        ("listen", "workers", 2),
    ],
)
def test_settings_that_do_not_go_with_dev_mode_are_refused(
    folder: Path, table: str, name: str, value: object
) -> None:
    """Another database, root key or number of workers is named, and nothing made."""
    settings = with_setting(dev_settings(folder), table, name, value)
    with pytest.raises(InvalidParameter, match=f"{table}.{name}"), dev_mode(settings):
        pass
    assert not folder.exists()
