"""Logs: one object per line, with request ids, and never a secret."""

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from pairsmith import Instance
from pairsmith.errors import DecryptionError, InvalidParameter
from pairsmith.server import logs
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_line_is_one_object_with_what_was_bound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Time, level, the bound request id, and what the event tells."""
    logs.configure()
    logs.logger(request_id="abc").info("answered", operation="Decrypt", code="OK")
    line = json.loads(capsys.readouterr().err)
    assert line["timestamp"].endswith("Z")
    del line["timestamp"]
    assert line == {
        "code": "OK",
        "event": "answered",
        "level": "info",
        "logger": "pairsmith.server",
        "operation": "Decrypt",
        "request_id": "abc",
    }


def test_libraries_speak_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    """With the request id of the moment, and an exception as one text."""
    logs.configure()
    structlog.contextvars.bind_contextvars(request_id="abc")
    try:
        {}["what"]
    except KeyError:
        logging.getLogger("granian").exception("it %s", "failed")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["logger"]) == ("it failed", "granian")
    assert (line["level"], line["request_id"]) == ("error", "abc")
    assert "KeyError: 'what'" in line["exception"]


def test_what_is_not_known_to_be_harmless_is_withheld(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Unknown names and everything that is no plain value, for programs and people."""
    for form in ("json", "console"):
        logs.configure(form)  # type: ignore[arg-type]
        logs.logger(plaintext="s3cret").info(
            "x", key_id=b"s3cret", code={"a": "s3cret"}, password="s3cret"
        )
        said = capsys.readouterr().err
        assert "s3cret" not in said
        assert said.count("[withheld]") == 4


def test_levels_below_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the server's own events and of the libraries'."""
    logs.configure(level="WARNING")
    logs.logger().info("quiet")
    logging.getLogger("other").info("quiet")
    logs.logger().warning("loud")
    assert [
        json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()
    ] == ["loud"]


@pytest.mark.parametrize("wrong", [{"level": "LOUD"}, {"form": "xml"}])
def test_what_does_not_exist_is_refused(wrong: dict[str, str]) -> None:
    """With what would be right."""
    with pytest.raises(InvalidParameter, match="give"):
        logs.configure(**wrong)  # type: ignore[arg-type]


LOUD = ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "alembic")


@pytest.fixture
def talkative(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Everybody says all there is to say, to where the test listens."""
    del capfd
    logs.configure(level="DEBUG")
    for name in LOUD:
        logging.getLogger(name).setLevel("DEBUG")
    yield
    for name in LOUD:
        logging.getLogger(name).setLevel("NOTSET")


@pytest.mark.usefixtures("talkative")
def test_a_full_run_at_its_most_talkative_tells_no_secret(
    url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Private keys, data, passwords and root keys, raw or in Base64 or hexadecimal."""
    with Instance.open(url) as instance:
        secrets = _secrets_of_a_run(instance)
    secrets["root key"] = (tmp_path / "kms.db.root-key").read_bytes().strip()
    said = capfd.readouterr().err
    assert "INSERT INTO identities" in said
    assert "DecryptionError" in said
    assert len(secrets) == 7
    for name, secret in secrets.items():
        encoded = base64.b64encode(secret).decode()
        for form in (repr(secret)[2:-1], secret.hex(), encoded):
            assert form[:24] not in said, name


def _secrets_of_a_run(instance: Instance) -> dict[str, bytes]:
    """Make one of everything, let some of it fail and be logged; give the secrets."""
    policy = parse_policy(["*"])
    store = AccessStore(instance.registry)
    client = store.create_client("app", policy)
    key_id = instance.create_key().key_id
    _, access_secret = store.create_access_key("ops", policy)
    pair = instance.generate_data_key_pair(key_id, "RSA_2048", "DER", aad=b"a")
    data_key = instance.generate_data_key(key_id, 32)
    blob = pair.private_key_ciphertext_blob
    opened = instance.decrypt(blob, key_id=key_id, iv=pair.iv, aad=b"a")
    try:
        instance.decrypt(blob, key_id=key_id, iv=pair.iv)
    except DecryptionError:
        told = {"plaintext": opened.plaintext}
        logs.logger(request_id="r").exception("failed", **told)
    audit_key = store.audit_key()
    store.close()
    return {
        "private key": pair.private_key_plaintext,
        "data key": data_key.plaintext,
        "password": client.password.encode(),
        "access key": access_secret.encode(),
        "audit key": audit_key,
        "client's file": json.loads(client.credential_json)["PrivateKeyData"].encode(),
    }


def test_a_text_that_is_too_long_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A stranger who sends headers of 64 KB does not fill the log; ours stay whole."""
    logs.configure()
    long = "x" * 65_536
    logs.logger().info("answered", principal_id=long, reason=long, operation="Encrypt")
    line = json.loads(capsys.readouterr().err)
    assert line["principal_id"] == line["reason"] == "x" * logs.TEXT_CHARACTERS
    assert line["operation"] == "Encrypt"
    try:
        {}[long]
    except KeyError:
        logs.logger().exception("defect")
    line = json.loads(capsys.readouterr().err)
    assert line["exception"].startswith("Traceback")
    assert len(line["exception"]) > len(long)
