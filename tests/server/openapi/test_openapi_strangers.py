"""What the OpenAPI does for a sender whom it does not know: next to nothing."""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from applications import NOW, Application
from openapi_caller import VERSION, Caller, answer_of, wire_date

from pairsmith import Instance
from pairsmith.errors import PairsmithError
from pairsmith.parameters import AAD_LIMIT, encryption_context_aad
from pairsmith.server.access import rows
from pairsmith.server.openapi import request as request_module
from pairsmith.server.openapi import signature as signature_module
from pairsmith.server.openapi.request import (
    FIELD_BYTES,
    NAME_BYTES,
    PARAMETERS,
    SHORT_BYTES,
    read_request,
)
from pairsmith.server.openapi.signature import Claim, encoded, read_claim
from pairsmith.server.path import bodies
from pairsmith.server.settings import Settings, with_setting

FORM = (b"content-type", b"application/x-www-form-urlencoded")
FORM_BYTES = Settings().limits.form_bytes
STRANGER = "LTAI" + "a" * 20
"""An access key id as there are some, which nobody has."""

UNITS = [
    "a", "/", "+", "%01", "%C3%A9", "%", "%2", "%ff", "%00", "=", "&", "a=&", "&a",
    "a=1&", "&A=1", "Tag.1.Key.", "&Tag.1.Key.1.Key=", "%26", "%3D", ";", "[", "{",
]  # fmt: skip
"""What a form is filled with: values, names, separators, and what looks like them."""


def parameters(key_id: str = STRANGER, **other: str) -> dict[str, str]:
    """Those of a request in the old way of signing, with a wrong signature."""
    return {
        "Action": "ListKeys",
        "Version": VERSION,
        "AccessKeyId": key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": "x",
        "Timestamp": wire_date(NOW),
        "Signature": "AAAA",
    } | other


def filled(unit: str, size: int, **other: str) -> bytes:
    """A form of that size, most of which is one thing again and again."""
    start = urlencode(parameters(**other)) + "&A="
    return (start + unit * ((size - len(start)) // len(unit))).encode()


@dataclass
class Work:
    """What was done: bytes decoded, canonical texts made, identities looked up."""

    decoded: int = 0
    canonical: int = 0
    looked_up: list[str] = field(default_factory=list)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts what the application does."""
    done = Work()
    decode, make = request_module._decoded, signature_module._canonical
    look_up = rows.find

    def decoded(text: bytes) -> dict[str, str]:
        done.decoded += len(text)
        return decode(text)

    def canonical(given: Any) -> str:
        done.canonical += 1
        return make(given)

    def find(connection: Any, revisions: Any, identity_id: str) -> Any:
        done.looked_up.append(identity_id)
        return look_up(connection, revisions, identity_id)

    monkeypatch.setattr(request_module, "_decoded", decoded)
    monkeypatch.setattr(signature_module, "_canonical", canonical)
    monkeypatch.setattr(rows, "find", find)
    return done


def post(application: Application, body: bytes, **headers: str) -> Any:
    """Send a form."""
    content_type = {"content-type": FORM[1].decode()}
    return application.http.post("/", content=body, headers=content_type | headers)


@pytest.mark.parametrize("unit", UNITS)
def test_a_stranger_costs_a_look_up(
    application: Application, work: Work, unit: str
) -> None:
    """However long the form, a few fields are decoded and nothing is put together."""
    response = post(application, filled(unit, FORM_BYTES))
    assert response.status_code in (400, 404)
    assert response.json()["Code"] in (
        "ParseRequestParameterException",
        "InvalidAccessKeyId.NotFound",
    )
    assert work.decoded < SHORT_BYTES
    assert work.canonical == 0
    assert work.looked_up in ([], [STRANGER])


@pytest.mark.parametrize("unit", ["a", "/", "%01", "&A=1"])
def test_a_stranger_costs_a_look_up_in_the_query_too(
    application: Application, work: Work, unit: str
) -> None:
    """Both ways of signing; of the newer one no parameter is looked at."""
    query = filled(unit, 60_000).decode()
    assert application.http.get(f"/?{query}").status_code in (400, 404)
    names = ";".join(sorted(signature_module.ALWAYS_SIGNED))
    proof = f"Credential={STRANGER},SignedHeaders={names},Signature={'0' * 64}"
    headers = {
        "authorization": f"ACS3-HMAC-SHA256 {proof}",
        "x-acs-date": wire_date(NOW),
        "x-acs-signature-nonce": "x",
    }
    answer = application.http.get(f"/?{query}", headers=headers)
    assert answer.status_code in (400, 404)
    assert work.decoded < SHORT_BYTES
    assert work.canonical == 0
    assert set(work.looked_up) <= {STRANGER}


@pytest.mark.parametrize("unit", UNITS)
def test_the_steps_for_a_stranger_do_not_grow_with_the_form(unit: str) -> None:
    """Sixteen times the bytes take no more calls, of Python or of C."""

    def steps(size: int) -> int:
        with counted() as count:
            claim(filled(unit, size))
        return count.steps

    few = steps(SHORT_BYTES + 1)
    assert steps(FORM_BYTES) <= few + 4 * PARAMETERS


def claim(form: bytes) -> Claim | None:
    """The claim of a form, if it can be read."""
    try:
        return read_claim(read_request("POST", [FORM], b"", form))
    except PairsmithError:
        return None


@dataclass
class Count:
    """How many calls there were."""

    steps: int = 0


@contextmanager
def counted() -> Iterator[Count]:
    """Count the calls of this thread."""
    count = Count()

    def note(_frame: object, event: str, _argument: object) -> None:
        count.steps += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield count
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize(
    "date",
    [wire_date(NOW - timedelta(hours=1)), "yesterday", "%01" * 300],
    ids=["an hour ago", "no date", "escapes"],
)
def test_who_sends_an_old_request_is_not_even_looked_up(
    application: Application, work: Work, date: str
) -> None:
    """The date costs nothing to look at, so it comes first."""
    response = post(application, filled("a", FORM_BYTES, Timestamp=date))
    assert response.json()["Code"] == "IllegalTimestamp"
    assert work.looked_up == []


@pytest.mark.parametrize("size", [FORM_BYTES + 1, 3 * 1024 * 1024])
def test_a_form_that_is_too_long_is_not_read(
    application: Application, work: Work, size: int
) -> None:
    """413 with an empty body, whatever is in it; a setting says how long it may be."""
    response = post(application, filled("a", size).ljust(size, b"a"))
    assert (response.status_code, response.content) == (413, b"")
    assert response.headers["connection"] == "close"
    assert (work.decoded, work.looked_up) == (0, [])


def test_a_form_may_be_as_long_as_is_set(
    serve: Callable[[Settings], Application],
) -> None:
    """Who re-encrypts longer blobs sets more; never more than a body may have."""
    longer = with_setting(Settings(), "limits", "form_bytes", 2 * FORM_BYTES)
    assert post(serve(longer), filled("a", FORM_BYTES + 9)).status_code == 404
    shorter = with_setting(longer, "limits", "body_bytes", 2048)
    assert post(serve(shorter), filled("a", 4096)).status_code == 413


@pytest.mark.parametrize(
    "form",
    [
        "&" * PARAMETERS,
        "a&" * PARAMETERS,
        "%41" * (NAME_BYTES // 3) + "a=1",
        urlencode(parameters()) + "&AccessKeyId=" + STRANGER,
        urlencode(parameters(Signature="A" * (FIELD_BYTES + 1))),
        urlencode(parameters()) + "&Timestamp=%zz",
    ],
    ids=["separators", "many", "long name", "twice", "long field", "broken field"],
)
def test_what_no_action_has_is_refused_before_it_is_decoded(
    application: Application, work: Work, form: str
) -> None:
    """Too many, too long, or not to be told which was meant: 400, and no look-up."""
    padded = f"{form}&Z=".encode()
    response = post(application, padded.ljust(FORM_BYTES, b"a"))
    assert (response.status_code, response.json()["Code"]) == (
        400,
        "ParseRequestParameterException",
    )
    assert work.decoded < SHORT_BYTES + FIELD_BYTES
    assert work.looked_up == []


LONG = 1024 * 1024


def test_with_signed_headers_a_form_may_be_as_long_as_a_body(
    application: Application, instance: Instance, key_id: str
) -> None:
    """Their sender is known before it is kept; its hash is compared afterwards."""
    caller = application.caller()
    sealed = instance.advance_encrypt(key_id, bytes(LONG)).ciphertext_blob
    form = {
        "CiphertextBlob": base64.b64encode(sealed).decode(),
        "DestinationKeyId": key_id,
    }
    assert answer_of(caller.send("ReEncrypt", {}, form=form))["KeyId"] == key_id
    assert caller.send_v1("ReEncrypt", {}, form=form).status_code == 413
    other = {"x-acs-content-sha256": "0" * 64}
    refused = caller.send("ReEncrypt", {}, form=form, changed=other)
    assert refused.json()["Code"] == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-acs-date": "2010-01-01T00:00:00Z"}, "IllegalTimestamp"),
        ({"x-acs-action": "CreateKey"}, "SignatureDoesNotMatch"),
        ({"x-acs-content-sha256": "0" * 64}, "SignatureDoesNotMatch"),
        ({"authorization": "anything"}, "IncompleteSignature"),
    ],
)
def test_a_long_form_is_not_kept_before_its_sender_is_known(
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str | None],
    code: str,
) -> None:
    """Thrown away as it comes, and refused with the documented code."""

    def take(*_: object) -> None:
        raise AssertionError("nothing is kept")

    monkeypatch.setattr(bodies.Room, "take", take)
    caller = application.caller()
    response = caller.send("ListKeys", {}, form={"A": "a" * LONG}, tampered=headers)
    assert response.json()["Code"] == code
    unknown = replace(caller, key_id=STRANGER)
    response = unknown.send("ListKeys", {}, form={"A": "a" * LONG})
    assert response.json()["Code"] == "InvalidAccessKeyId.NotFound"


def test_a_name_that_is_escaped_names_no_sender(application: Application) -> None:
    """The same parameter as ``AccessKeyId`` to who decodes it: never two senders."""
    caller = application.caller()
    form = urlencode(parameters(key_id=caller.key_id)) + f"&%41ccessKeyId={STRANGER}"
    for body in (form, form + "&Z=" + "a" * SHORT_BYTES):
        response = post(application, body.encode())
        assert response.json()["Code"] == "ParseRequestParameterException"


def test_who_is_known_by_name_still_has_to_sign(
    application: Application, work: Work
) -> None:
    """The text is put together once, and the request refused."""
    caller = application.caller()
    body = filled("/", FORM_BYTES, key_id=caller.key_id)
    response = post(application, body)
    assert response.json()["Code"] == "SignatureDoesNotMatch"
    assert work.canonical == 1


@pytest.mark.parametrize("send", ["send", "send_v1"])
def test_the_longest_requests_that_there_are_fit(
    application: Application, instance: Instance, key_id: str, send: str
) -> None:
    """Two contexts as long as they may be, and a blob of 6 KB; 50 keys with 20 tags."""
    caller: Caller = application.caller()
    text = "\N{EURO SIGN}" * ((AAD_LIMIT - 100) // 3)
    context = json.dumps({"a": text}, ensure_ascii=False)
    aad = encryption_context_aad({"a": text})
    sealed = instance.advance_encrypt(key_id, bytes(6 * 1024), aad=aad)
    form = {
        "CiphertextBlob": base64.b64encode(sealed.ciphertext_blob).decode(),
        "DestinationKeyId": key_id,
        "SourceEncryptionContext": context,
        "DestinationEncryptionContext": context,
    }
    assert SHORT_BYTES < len(urlencode(form)) < FORM_BYTES
    assert answer_of(getattr(caller, send)("ReEncrypt", {}, form=form))["KeyId"]
    keys = [instance.create_key().key_id for _ in range(50)]
    many = {"RegionId": "local", "ResourceType": "key"}
    many |= {f"ResourceId.{number}": key for number, key in enumerate(keys, 1)}
    for number in range(1, 21):
        many[f"Tag.{number}.Key"] = f"{number:/>128}"
        many[f"Tag.{number}.Value"] = "@" * 128
    assert answer_of(getattr(caller, send)("TagResources", {}, form=many))
    assert len(instance.list_tags(keys[-1])) == 20


@pytest.mark.parametrize("text", ["", "azAZ09-_.~", "a b+c/%&=;", "é€😀", "\x01\x7f\n"])
def test_texts_are_encoded_as_rfc_3986_has_it(text: str) -> None:
    """As the standard library does, which is slower."""
    assert encoded(text) == quote(text, safe="~")
