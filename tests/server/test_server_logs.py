"""Logs: one object per line, with request ids, and never a secret."""

import ast
import asyncio
import base64
import datetime as dt
import inspect
import json
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import structlog
from applications import Application
from log_recorder import Recorder

from pairsmith import Instance
from pairsmith.errors import DecryptionError, InvalidParameter
from pairsmith.server import log_fields, logs
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.envelope import Envelope
from pairsmith.server.log_lines import LogLines
from pairsmith.server.log_output import Output
from pairsmith.server.openapi.request import read_request
from waiting import PATIENCE_SECONDS


@pytest.fixture(autouse=True)
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[LogLines]:
    """Lines of the test's own; leave logging as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # Lines of requests wait until something else is said, or the test asks for them.
    patience = PATIENCE_SECONDS
    own = LogLines(Output(sys.stderr), logs._loss, patience, patience)
    monkeypatch.setattr(logs, "_lines", own)
    monkeypatch.setattr(logs, "_answers", logs._Answers())
    yield own
    own.close()
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
def talkative() -> Iterator[None]:
    """Everybody says all there is to say."""
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
    logs.configure(level="DEBUG")  # here: pytest listens elsewhere while it sets up
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


def server_says(capsys: pytest.CaptureFixture[str]) -> str:
    """All that was logged since the last look, but for what the client itself says."""
    logs.flush()
    lines = capsys.readouterr().err.splitlines()
    return "\n".join(line for line in lines if '"logger": "httpx2"' not in line)


def answered(said: str) -> list[dict[str, Any]]:
    """What was told of requests; libraries speak on the same stream."""
    lines = [json.loads(line) for line in said.splitlines()]
    return [line for line in lines if line["logger"] == "pairsmith.server"]


FORGED = 'x\n{"event": "answered", "code": "forged"}\x1b[2J\r\u2028'
STRANGER = "LTAI" + "q" * 20
ABSENT = "KAAP.00000000-0000-4000-8000-000000000000"
PASSWORD = "Pass-w0rd-of-a-client"

ANSWERED = {
    "code", "duration_seconds", "event", "http_status", "key_id", "level", "logger",
    "operation", "principal_id", "remote_address", "request_id", "timestamp",
}  # fmt: skip


def test_requests_of_the_openapi_are_told_in_full(
    application: Application, key_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asked, from where, for what, how it ended and how long it took."""
    caller = application.caller()
    application.access.create_client("app", parse_policy(["*"]))
    logs.configure()
    made = caller.call("CreateClientKey", AapName="app", Password=PASSWORD)
    caller.call("DescribeKey", KeyId=key_id)
    refused = [
        (replace(caller, key_id=STRANGER), "DescribeKey", {"KeyId": key_id}),
        (replace(caller, secret="x"), "DescribeKey", {"KeyId": key_id}),
        (caller, "DescribeKey", {"KeyId": FORGED}),
        (caller, "Nonsense", {}),
        (caller, "CreateClientKey", {"AapName": "app", "Password": PASSWORD[:7]}),
        (application.caller("GenerateRandom"), "DescribeKey", {"KeyId": key_id}),
    ]
    for each, action, query in refused:
        assert not each.send(action, query).is_success
    caller.send("DescribeKey", {"KeyId": key_id}, tampered={"authorization": None})
    said = server_says(capsys)
    lines = answered(said)
    assert [line["event"] for line in lines] == ["answered"] * 9
    assert "forged" not in [line["code"] for line in lines]
    for line in lines:
        assert line.keys() - {"reason"} == ANSWERED
        assert line["remote_address"] == "127.0.0.1"
        assert ("reason" in line) is (line["code"] != "OK")
        assert line["duration_seconds"] > 0
    ids = [line["principal_id"] for line in lines]
    assert ids == [caller.key_id] * 2 + [each.key_id for each, _, _ in refused] + [""]
    assert lines[0]["http_status"] == 200
    assert lines[1]["key_id"] == key_id
    assert lines[4]["key_id"] == FORGED
    assert [line["http_status"] for line in lines[2:]] == [
        404, 400, 400, 400, 400, 403, 400,
    ]  # fmt: skip
    for secret in (PASSWORD[:7], caller.secret, made["PrivateKeyData"]):
        assert secret not in said


def test_requests_of_the_instance_api_are_told_in_full(
    application: Application, key_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, with nothing of what was encrypted."""
    client = application.client()
    logs.configure()
    client.call("Encrypt", KeyId=key_id, Plaintext=b"s3cret-text", Aad=b"s3cret-aad")
    refused = [
        (client, "Encrypt", {"x_kms_acccesskeyid": ABSENT}),
        (client, "Nonsense", {}),
        (client, FORGED.encode("unicode_escape").decode(), {}),
        (application.client("GenerateRandom"), "Encrypt", {}),
    ]
    message = messages.EncryptRequest(KeyId=key_id, Plaintext=b"s3cret-text")
    for each, operation, changed in refused:
        assert not each.send(operation, message, **changed).is_success
    said = server_says(capsys)
    lines = answered(said)
    assert [line["event"] for line in lines] == ["answered"] * 5
    for line in lines:
        assert line.keys() - {"reason"} == ANSWERED
        assert ("reason" in line) is (line["code"] != "OK")
    mine = client.signer.key_id
    other = refused[-1][0].signer.key_id
    assert [line["principal_id"] for line in lines] == [mine, ABSENT, mine, mine, other]
    assert [line["http_status"] for line in lines] == [200, 404, 400, 400, 403]
    assert "s3cret" not in said


def is_telling(called: str) -> bool:
    """Whether a call, as it is written, logs something."""
    return "logger(" in called or called == "answered"


def test_nothing_that_is_logged_is_withheld_by_mistake() -> None:
    """Every field of every event in the source is one that may be written."""
    folder = Path(logs.__file__).parents[1]
    fields = [
        (path.name, keyword.arg)
        for path in sorted(folder.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and is_telling(ast.unparse(call.func))
        for keyword in call.keywords
    ]
    assert ("logs.py", "principal_id") in fields
    known = log_fields.FIELDS | {None}  # of ** nothing can be seen here
    assert [each for each in fields if each[1] not in known] == []
    parameters = inspect.signature(logs.answered).parameters
    assert parameters.keys() <= log_fields.FIELDS
    assert {each.kind for each in parameters.values()} == {inspect._KEYWORD_ONLY}


def test_nobody_s_text_begins_a_line_or_goes_on_for_ever(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """For people too: line breaks and control characters are shown escaped."""
    logs.configure("console")
    forged = "x\n2026-01-01T00:00:00Z [info     ] answered\r\x1b[2J\u2028\x85 y"
    logs.logger().info(forged, key_id=forged, reason="a" * 100_000)
    logging.getLogger("granian").info("GET %s", forged)
    error = RuntimeError(forged)
    logs.logger().error("defect", exc_info=error)
    said = capsys.readouterr().err
    assert len(said) < 10_000
    assert set(said) & set("\r\x1b\u2028\x85") == set()
    lines = said.split("\n")
    beginnings = [line for line in lines if line.startswith("20")]
    assert len(beginnings) == 3
    assert all(line[:4] == "    " for line in lines if line and line not in beginnings)
    logs.configure("json")
    logs.logger().info(forged, key_id=forged, code="a" * 100_000)
    (line,) = answered(capsys.readouterr().err)
    assert (line["event"], line["key_id"]) == (forged, forged)
    assert len(line["code"]) == log_fields.TEXT_CHARACTERS


def test_a_text_that_is_too_long_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A stranger who sends headers of 64 KB does not fill the log; ours stay whole."""
    logs.configure()
    long = "x" * 65_536
    logs.logger().info("answered", principal_id=long, reason=long, operation="Encrypt")
    line = json.loads(capsys.readouterr().err)
    assert line["principal_id"] == line["reason"] == "x" * log_fields.TEXT_CHARACTERS
    assert line["operation"] == "Encrypt"
    try:
        {}[long]
    except KeyError:
        logs.logger().exception("defect")
    line = json.loads(capsys.readouterr().err)
    assert line["exception"].startswith("Traceback")
    assert len(line["exception"]) > len(long)


def test_requests_print_nothing_of_what_they_bring() -> None:
    """Neither a body nor the headers, in which a signature may be."""
    secret = b"Password-hunter22"
    pairs = [(b"authorization", secret), (b"content-type", b"text/plain")]
    request = read_request("POST", pairs, b"", secret)
    envelope = Envelope("Encrypt", "KAAP", b"", b"", "", "", secret)
    assert request.body == envelope.body == secret
    assert "hunter22" not in repr(request) + repr(envelope)


TOLD: dict[str, Any] = {
    "request_id": "0b9a9b34-9a5c-4d60-9d38-d0a1d6c2e6a4",
    "operation": "Encrypt",
    "principal_id": "KAAP.00000000-0000-4000-8000-000000000000",
    "key_id": "key-0123456789abcdefghijk",
    "code": "OK",
    "http_status": 200,
    "remote_address": "127.0.0.1",
    "duration_seconds": 0.001235,
}

HOSTILE = {
    "a forged line": FORGED,
    "every control character": "".join(map(chr, range(0x100))),
    "quotes": '"\\"}\\',
    "lone surrogates": "\ud800 \udfff\ud800",
    "beyond the first plane": "\U0001f512" * 10_000,
    "other alphabets": "\u00e9\u4e2d\u2029\ufeff",
    "10,000 characters": "x" * 10_000,
    "cut within": "y" * 511 + "\u00e9z",
    "empty": "",
    "bytes": b"s3cret",
    "a dict": {"a": "s3cret"},
    "a list": ["s3cret"],
    "nothing": None,
    "a number": 7,
}
"""What somebody may send, and what a mistake of ours may hand over."""


@pytest.fixture(params=[0, 7, 123_456])
def moment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> dt.datetime:
    """A clock that stands still at so many microseconds, for both ways to a line."""
    still = dt.datetime(2026, 1, 2, 3, 4, 5, request.param, dt.UTC)
    clock = SimpleNamespace(now=still.astimezone)
    monkeypatch.setattr(logs, "datetime", clock)
    module = SimpleNamespace(datetime=clock, timezone=dt.timezone)
    monkeypatch.setattr(structlog.processors, "datetime", module)
    return still


def both_ways(
    capsys: pytest.CaptureFixture[str], told: dict[str, Any]
) -> tuple[str, str]:
    """What ``answered`` writes, and what structlog makes of the same fields."""
    capsys.readouterr()
    logs.answered(**told)
    logs.flush()
    written = capsys.readouterr().err
    given = {
        name: value
        for name, value in told.items()
        if value or name not in ("peer_address", "reason")
    }
    logs.logger().info("answered", **given)
    return written, capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.usefixtures("moment")
def test_an_answer_is_told_as_structlog_tells_it(
    form: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    """To the byte, with and without what may be empty, whatever a field holds."""
    logs.configure(form)
    texts = {"peer_address": "10.0.0.1", "reason": "No.", **TOLD}
    cases = [TOLD, texts, texts | {"duration_seconds": 12345678.9, "http_status": 503}]
    cases += [texts | {name: bad} for name in texts for bad in HOSTILE.values()]
    for told in cases:
        written, expected = both_ways(capsys, told)
        assert written == expected, told
        assert "s3cret" not in written
        assert written.count("\n") == 1


def test_an_answer_has_the_time_at_which_it_was_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not that at which it is written."""
    logs.configure()
    before = dt.datetime.now(dt.UTC)
    logs.answered(**TOLD)
    after = dt.datetime.now(dt.UTC)
    logs.flush()
    told = json.loads(capsys.readouterr().err)["timestamp"]
    assert before <= dt.datetime.fromisoformat(told) <= after


def test_answers_keep_their_order_with_everything_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They wait; what is logged otherwise is written at once, behind them."""
    logs.configure()
    logs.answered(**TOLD | {"code": "1"})
    logs.answered(**TOLD | {"code": "2"})
    assert capsys.readouterr().err == ""
    logs.logger().warning("3")
    logs.answered(**TOLD | {"code": "4"})
    logging.getLogger("granian").warning("5")
    seen = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("code", line["event"]) for line in seen] == list("12345")


def test_what_comes_before_a_new_beginning_is_written_before(
    lines: LogLines, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each to where it was to go when it was told."""
    logs.configure()
    logs.answered(**TOLD)
    with (tmp_path / "log").open("w+") as file:
        lines.write_to(Output(file))
        assert capsys.readouterr().err.count("answered") == 1
        logs.answered(**TOLD)
        logs.flush()
        file.seek(0)
        assert file.read().count("answered") == 1
        logs.configure()
    assert capsys.readouterr().err == ""


def test_an_event_loop_goes_on_while_others_wait_for_a_reader(lines: LogLines) -> None:
    """Nobody waits with the handler's lock, which everybody needs who logs."""
    logs.configure()
    output = Recorder()
    output.gate.clear()
    lines.write_to(output)
    waiting = threading.Thread(target=logs.logger().warning, args=("1",))
    waiting.start()
    assert output.reached.wait(PATIENCE_SECONDS)

    async def go_on() -> None:
        logs.answered(**TOLD | {"code": "2"})
        logs.logger().warning("3")

    asyncio.run(go_on())
    assert waiting.is_alive()
    output.gate.set()
    waiting.join()
    logs.flush()
    seen = [json.loads(line) for line in output.lines]
    assert [line.get("code", line["event"]) for line in seen] == list("123")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("level", ["WARNING", "ERROR"])
def test_answers_are_not_told_above_their_level(
    form: Literal["json", "console"],
    level: str,
    lines: LogLines,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is put together, and nothing has to be written."""
    logs.configure(form, level)
    logs.answered(**TOLD)
    assert not lines._lines
    assert lines._thread is None
    logs.flush()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_loss_is_told_as_a_warning_is(
    form: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, with how many; none where warnings are not told."""
    logs.configure(form)
    told = logs._loss(17).decode()
    logs.logger().warning(logs.LOST, count=17)
    expected = capsys.readouterr().err
    if form == "json":
        line, like = json.loads(told), json.loads(expected)
        assert line.keys() == like.keys()
        line["timestamp"] = like["timestamp"]
        assert line == like
    else:
        assert told.partition("Z")[2] == expected.partition("Z")[2]
    logs.configure(form, "ERROR")
    assert logs._loss(17) == b""
