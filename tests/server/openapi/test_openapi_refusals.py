"""Whom the OpenAPI refuses, and in which words."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from applications import NOW, Application, serving
from openapi_caller import Caller, Refused, answer_of, wire_date

from pairsmith import Instance
from pairsmith.errors import ServiceUnavailable
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.openapi.nonces import Nonces
from pairsmith.server.settings import Files, Settings

STANDARDS = "The request signature does not conform to Aliyun standards."
NOT_MATCHED = "Specified signature is not matched with our calculation."
TIMESTAMP = (
    'The input parameter "Timestamp" that is mandatory for processing this request is '
    "not supplied."
)
NO_KEY = "The Access Key ID provided does not exist in our records."
NONCE = "Specified signature nonce was used already."
PARSING = "The request parameters cannot be parsed."
FORBIDDEN = (
    403,
    "Forbidden.NoPermission",
    "This operation is forbidden by permission system.",
)
UNSUPPORTED = (400, "UnsupportedOperation", "This action is not supported.")


@pytest.fixture
def caller(application: Application) -> Caller:
    """Somebody who may do everything."""
    return application.caller()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """The same of an application without keys, for requests that change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    settings = Settings(files=Files(folder=str(folder)))
    with (
        Instance.open(f"sqlite:///{folder / 'kms.db'}") as instance,
        serving(instance, settings) as application,
    ):
        yield application.caller()


def refusal(response: Any) -> tuple[int, str, str]:
    """Status, code and message of an answer that must be an error."""
    with pytest.raises(Refused) as refused:
        answer_of(response)
    error = refused.value
    assert error.content.keys() == {
        "HttpStatus", "Code", "Message", "RequestId", "HostId",
    }  # fmt: skip
    assert error.content["HttpStatus"] == error.status
    return error.status, error.code, error.message


def test_both_ways_of_signing_are_served(caller: Caller) -> None:
    """By POST and by GET; parameters may be in a form."""
    for method in ("POST", "GET"):
        answer_of(caller.send("ListKeys", {"PageSize": "1"}, method=method))
        answer_of(caller.send_v1("ListKeys", {"PageSize": "1"}, method=method))
    for send in (caller.send, caller.send_v1):
        made = answer_of(send("CreateKey", {}, form={"Description": "a form & +ü ~"}))
        assert made["KeyMetadata"]["Description"] == "a form & +ü ~"


def test_values_are_signed_whatever_is_in_them(caller: Caller) -> None:
    """Percent-encoding is undone and made again without a difference."""
    text = "a b+c/d=e&f%20g~h*i'ü\n€😀"
    for send in (caller.send, caller.send_v1):
        made = answer_of(send("CreateKey", {"Description": text}))
        assert made["KeyMetadata"]["Description"] == text


PAST = wire_date(NOW - timedelta(minutes=16))
FUTURE = wire_date(NOW + timedelta(minutes=16))

ACS3_REFUSALS: list[tuple[str, dict[str, Any], tuple[int, str, str]]] = [
    ("no date", {"changed": {"x-acs-date": None}},
     (400, "IncompleteSignature", STANDARDS)),
    ("empty date", {"changed": {"x-acs-date": ""}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("no such date", {"changed": {"x-acs-date": "2026-02-30T00:00:00Z"}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("the year 0", {"changed": {"x-acs-date": "0000-01-01T00:00:00Z"}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("the year 1", {"changed": {"x-acs-date": "0001-01-01T00:00:00Z"}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("the last second", {"changed": {"x-acs-date": "9999-12-31T23:59:59Z"}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("a second that is none", {"changed": {"x-acs-date": "2026-01-01T00:00:60Z"}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("date of another form", {"changed": {"x-acs-date": "Mon, 23 Nov 2026"}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("too old", {"changed": {"x-acs-date": PAST}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("too early", {"changed": {"x-acs-date": FUTURE}},
     (400, "IllegalTimestamp", TIMESTAMP)),
    ("empty nonce", {"changed": {"x-acs-signature-nonce": ""}},
     (400, "MissingParameter",
      'The parameter "x-acs-signature-nonce" is needed but not provided.')),
    ("unsigned host", {"changed": {"host": None}},
     (400, "IncompleteSignature", STANDARDS)),
    ("unsigned action", {"changed": {"x-acs-action": None},
                         "tampered": {"x-acs-action": "ListKeys"}},
     (400, "IncompleteSignature", STANDARDS)),
    ("no authorization", {"tampered": {"authorization": None}},
     (400, "IncompleteSignature", STANDARDS)),
    ("other scheme", {"tampered": {"authorization": "Bearer abc"}},
     (400, "IncompleteSignature", STANDARDS)),
    ("other action", {"tampered": {"x-acs-action": "CreateKey"}},
     (400, "SignatureDoesNotMatch", NOT_MATCHED)),
    ("other agent", {"tampered": {"user-agent": "other"}},
     (400, "SignatureDoesNotMatch", NOT_MATCHED)),
    ("hash of another body",
     {"changed": {"x-acs-content-sha256": hashlib.sha256(b"x").hexdigest()}},
     (400, "SignatureDoesNotMatch", NOT_MATCHED)),
    ("no hash at all", {"changed": {"x-acs-content-sha256": ""}},
     (400, "SignatureDoesNotMatch", NOT_MATCHED)),
    ("other version", {"changed": {"x-acs-version": "2014-05-26"}},
     (400, "InvalidParameter", 'The specified parameter "Version" is not valid.')),
    ("no action", {"changed": {"x-acs-action": ""}},
     (400, "MissingParameter", 'The parameter "Action" is needed but not provided.')),
    ("unknown action", {"changed": {"x-acs-action": "Nonsense"}}, UNSUPPORTED),
    ("action of the cloud only", {"changed": {"x-acs-action": "CreateSecret"}},
     UNSUPPORTED),
    ("other method", {"method": "PUT"},
     (403, "UnsupportedHTTPMethod", "This http method is not supported.")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "expected"),
    [pytest.param(*case[1:], id=case[0]) for case in ACS3_REFUSALS],
)
def test_what_is_not_signed_as_documented_is_refused(
    shared: Caller, options: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    """Each error of ACS3-HMAC-SHA256 by status, code and message."""
    assert refusal(shared.send("ListKeys", {}, **options)) == expected


V1_REFUSALS: list[tuple[str, dict[str, Any], tuple[int, str, str]]] = [
    ("no signature", {"tampered": {"Signature": None}},
     (400, "IncompleteSignature", STANDARDS)),
    ("signature of another form", {"tampered": {"Signature": "no base64!"}},
     (400, "IncompleteSignature", STANDARDS)),
    ("signature that is not ASCII", {"tampered": {"Signature": "ü"}},
     (400, "IncompleteSignature", STANDARDS)),
    ("other signature", {"tampered": {"Signature": "AAAA"}},
     (400, "SignatureDoesNotMatch", NOT_MATCHED)),
    ("other method of signing", {"changed": {"SignatureMethod": "HMAC-MD5"}},
     (400, "IncompleteSignature", STANDARDS)),
    ("other version of signing", {"changed": {"SignatureVersion": "2.0"}},
     (400, "IncompleteSignature", STANDARDS)),
    ("no access key", {"changed": {"AccessKeyId": None}},
     (400, "MissingParameter",
      'The parameter "AccessKeyId" is needed but not provided.')),
    ("unknown access key", {"changed": {"AccessKeyId": "LTAI" + "x" * 20}},
     (404, "InvalidAccessKeyId.NotFound", NO_KEY)),
    ("no time", {"changed": {"Timestamp": None}}, (400, "IllegalTimestamp", TIMESTAMP)),
    ("too old", {"changed": {"Timestamp": PAST}}, (400, "IllegalTimestamp", TIMESTAMP)),
    ("no nonce", {"changed": {"SignatureNonce": None}},
     (400, "MissingParameter",
      'The parameter "SignatureNonce" is needed but not provided.')),
    ("other parameter", {"tampered": {"PageSize": "2"}},
     (400, "SignatureDoesNotMatch", NOT_MATCHED)),
    ("no action", {"changed": {"Action": None}},
     (400, "MissingParameter", 'The parameter "Action" is needed but not provided.')),
    ("unsigned action in a header", {"changed": {"Action": None},
                                     "headers": {"x-acs-action": "ListKeys"}},
     (400, "MissingParameter", 'The parameter "Action" is needed but not provided.')),
    ("no version", {"changed": {"Version": None}},
     (400, "InvalidParameter", 'The specified parameter "Version" is not valid.')),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "expected"),
    [pytest.param(*case[1:], id=case[0]) for case in V1_REFUSALS],
)
def test_what_is_not_signed_as_of_old_is_refused(
    shared: Caller, options: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    """Each error of the signature in the query by status, code and message."""
    assert refusal(shared.send_v1("ListKeys", {}, **options)) == expected


def test_a_body_that_was_not_signed_is_not_believed(caller: Caller) -> None:
    """Not replaced, not dropped, not hidden behind another type, in neither way."""
    form = {"Description": "signed"}
    plain = {"content-type": "text/plain"}
    response = caller.send("CreateKey", {}, form=form, tampered=plain)
    assert refusal(response)[1] == "SignatureDoesNotMatch"
    unsigned = caller.send("CreateKey", {}, form=form, changed={"content-type": None})
    assert refusal(unsigned)[1] == "IncompleteSignature"
    hidden = caller.send_v1("CreateKey", {}, form=form, headers=plain)
    assert refusal(hidden)[1] == "SignatureDoesNotMatch"
    assert caller.call("ListKeys")["TotalCount"] == 0


@pytest.mark.parametrize("way", ["send", "send_v1"])
def test_a_wrong_secret_is_refused(
    application: Application, caller: Caller, way: str
) -> None:
    """As is the key of somebody else; the audit log names nobody for it."""
    other = application.caller()
    for secret in (other.secret, caller.secret[:-1], ""):
        forged = replace(caller, secret=secret)
        expected = (400, "SignatureDoesNotMatch", NOT_MATCHED)
        assert refusal(getattr(forged, way)("ListKeys", {})) == expected
    assert application.audit.entries == []


@pytest.mark.parametrize("way", ["send", "send_v1"])
def test_a_key_that_is_not_valid_now_is_refused(
    application: Application, way: str
) -> None:
    """Revoked, expired, not begun, unknown: the same answer for all of them."""
    now = NOW
    day = timedelta(days=1)
    revoked = application.caller()
    answer_of(getattr(revoked, way)("ListKeys", {}))
    application.access.revoke(revoked.key_id)
    client = application.access.create_client("app", parse_policy(["*"]))
    for caller in (
        revoked,
        application.caller(not_before=now - 2 * day, not_after=now - day),
        application.caller(not_before=now + day, not_after=now + 2 * day),
        replace(revoked, key_id="LTAI" + "0" * 20),
        replace(revoked, key_id=client.key.id),
        replace(revoked, key_id="anything"),
    ):
        expected = (404, "InvalidAccessKeyId.NotFound", NO_KEY)
        assert refusal(getattr(caller, way)("ListKeys", {})) == expected


@pytest.mark.parametrize("way", ["send", "send_v1"])
def test_a_replayed_request_is_refused(
    application: Application, caller: Caller, way: str
) -> None:
    """A nonce is served once for each key; an unsigned request does not use it up."""
    name = "x-acs-signature-nonce" if way == "send" else "SignatureNonce"
    again = {"changed": {name: "the same"}}
    forged = replace(caller, secret="wrong")
    assert refusal(getattr(forged, way)("ListKeys", {}, **again))[1] == (
        "SignatureDoesNotMatch"
    )
    answer_of(getattr(caller, way)("ListKeys", {}, **again))
    expected = (400, "SignatureNonceUsed", NONCE)
    assert refusal(getattr(caller, way)("ListKeys", {}, **again)) == expected
    answer_of(getattr(application.caller(), way)("ListKeys", {}, **again))


def test_nonces_are_shared_and_forgotten(tmp_path: Path) -> None:
    """Two processes' worth of memories share a file; what is too old makes room."""
    one, other = Nonces(tmp_path / "n.db"), Nonces(tmp_path / "n.db")
    assert one.use("key", "nonce", now=0, until=100)
    assert not other.use("key", "nonce", now=1, until=100)
    assert other.use("other key", "nonce", now=1, until=100)
    assert one.use("key", "nonce", now=101, until=300)
    assert not other.use("key", "nonce", now=102, until=300)
    assert (tmp_path / "n.db").stat().st_mode & 0o777 == 0o600
    one.close()
    other.close()


def test_of_many_at_once_one_is_first(tmp_path: Path) -> None:
    """Threads over several connections: exactly one of them sees a new nonce."""
    memories = [Nonces(tmp_path / "n.db") for _ in range(4)]
    found: list[bool] = []

    def use(memory: Nonces) -> None:
        found.append(memory.use("key", "nonce", now=0, until=100))

    threads = [threading.Thread(target=use, args=(each,)) for each in memories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, False, False, True]
    for memory in memories:
        memory.close()


def test_nothing_is_served_when_nonces_cannot_be_remembered(tmp_path: Path) -> None:
    """A damaged file is an error that says what to do, until it is removed."""
    path = tmp_path / "n.db"
    path.write_bytes(b"this is no database" * 100)
    nonces = Nonces(path)
    with pytest.raises(ServiceUnavailable, match="remove it"):
        nonces.use("key", "nonce", now=0, until=100)
    path.unlink()
    assert nonces.use("key", "nonce", now=0, until=100)
    nonces.close()


def test_nothing_is_answered_that_is_not_audited(
    application: Application, caller: Caller
) -> None:
    """Every action and every refusal of a known key has its line, or gets 503."""
    made = caller.call("CreateKey")
    key = made["KeyMetadata"]["KeyId"]
    caller.send("DescribeKey", {"KeyId": "alias/none"})
    caller.send("Nonsense", {})
    one, two, three = application.audit.entries
    assert (one.operation, one.principal_id, one.key_id) == (
        "CreateKey",
        caller.key_id,
        key,
    )
    assert (one.code, one.http_status, one.request_id) == ("OK", 200, made["RequestId"])
    assert (two.code, two.key_id) == ("Forbidden.AliasNotFound", "alias/none")
    assert (three.code, three.operation) == ("UnsupportedOperation", "")
    assert application.metrics.observed == [
        ("CreateKey", "", "OK"),
        ("DescribeKey", "", "Forbidden.AliasNotFound"),
        ("", "", "UnsupportedOperation"),
    ]
    application.audit.broken = True
    for query in ({"KeyId": key}, {"KeyId": "alias/none"}):
        assert refusal(caller.send("DescribeKey", query)) == (
            503,
            "ServiceUnavailableTemporary",
            "Service Unavailable Temporary.",
        )


def test_a_defect_is_answered_without_a_word_of_it(
    application: Application, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What should not happen is an InternalFailure, audited as such."""

    def fail(*_: object) -> None:
        raise RuntimeError("inner secrets")

    monkeypatch.setattr(type(application.instance.registry), "list_keys", fail)
    response = caller.send("ListKeys", {})
    assert refusal(response) == (500, "InternalFailure", "Internal Failure.")
    assert "secrets" not in response.text
    assert application.audit.entries[-1].code == "InternalFailure"


def test_a_policy_limits_actions_and_keys(
    application: Application, caller: Caller, key_id: str
) -> None:
    """By action, id, alias and tag; and a key that does not exist is no exception."""
    other = caller.call("CreateKey")["KeyMetadata"]["KeyId"]
    tags = json.dumps([{"TagKey": "team", "TagValue": "core"}])
    tagged = caller.call("CreateKey", Tags=tags)["KeyMetadata"]["KeyId"]
    limited = application.caller(
        "DescribeKey,EnableKey,UpdateAlias,DeleteAlias,CreateAlias:alias/te*",
        f"DisableKey:{other}",
        "TagResources:tag:team=*",
        "ListKeys",
    )
    allowed = [
        ("DescribeKey", {"KeyId": key_id}),
        ("DescribeKey", {"KeyId": f"acs:kms:local:0:key/{key_id}"}),
        ("EnableKey", {"KeyId": "alias/test"}),
        ("DisableKey", {"KeyId": other}),
        ("ListKeys", {}),
        ("CreateAlias", {"KeyId": key_id, "AliasName": "alias/new"}),
        ("TagResources", KEYS | {"ResourceId.1": tagged, "Tag.1.Key": "a"}),
    ]
    for action, query in allowed:
        answer_of(limited.send(action, query))
    caller.call("CreateAlias", KeyId=other, AliasName="alias/other")
    forbidden = [
        ("DescribeKey", {"KeyId": other}),
        ("DescribeKey", {"KeyId": "alias/none"}),
        ("DescribeKey", {"KeyId": f"key-{'0' * 21}"}),
        ("DescribeKeyVersion", {"KeyId": key_id, "KeyVersionId": "any"}),
        ("EnableKey", {"KeyId": tagged}),
        ("CreateKey", {}),
        ("ListAliases", {}),
        ("CreateClientKey", {"AapName": "test", "Password": "pass-word1"}),
        ("CreateAlias", {"KeyId": other, "AliasName": "alias/test-2"}),
        ("UpdateAlias", {"KeyId": key_id, "AliasName": "alias/other"}),
        ("UpdateAlias", {"KeyId": other, "AliasName": "alias/test"}),
        ("DeleteAlias", {"AliasName": "alias/other"}),
        ("TagResources", KEYS | {"ResourceId.1": tagged, "ResourceId.2": other,
                                 "Tag.1.Key": "a"}),
    ]  # fmt: skip
    for action, query in forbidden:
        assert refusal(limited.send(action, query)) == FORBIDDEN, (action, query)
    entry = application.audit.entries[-1]
    assert (entry.principal_id, entry.code) == (
        limited.key_id,
        "Forbidden.NoPermission",
    )


KEYS = {"RegionId": "local", "ResourceType": "key"}
KEY = {"KeyId": f"key-{'0' * 21}"}
INVALID: list[tuple[str, dict[str, str], str]] = [
    ("DescribeKey", {"KeyId": ""}, "KeyId"),
    ("DescribeKey", {"KeyId": "ä"}, "KeyId"),
    ("CreateKey", {"KeySpec": "AES"}, "KeySpec"),
    ("CreateKey", {"KeyUsage": "ANY"}, "KeyUsage"),
    ("CreateKey", {"Origin": "moon"}, "Origin"),
    ("CreateKey", {"Description": "x" * 8193}, "Description"),
    ("CreateKey", {"EnableAutomaticRotation": "yes"}, "EnableAutomaticRotation"),
    ("CreateKey", {"Tags": "{}"}, "Tags"),
    ("CreateKey", {"Tags": "[" * 100_000}, "Tags"),
    ("CreateKey", {"Tags": '[{"TagKey": "acs:x", "TagValue": ""}]'}, "Tags"),
    ("CreateKey", {"Tags": '[{"TagKey": 1}]'}, "Tags"),
    ("CreateKey", {"Tags": '[{"TagKey": "\\ud800"}]'}, "Tags"),
    ("ListKeys", {"PageNumber": "0"}, "PageNumber"),
    ("ListKeys", {"PageNumber": "9" * 5000}, "PageNumber"),
    ("ListKeys", {"PageNumber": "\u0661"}, "PageNumber"),
    ("ListKeys", {"PageSize": "101"}, "PageSize"),
    ("ListKeys", {"PageSize": "-1"}, "PageSize"),
    ("ListKeys", {"PageSize": "1.0"}, "PageSize"),
    ("ListKeys", {"Filters": "x"}, "Filters"),
    ("ListKeys", {"Filters": '[{"Key": "Colour", "Values": []}]'}, "Filters"),
    ("ListKeys", {"Filters": '[{"Key": "KeyState", "Values": "x"}]'}, "Filters"),
    ("ListKeys", {"Filters": '[{"Key": "Creator", "Values": ["\\u0000"]}]'}, "Filters"),
    ("ListKeys", {"Filters": json.dumps([{"Key": "KeyState"}] * 11)}, "Filters"),
    ("ListKeys", {"Filters": json.dumps([{"Key": "KeyState", "Values": ["x"] * 11}])},
     "Filters"),
    ("ScheduleKeyDeletion", KEY | {"PendingWindowInDays": "6"}, "PendingWindowInDays"),
    ("ScheduleKeyDeletion", KEY | {"PendingWindowInDays": "367"},
     "PendingWindowInDays"),
    ("CreateAlias", KEY | {"AliasName": "orders"}, "AliasName"),
    ("CreateAlias", KEY | {"AliasName": "alias/acs/x"}, "AliasName"),
    ("CreateAlias", KEY | {"AliasName": "alias/" + "x" * 256}, "AliasName"),
    ("UntagResource", KEY | {"TagKeys": "a"}, "TagKeys"),
    ("UntagResource", KEY | {"TagKeys": "[1]"}, "TagKeys"),
    ("TagResources", KEYS | {"ResourceType": "cat"}, "ResourceType"),
    ("ListTagResources", KEYS | {"NextToken": "x"}, "NextToken"),
    ("ListTagResources", KEYS | {"NextToken": "WyIiXQ=="}, "NextToken"),
    ("ListTagResources",
     KEYS | {f"ResourceId.{number}": "key" for number in range(1, 52)}, "ResourceId"),
    ("DescribeKeyVersion", KEY | {"KeyVersionId": "x"}, "KeyVersionId"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "query", "name"), INVALID)
def test_a_parameter_that_cannot_be_is_named(
    shared: Caller, action: str, query: dict[str, str], name: str
) -> None:
    """400 InvalidParameter with the name as the wire has it."""
    # In a form: some are longer than a line of HTTP may be.
    status, code, message = refusal(shared.send(action, {}, form=query))
    assert (status, code) == (400, "InvalidParameter")
    assert message == f'The specified parameter "{name}" is not valid.'


@pytest.mark.parametrize(
    "interval",
    ["0d", "6d", "366d", "999999999d", "9999999999d", "-7d", "30", "30w", "1e1d"],
)
def test_an_interval_that_cannot_be_is_refused(shared: Caller, interval: str) -> None:
    """Before anything is added to a date; the words are the documented ones."""
    given = {"EnableAutomaticRotation": "true", "RotationInterval": interval}
    assert refusal(shared.send("CreateKey", given)) == (
        400,
        "InvalidParameter",
        "The specified parameter RotationInterval is not valid.",
    )


MISSING = [
    ("DescribeKey", {}, "KeyId"),
    ("UpdateKeyDescription", KEY, "Description"),
    ("ScheduleKeyDeletion", KEY, "PendingWindowInDays"),
    ("SetDeletionProtection", KEY, "EnableDeletionProtection"),
    ("SetDeletionProtection", {"EnableDeletionProtection": "true"},
     "ProtectedResourceArn"),
    ("CreateKey", {"EnableAutomaticRotation": "true"}, "RotationInterval"),
    ("TagResource", KEY, "Tags"),
    ("TagResources", {"ResourceType": "key"}, "RegionId"),
    ("TagResources", KEYS, "ResourceId.1"),
    ("TagResources", KEYS | {"ResourceId.1": KEY["KeyId"]}, "Tag.1"),
    ("UntagResources", KEYS | {"ResourceId.1": KEY["KeyId"]}, "TagKey.1"),
    ("CreateClientKey", {"AapName": "x"}, "Password"),
    ("GetKmsInstance", {}, "KmsInstanceId"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "query", "name"), MISSING)
def test_a_parameter_that_is_missing_is_named(
    shared: Caller, action: str, query: dict[str, str], name: str
) -> None:
    """400 MissingParameter with its name."""
    assert refusal(shared.send(action, query)) == (
        400,
        "MissingParameter",
        f'The parameter "{name}" is needed but not provided.',
    )


@pytest.mark.parametrize(
    ("action", "query"),
    [
        ("CreateKey", {"KeySpec": "RSA_2048"}),
        ("CreateKey", {"KeyUsage": "SIGN/VERIFY"}),
        ("CreateKey", {"Origin": "EXTERNAL"}),
        ("CreateKey", {"Policy": "{}"}),
        ("TagResources", KEYS | {"ResourceType": "secret"}),
    ],
)
def test_what_only_the_cloud_has_is_refused_as_such(
    shared: Caller, action: str, query: dict[str, str]
) -> None:
    """A request that means nothing here is not taken for another."""
    assert refusal(shared.send(action, query)) == (
        400,
        "Rejected.UnsupportedOperation",
        "Unsupported operation.",
    )


@pytest.mark.parametrize(
    "target",
    ["/?a=%", "/?a=%zz", "/?a=%ff", "/?a=1&a=2", "/?a=%00", "/?" + "a&" * 1001],
)
def test_what_is_no_list_of_parameters_is_refused(shared: Caller, target: str) -> None:
    """Before any signature is looked for."""
    response = shared.http.post(target)
    assert refusal(response) == (400, "ParseRequestParameterException", PARSING)


def test_a_header_that_comes_twice_is_refused(shared: Caller) -> None:
    """Nobody can say which of them was signed."""
    headers = [("authorization", "one"), ("authorization", "two")]
    response = shared.http.post("/?Action=ListKeys", headers=headers)
    assert refusal(response) == (400, "ParseRequestParameterException", PARSING)
    double = shared.http.post("/?a=1", data={"a": "2"})
    assert refusal(double) == (400, "ParseRequestParameterException", PARSING)
