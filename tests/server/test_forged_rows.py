"""A key whose rows somebody without a root key has written, over a server."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from applications import Application
from openapi_caller import Refused
from signing import error_of

from pairsmith.server.instance_api import messages_pb2 as messages

DATA = b"x"


def _forge(tmp_path: Path, statement: str, *values: str) -> None:
    (file,) = tmp_path.glob("*.db")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)


def test_it_is_refused_audited_and_logged(
    application: Application,
    key_id: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rights by tag are not widened; who may use every key is told what is."""
    everything, by_tag = application.client(), application.client("crypto:tag:Team=x")
    caller = application.caller()
    request = messages.EncryptRequest(KeyId=key_id, Plaintext=DATA)
    _forge(tmp_path, "INSERT INTO tags VALUES (?, 'Team', 'x')", key_id)
    refused = by_tag.send("Encrypt", request)
    assert error_of(refused).ErrorCode == "Forbidden.NoPermission"
    with caplog.at_level(logging.WARNING):
        refused = everything.send("Encrypt", request)
    assert error_of(refused).ErrorCode == "Rejected.Unavailable"
    assert key_id in caplog.text
    assert "tags Team" in caplog.text
    with pytest.raises(Refused, match=r"Rejected\.Unavailable"):
        caller.call("DisableKey", KeyId=key_id)
    codes = [(entry.code, entry.key_id) for entry in application.audit.entries]
    assert ("Rejected.Unavailable", key_id) in codes
    shown = caller.call("DescribeKey", KeyId=key_id)["KeyMetadata"]
    assert shown["KeyState"] == "Unavailable"
