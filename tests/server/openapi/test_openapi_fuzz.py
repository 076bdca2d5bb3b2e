"""Whatever is sent to the OpenAPI, the answer is documented JSON, and never a 500."""

import json
import string
from collections.abc import Iterator
from urllib.parse import quote

import httpx2 as httpx
import pytest
from applications import serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_caller import Caller

from pairsmith import Instance
from pairsmith.server.openapi.actions import ACTIONS
from pairsmith.server.openapi.context import Action
from pairsmith.server.openapi.parameters import Repeated
from pairsmith.server.settings import Files, Settings

ANSWERED = {200, 400, 403, 404, 409}
"""There is nothing else to say: the database works and nobody waits for anything."""

QUICKLY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Somebody who may do everything, with a key ``alias/test``."""
    folder = tmp_path_factory.mktemp("fuzz")
    with (
        Instance.open(f"sqlite:///{folder / 'kms.db'}") as instance,
        serving(instance, Settings(files=Files(folder=str(folder)))) as application,
    ):
        instance.create_alias("alias/test", instance.create_key().key_id)
        yield application.caller()


TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "true",
            "false",
            "7",
            "1",
            "0",
            "alias/test",
            "alias/x",
            "key",
            "kst-pairsmith",
        ]
    ),
    st.integers().map(str),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Key", "Values", "TagKey", "TagValue"]), inner
            )
        ),
        max_leaves=6,
    ).map(json.dumps),
    st.sampled_from(
        [
            '[{"TagKey": "a", "TagValue": "\\u0000"}]',
            '[{"Key": "KeyState", "Values": ["Enabled"]}]',
            "acs:kms:local:0:key/",
            "acs:kms:local:0:alias/test",
            "acs:",
            "WyJhIiwgImIiXQ==",
            "2027-01-01T00:00:00Z",
            "30d",
        ]
    ),
)


def names_of(action: Action) -> list[str]:
    """Parameter names of an action as they may come."""
    names: list[str] = ["Unknown"]
    for parameter in action.parameters:
        if not isinstance(parameter, Repeated):
            names.append(parameter.name)
        for number in (
            ("1", "2", "0", "9999") if isinstance(parameter, Repeated) else ()
        ):
            name = f"{parameter.name}.{number}"
            fields = parameter.fields if isinstance(parameter, Repeated) else ()
            names += [name, *(f"{name}.{field}" for field in fields)]
    return names


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """An action with any of its parameters, of any value."""
    action = draw(st.sampled_from(sorted(ACTIONS)))
    names = names_of(ACTIONS[action])
    return action, draw(st.dictionaries(st.sampled_from(names), TEXTS, max_size=8))


def assert_documented(response: httpx.Response) -> None:
    """The answer has the documented form."""
    content = response.json()
    status = response.status_code
    assert status in ANSWERED, content
    assert content["RequestId"]
    if status != 200:
        assert content["HttpStatus"] == status
        assert content["Code"]
        assert content["Message"]


@QUICKLY
@given(call=calls(), in_form=st.booleans(), old=st.booleans())
def test_any_parameters_are_answered(
    caller: Caller, call: tuple[str, dict[str, str]], *, in_form: bool, old: bool
) -> None:
    """Signed requests with any values, in query or form, signed in either way."""
    action, parameters = call
    send = caller.send_v1 if old else caller.send
    if in_form:
        response = send(action, {}, form=parameters)
    else:
        response = send(action, parameters)
    assert_documented(response)


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "authorization",
            "content-type",
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-signature-nonce",
            "x-acs-version",
        ]
    ),
    st.text(string.printable.strip() + " ", max_size=30).map(str.strip)
    | st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=" + "0" * 64,
            "ListKeys",
        ]
    ),
)


@QUICKLY
@given(
    headers=HEADERS,
    query=st.text(max_size=60).map(lambda text: quote(text, safe="&=%+?/")),
    body=st.binary(max_size=60),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
)
def test_anything_else_is_refused(
    caller: Caller, headers: dict[str, str], query: str, body: bytes, method: str
) -> None:
    """No signature, no service, whatever the headers, the query and the body are."""
    response = caller.http.request(method, f"/?{query}", headers=headers, content=body)
    assert response.status_code != 200
    assert_documented(response)
