"""Every error that a client can provoke: code, status and message."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from applications import NOW, Application
from signing import Client, error_of, http_date

from pairsmith import Instance
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.operations import ELSEWHERE, OPERATIONS
from pairsmith.server.settings import Settings, with_setting

pytestmark = pytest.mark.usefixtures("key_id")  # with its alias, alias/test

PAIR = {"KeyId": "alias/test", "KeyPairSpec": "EC_P256", "KeyFormat": "DER"}
INVALID_PARAMETER = ("InvalidParameter", 400, "The specified parameter is not valid.")
DENIED = 'This operation for "{}" is forbidden by permission system.'


def told(client: Client, name: str, message: Any = None, **options: Any) -> tuple:
    """Code, status and message that a request is refused with."""
    error = error_of(client.send(name, message, **options))
    assert len(error.RequestId) == 36
    return error.ErrorCode, error.StatusCode, error.ErrorMessage


def pair(**fields: Any) -> messages.GenerateDataKeyPairRequest:
    """A request for a pair with some fields changed."""
    return messages.GenerateDataKeyPairRequest(**(PAIR | fields))


WRONG_HEADERS: list[tuple[dict[str, Any], tuple[str, int, str]]] = [
    (
        {"x_kms_apiversion": None},
        ("InvalidApiVersion", 400, 'The ApiVersion "" is invalid.'),
    ),
    (
        {"x_kms_apiversion": "dkms-gcs-0.1"},
        ("InvalidApiVersion", 400, 'The ApiVersion "dkms-gcs-0.1" is invalid.'),
    ),
    ({"date": None}, ("InvalidParam", 400, "The Param Date is invalid.")),
    ({"date": "today"}, ("InvalidParam", 400, "The Param Date is invalid.")),
    (
        {"date": "Mon, 32 Jan 2010 00:00:00 GMT"},
        ("InvalidParam", 400, "The Param Date is invalid."),
    ),
    (
        {"date": "Sat, 01 Jan 0000 00:00:00 GMT"},
        ("InvalidParam", 400, "The Param Date is invalid."),
    ),
    (
        {"date": "Mon, 01 Jan 0001 00:00:00 GMT"},
        (
            "RequestTimeTooSkewed",
            400,
            "Request time exceeds server time more than 15 minutes.",
        ),
    ),
    (
        {"date": "Fri, 31 Dec 9999 23:59:59 GMT"},
        (
            "RequestTimeTooSkewed",
            400,
            "Request time exceeds server time more than 15 minutes.",
        ),
    ),
    (
        {"date": "Fri, 01 Jan 2027 24:00:60 GMT"},
        ("InvalidParam", 400, "The Param Date is invalid."),
    ),
    (
        {"x_kms_signaturemethod": None},
        ("InvalidParam", 400, "The Param x-kms-signaturemethod is invalid."),
    ),
    (
        {"x_kms_signaturemethod": "HMAC"},
        (
            "InvalidParam",
            400,
            'The Param x-kms-signaturemethod is invalid. message:"HMAC".',
        ),
    ),
    (
        {"x_kms_acccesskeyid": None},
        (
            "MissingParameter",
            400,
            "Parameter x-kms-acccesskeyid does not exist in http header or body.",
        ),
    ),
    (
        {"scheme": "Basic"},
        ("InvalidParam", 400, "The Param Authorization is invalid."),
    ),
    (
        {"x_kms_acccesskeyid": "KAAP.nobody"},
        (
            "Unauthorized",
            404,
            'The AccessKey ID "KAAP.nobody" does not exist in our records.',
        ),
    ),
    (
        {"content_type": "application/json"},
        (
            "InvalidContentType",
            415,
            'Content-Type "application/json" is unsupported.',
        ),
    ),
    (
        {"content_sha256": "00" * 32},
        ("SignatureNotMatch", 401, "Signature is not matched."),
    ),
    (
        {"content_sha256": None},
        ("SignatureNotMatch", 401, "Signature is not matched."),
    ),
]


def test_headers_that_are_wrong_are_named(
    application: Application,
) -> None:
    """Each header is refused in the documented words; nothing is done or audited."""
    client = application.client()
    for changed, expected in WRONG_HEADERS:
        refused = told(client, "GenerateDataKeyPair", pair(), **changed)
        assert refused == expected, changed
    assert application.audit.entries == []


def test_names_of_operations(client: Client) -> None:
    """What the API lacks is invalid; what a software instance lacks, refused."""
    for name in ("GenerateKeys", "generatedatakeypair", "Error", ""):
        expected = f'The ApiName "{name}" is invalid.'
        assert told(client, name) == ("InvalidApiName", 400, expected)
    for name in ELSEWHERE:
        expected = "Rejected.UnsupportedOperation"
        assert told(client, name) == ("UnsupportedOperation", 400, expected)


def test_every_message_of_the_interface_is_known() -> None:
    """The operations there are and those elsewhere are all that the .proto has."""
    requests = {
        name.removesuffix("Request")
        for name in messages.DESCRIPTOR.message_types_by_name
        if name.endswith("Request")
    }
    assert requests == set(OPERATIONS) | ELSEWHERE


def test_dates_may_be_a_quarter_of_an_hour_off(client: Client) -> None:
    """Just inside is served in either direction, also with a day of one digit."""
    now = NOW
    skewed = (
        "RequestTimeTooSkewed",
        400,
        "Request time exceeds server time more than 15 minutes.",
    )
    for minutes in (-14, 14):
        date = http_date(now + timedelta(minutes=minutes))
        assert client.send("GenerateDataKeyPair", pair(), date=date).status_code == 200
        lenient = date.replace(", 0", ", ")
        assert (
            client.send("GenerateDataKeyPair", pair(), date=lenient).status_code == 200
        )
    for minutes in (-16, 16):
        date = http_date(now + timedelta(minutes=minutes))
        assert told(client, "GenerateDataKeyPair", pair(), date=date) == skewed


def test_schemes_of_documents_and_sdks_are_both_served(client: Client) -> None:
    """Before the signature stands Bearer, as SDKs send it, or TOKEN, as documented."""
    for scheme in ("Bearer", "TOKEN"):
        response = client.send("GenerateDataKeyPair", pair(), scheme=scheme)
        assert response.status_code == 200


def test_any_signed_header_that_is_changed_breaks_the_signature(client: Client) -> None:
    """Headers, body and prefix of x-kms- are all signed; further ones are, too."""
    body = pair().SerializeToString()
    signed = client.signer.headers("GenerateDataKeyPair", body, x_kms_more="a")
    assert client.http.post("/", content=body, headers=signed).status_code == 200
    later = http_date(NOW + timedelta(seconds=5))
    for changed in (
        {"x-kms-apiname": "GenerateDataKeyPairWithoutPlaintext"},
        {"x-kms-more": "b"},
        {"x-kms-another": "c"},
        {"date": later},
        {"content-type": "application/x-protobuf; charset=utf-8"},
    ):
        response = client.http.post("/", content=body, headers=signed | changed)
        assert error_of(response).ErrorCode == "SignatureNotMatch", changed
    other = pair(KeyFormat="PEM").SerializeToString()
    response = client.http.post("/", content=other, headers=signed)
    assert error_of(response).ErrorCode == "SignatureNotMatch"


def test_a_header_that_is_signed_may_be_given_only_once(client: Client) -> None:
    """Of two it would be open which was signed."""
    body = pair().SerializeToString()
    signed = client.signer.headers("GenerateDataKeyPair", body)
    for name in ("x-kms-apiname", "date", "authorization", "content-sha256"):
        headers = [*signed.items(), (name, signed[name])]
        response = client.http.post("/", content=body, headers=headers)
        assert error_of(response).ErrorCode == "InvalidParam", name


def test_another_clients_signature_is_none(application: Application) -> None:
    """A key that exists does not sign for another that exists."""
    client, other = application.client(), application.client()
    assert told(
        client, "GenerateDataKeyPair", pair(), x_kms_acccesskeyid=other.signer.key_id
    ) == ("SignatureNotMatch", 401, "Signature is not matched.")


def test_keys_that_are_revoked_over_or_not_begun_are_unknown(
    application: Application,
) -> None:
    """They are answered as if they did not exist; a revocation counts at once."""
    now = NOW
    day = timedelta(days=1)
    revoked = application.client()
    assert revoked.send("GenerateDataKeyPair", pair()).status_code == 200
    application.access.revoke(revoked.signer.key_id)
    over = application.client(not_before=now - 2 * day, not_after=now - day)
    early = application.client(not_before=now + day, not_after=now + 2 * day)
    for client in (revoked, over, early):
        expected = (
            f'The AccessKey ID "{client.signer.key_id}" does not exist in our records.'
        )
        assert told(client, "GenerateDataKeyPair", pair()) == (
            "Unauthorized",
            404,
            expected,
        )


WRONG_PARAMETERS: list[tuple[str, dict[str, Any]]] = [
    ("GenerateDataKeyPair", PAIR | {"KeyId": ""}),
    ("GenerateDataKeyPair", PAIR | {"KeyPairSpec": ""}),
    ("GenerateDataKeyPair", PAIR | {"KeyPairSpec": "RSA_1024"}),
    ("GenerateDataKeyPair", PAIR | {"KeyFormat": ""}),
    ("GenerateDataKeyPair", PAIR | {"KeyFormat": "pem"}),
    ("GenerateDataKeyPair", PAIR | {"Aad": bytes(8193)}),
    ("GenerateDataKeyPair", PAIR | {"Algorithm": "AES_CBC"}),
    ("AdvanceGenerateDataKeyPairWithoutPlaintext", PAIR | {"KeyFormat": ""}),
    ("GenerateDataKey", {"KeyId": "alias/test"}),
    ("GenerateDataKey", {"KeyId": "alias/test", "NumberOfBytes": 1025}),
    ("AdvanceGenerateDataKey", {"KeyId": "alias/test", "NumberOfBytes": -1}),
    ("Encrypt", {"KeyId": "alias/test"}),
    ("Encrypt", {"Plaintext": b"x"}),
    ("Encrypt", {"KeyId": "alias/test", "Plaintext": b"x", "Iv": bytes(12)}),
    ("AdvanceEncrypt", {"KeyId": "alias/test", "Plaintext": b"x", "PaddingMode": "Z"}),
    ("Decrypt", {"KeyId": "alias/test"}),
    ("Decrypt", {"CiphertextBlob": b"x"}),
    ("AdvanceDecrypt", {"KeyId": "alias/test"}),
    ("AdvanceDecrypt", {"CiphertextBlob": b"x"}),
    ("GenerateRandom", {}),
    ("GenerateRandom", {"Length": 65}),
]


def test_parameters_that_are_wrong(client: Client) -> None:
    """A missing, unknown or overlong parameter is refused in the documented words."""
    for name, fields in WRONG_PARAMETERS:
        message = getattr(messages, f"{name}Request")(**fields)
        assert told(client, name, message) == INVALID_PARAMETER, (name, fields)


def test_bodies_that_are_no_message(client: Client) -> None:
    """Neither bytes that do not parse nor text that is not UTF-8 get further."""
    for body in (b"\xff", b"\x0a\x05abc", b"\x0a\x01\xff"):
        assert told(client, "GenerateDataKeyPair", body) == INVALID_PARAMETER


def test_keys_that_cannot_be_used(
    client: Client, instance: Instance, key_id: str
) -> None:
    """Unknown keys and aliases are 404, and every state has its code."""
    missing = ("Forbidden.KeyNotFound", 404, "The specified key does not exist.")
    for name in ("alias/none", "key-" + "0" * 21):
        assert told(client, "GenerateDataKeyPair", pair(KeyId=name)) == missing
    for change, state in (
        (instance.disable_key, "Disabled"),
        (lambda key: instance.schedule_key_deletion(key, 7), "PendingDeletion"),
    ):
        change(key_id)
        words = f"The request was rejected because the key state is {state}."
        expected = (f"Rejected.{state}", 409, words)
        assert told(client, "GenerateDataKeyPair", pair()) == expected


def test_whatever_does_not_open_is_answered_alike(client: Client, key_id: str) -> None:
    """Wrong Aad, Iv, key, blob or kind of blob: one code, one message, no more."""
    plain = client.call("Encrypt", KeyId=key_id, Plaintext=b"x", Aad=b"a")
    advance = client.call("AdvanceEncrypt", KeyId=key_id, Plaintext=b"x", Aad=b"a")
    other = client.call("Encrypt", KeyId=key_id, Plaintext=b"y", Aad=b"a")
    right = {"KeyId": key_id, "CiphertextBlob": plain.CiphertextBlob, "Iv": plain.Iv}
    foreign = advance.CiphertextBlob[:3] + b"k" * 36 + advance.CiphertextBlob[39:]
    wrong = [
        ("Decrypt", right),
        ("Decrypt", right | {"Aad": b"b"}),
        ("Decrypt", right | {"Aad": b"a", "Iv": other.Iv}),
        ("Decrypt", right | {"Aad": b"a", "Iv": b""}),
        ("Decrypt", right | {"Aad": b"a", "CiphertextBlob": b"\x01"}),
        ("Decrypt", right | {"Aad": b"a", "CiphertextBlob": advance.CiphertextBlob}),
        ("AdvanceDecrypt", {"CiphertextBlob": advance.CiphertextBlob}),
        (
            "AdvanceDecrypt",
            {"CiphertextBlob": advance.CiphertextBlob[:-1], "Aad": b"a"},
        ),
        ("AdvanceDecrypt", {"CiphertextBlob": foreign, "Aad": b"a"}),
    ]
    for name, fields in wrong:
        message = getattr(messages, f"{name}Request")(**fields)
        expected = ("InternalFailure", 500, "Internal Failure.")
        assert told(client, name, message) == expected, (name, fields)


def test_rights_are_asked_for_one_by_one(application: Application) -> None:
    """Making pairs without plaintext gives neither plaintext nor decryption."""
    client = application.client("pairs-without-plaintext:alias/test")
    made = client.call("GenerateDataKeyPairWithoutPlaintext", **PAIR)
    denied = ("Forbidden.NoPermission", 403, DENIED.format("alias/test"))
    assert told(client, "GenerateDataKeyPair", pair()) == denied
    opened = messages.DecryptRequest(
        KeyId="alias/test", CiphertextBlob=made.PrivateKeyCiphertextBlob, Iv=made.Iv
    )
    assert told(client, "Decrypt", opened) == denied
    random = ("Forbidden.NoPermission", 403, DENIED.format("GenerateRandom"))
    assert (
        told(client, "GenerateRandom", messages.GenerateRandomRequest(Length=8))
        == random
    )
    assert [entry.code for entry in application.audit.entries] == [
        "OK",
        "Forbidden.NoPermission",
        "Forbidden.NoPermission",
        "Forbidden.NoPermission",
    ]


def test_whoever_may_not_use_a_key_does_not_learn_whether_it_exists(
    application: Application, instance: Instance
) -> None:
    """A key that is forbidden and one that is not there are told alike."""
    other = instance.create_key("not for this client").key_id
    client = application.client("pairs:alias/test")
    for name in (other, "key-" + "0" * 21, "alias/none"):
        expected = ("Forbidden.NoPermission", 403, DENIED.format(name))
        assert told(client, "GenerateDataKeyPair", pair(KeyId=name)) == expected


def test_rights_to_an_advance_blob_are_those_to_its_key(
    application: Application, instance: Instance, key_id: str
) -> None:
    """The blob's own key counts, whatever KeyId says beside it."""
    everything = application.client()
    other = instance.create_key("another").key_id
    sealed = everything.call("AdvanceEncrypt", KeyId=other, Plaintext=b"x")
    client = application.client("decrypt:alias/test")
    for name in ("", key_id, "alias/test"):
        message = messages.AdvanceDecryptRequest(
            CiphertextBlob=sealed.CiphertextBlob, KeyId=name
        )
        expected = ("Forbidden.NoPermission", 403, DENIED.format(other))
        assert told(client, "AdvanceDecrypt", message) == expected


def test_a_version_that_is_insisted_on_must_be_the_one_used(
    client: Client, instance: Instance, key_id: str
) -> None:
    """The header names the version of a plain operation, which is the initial one."""
    initial = instance.describe_key(key_id).primary_key_version
    newer = instance.create_key_version(key_id).key_version_id
    header = "x_kms_migrationkeyversionid"
    served = client.send("GenerateDataKeyPair", pair(), **{header: initial})
    assert served.headers["x-kms-migrationkeyversionid"] == initial
    refused = told(client, "GenerateDataKeyPair", pair(), **{header: newer})
    assert refused == INVALID_PARAMETER


def test_nothing_is_answered_that_could_not_be_audited(
    application: Application,
) -> None:
    """Without its audit log the server gives no key and no reason but 503."""
    client = application.client()
    application.audit.broken = True
    unavailable = ("ServiceUnavailableTemporary", 503, "Service Unavailable Temporary.")
    assert told(client, "GenerateDataKeyPair", pair()) == unavailable
    assert told(client, "GenerateDataKeyPair", pair(KeyId="alias/none")) == unavailable
    assert application.http.get("/readyz").json()["audit"] != "ok"


def test_bodies_beyond_the_limit_are_refused_without_a_word(
    serve: Callable[[Settings], Application],
) -> None:
    """413 with an empty body, whether the length is told or found out."""
    application = serve(with_setting(Settings(), "limits", "body_bytes", 2048))
    client = application.client()
    body = bytes(2049)
    response = client.send("Encrypt", body)
    assert (response.status_code, response.content) == (413, b"")
    headers = client.signer.headers("Encrypt", body)
    response = application.http.post("/", content=iter([body]), headers=headers)
    assert (response.status_code, response.content) == (413, b"")
    assert told(client, "Encrypt", bytes(2048)) == INVALID_PARAMETER


def test_a_second_pair_at_a_time_is_refused(
    application: Application, key_id: str
) -> None:
    """While the slot is taken, a pair of any kind is 429 and a decryption is served."""
    client = application.client()
    sealed = client.call("Encrypt", KeyId=key_id, Plaintext=b"x")
    throttled = ("Rejected.Throttling", 429, "Concurrency Limit Exceeded.")
    slot = application.instance._guard.acquire()
    for spec in ("RSA_2048", "EC_P256"):
        assert told(client, "GenerateDataKeyPair", pair(KeyPairSpec=spec)) == throttled
    opened = client.call(
        "Decrypt", KeyId=key_id, CiphertextBlob=sealed.CiphertextBlob, Iv=sealed.Iv
    )
    assert opened.Plaintext == b"x"
    application.instance._guard.release(slot)
    assert client.call("GenerateDataKeyPair", **PAIR).PublicKey


def test_a_pair_may_wait_for_its_turn(
    serve: Callable[[Settings], Application], key_id: str
) -> None:
    """With patience set, a pair is made as soon as the slot is free."""
    application = serve(with_setting(Settings(), "pairs", "wait_ms", 60_000))
    client = application.client()
    guard = application.instance._guard
    slot = guard.acquire()
    threading.Timer(0.05, guard.release, [slot]).start()
    assert client.call("GenerateDataKeyPair", **PAIR).KeyId == key_id


@pytest.mark.usefixtures("key_id")
def test_a_pair_does_not_wait_for_ever(
    serve: Callable[[Settings], Application],
) -> None:
    """When the patience is over and no slot is free, the pair is refused."""
    application = serve(with_setting(Settings(), "pairs", "wait_ms", 1))
    impatient, guard = application.client(), application.instance._guard
    slot = guard.acquire()
    assert told(impatient, "GenerateDataKeyPair", pair())[0] == "Rejected.Throttling"
    guard.release(slot)


def test_a_defect_is_an_internal_failure_and_no_more(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks inside, the client sees documented words and it is audited."""
    client = application.client()
    secret = "a secret of the inside"

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr(application.instance, "generate_random", broken)
    message = messages.GenerateRandomRequest(Length=8)
    response = client.send("GenerateRandom", message)
    assert error_of(response).ErrorCode == "InternalFailure"
    assert secret.encode() not in response.content
    assert application.audit.entries[-1].code == "InternalFailure"


def test_only_posts_are_answered(application: Application) -> None:
    """The Instance API has one method."""
    headers = application.client().signer.headers("GenerateRandom", b"")
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        response = application.http.request(method, "/", headers=headers)
        assert response.status_code == 405
