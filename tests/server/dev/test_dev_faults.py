"""Faults on request: ordered over HTTP, met when signed, absent in production."""

from types import SimpleNamespace
from typing import Any

import pytest
from applications import Application
from openapi_caller import Refused
from signing import error_of
from starlette.testclient import TestClient

from pairsmith.errors import CATALOGUE
from pairsmith.server.dev.control import PATH
from pairsmith.server.dev.faults import ERRORS, MOST_FAULTS, Fault, Faults
from pairsmith.server.instance_api import messages_pb2 as messages

pytestmark = pytest.mark.usefixtures("key_id")

PAIR = {"KeyId": "alias/test", "KeyPairSpec": "EC_P256", "KeyFormat": "DER"}
THROTTLED = {"operations": ["pairs"], "count": 2, "code": "Rejected.Throttling"}


def order(application: Application, **fault: Any) -> list[dict[str, Any]]:
    """Order a fault; give those that wait."""
    answer = application.http.post(PATH, json=fault)
    assert answer.status_code == 200, answer.text
    waiting: list[dict[str, Any]] = answer.json()
    return waiting


def test_the_next_pairs_are_throttled(dev: Application) -> None:
    """So many requests get the official error, others none, and then all is well."""
    client = dev.client()
    order(dev, **THROTTLED)
    client.call("GenerateRandom", Length=8)
    for _ in range(2):
        response = client.send(
            "GenerateDataKeyPair", messages.GenerateDataKeyPairRequest(**PAIR)
        )
        assert response.status_code == 429
        error = error_of(response)
        assert error.ErrorCode == "Rejected.Throttling"
        assert error.ErrorMessage == "Concurrency Limit Exceeded."
        assert error.RequestId
    assert client.call("GenerateDataKeyPair", **PAIR).PublicKey
    assert dev.http.get(PATH).json() == []


def test_a_throttled_request_is_audited_and_counted(dev: Application) -> None:
    """Audit log and figures tell of it as of a real one."""
    order(dev, **THROTTLED)
    dev.client().send(
        "GenerateDataKeyPair", messages.GenerateDataKeyPairRequest(**PAIR)
    )
    assert dev.audit.entries[-1].code == "Rejected.Throttling"
    assert dev.metrics.observed[-1][::2] == (
        "GenerateDataKeyPair",
        "Rejected.Throttling",
    )


def test_every_code_has_its_documented_body(dev: Application) -> None:
    """Status, code and words are those of the catalogue."""
    client = dev.client()
    for code, kind in ERRORS.items():
        order(dev, code=code)
        error = error_of(
            client.send("GenerateRandom", messages.GenerateRandomRequest(Length=8))
        )
        assert (error.StatusCode, error.ErrorCode, error.ErrorMessage) == (
            kind.http_status,
            code,
            kind.wire_message,
        )


def test_every_documented_code_can_be_had() -> None:
    """All of the catalogue, but for the one that names a parameter."""
    codes = {kind.code for kind in CATALOGUE}
    assert codes - ERRORS.keys() == {"InvalidParameter"}


def test_the_openapi_meets_them_too(dev: Application) -> None:
    """With a JSON error, and only the actions that are meant."""
    caller = dev.caller()
    order(dev, operations=["ListKeys"], code="ServiceUnavailableTemporary")
    caller.call("DescribeRegions")
    with pytest.raises(Refused) as caught:
        caller.call("ListKeys")
    assert (caught.value.status, caught.value.code) == (
        503,
        "ServiceUnavailableTemporary",
    )
    assert caller.call("ListKeys")["TotalCount"] == 1


def test_an_answer_is_held_back(
    dev: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delay without a code: the request is served when the time is over."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    standing = SimpleNamespace(sleep=sleep)
    monkeypatch.setattr("pairsmith.server.path.exchange.asyncio", standing)
    client = dev.client()
    order(dev, operations=["GenerateRandom"], delay_ms=120)
    assert len(client.call("GenerateRandom", Length=8).Random) == 8
    assert slept == [0.12]


def test_requests_that_are_refused_anyway_meet_no_fault(dev: Application) -> None:
    """A fault waits for a request that would have been served."""
    order(dev, code="InternalFailure")
    client = dev.client("Decrypt:*")
    message = messages.GenerateRandomRequest(Length=8)
    response = client.send("GenerateRandom", message)
    assert error_of(response).ErrorCode == "Forbidden.NoPermission"
    assert len(dev.http.get(PATH).json()) == 1


def test_the_first_that_means_a_request_is_met_first() -> None:
    """Faults are met in the order in which they were ordered."""
    faults = Faults([Fault(("decrypt",), 1, "InternalFailure"), Fault(delay_ms=5)])
    assert faults._take("Encrypt") == Fault(delay_ms=5)
    assert faults._take("Encrypt") is None
    met = faults._take("AdvanceDecrypt")
    assert met is not None
    assert met.code == "InternalFailure"


def test_faults_are_listed_and_reset(dev: Application) -> None:
    """What waits is told with what is left of it; a reset leaves nothing."""
    client = dev.client()
    assert order(dev, operations=["*"], count=3, delay_ms=1) == [
        {"operations": ["*"], "count": 3, "code": "", "delay_ms": 1}
    ]
    client.call("GenerateRandom", Length=8)
    assert dev.http.get(PATH).json()[0]["count"] == 2
    assert dev.http.delete(PATH).json() == []
    assert dev.http.get(PATH).json() == []


@pytest.mark.parametrize(
    "fault",
    [
        {},
        [],
        {"code": "NoSuchCode"},
        {"code": 429},
        {"code": "InternalFailure", "count": 0},
        {"code": "InternalFailure", "count": True},
        {"code": "InternalFailure", "operations": []},
        {"code": "InternalFailure", "operations": "Decrypt"},
        {"code": "InternalFailure", "operations": ["Decript"]},
        {"code": "InternalFailure", "operations": [{}]},
        {"code": "InternalFailure", "operation": ["Decrypt"]},
        {"delay_ms": -1},
        {"delay_ms": 600_001},
        {"delay_ms": 1.5},
    ],
)
def test_what_is_no_fault_is_refused(dev: Application, fault: object) -> None:
    """With 400 and what would be right; nothing waits then."""
    answer = dev.http.post(PATH, json=fault)
    assert answer.status_code == 400
    assert "is not valid" in answer.json()["error"]
    assert dev.http.get(PATH).json() == []


@pytest.mark.parametrize("body", [b"{", b"[" * 60_000, b'"' + b"a" * 70_000, b"\xff"])
def test_what_is_no_json_is_refused(dev: Application, body: bytes) -> None:
    """Cut short, too deep, too long or no text: 400."""
    headers = {"content-type": "application/json"}
    assert dev.http.post(PATH, content=body, headers=headers).status_code == 400


def test_a_form_of_a_browser_is_refused(dev: Application) -> None:
    """A page elsewhere can send text unasked, but no JSON."""
    headers = {"content-type": "text/plain"}
    answer = dev.http.post(PATH, content='{"delay_ms": 1}', headers=headers)
    assert answer.status_code == 400
    assert "application/json" in answer.text


def test_another_host_orders_nothing(dev: Application) -> None:
    """Only this host may, whatever the server listens on."""
    http = TestClient(dev.http.app, client=("192.0.2.1", 9))
    assert http.post(PATH, json=THROTTLED).status_code == 403
    assert dev.http.get(PATH).json() == []


def test_only_so_many_wait() -> None:
    """One too many is refused."""
    faults = Faults(Fault(delay_ms=1) for _ in range(MOST_FAULTS))
    with pytest.raises(Exception, match="reset them"):
        faults.add(Fault(delay_ms=1))


def test_production_has_no_such_page(application: Application) -> None:
    """404 for every method, and no answer is marked."""
    for method in ("GET", "POST", "DELETE"):
        answer = application.http.request(method, PATH, json=THROTTLED)
        assert answer.status_code == 404
        assert not any(name.startswith("x-pairsmith") for name in answer.headers)
