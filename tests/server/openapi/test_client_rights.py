"""Client keys over the OpenAPI: whose may be seen and ended, and what may be made."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from applications import NOW, Application
from openapi_caller import Caller, Refused, wire_date
from signing import Client, Signer, error_of

from pairsmith.server.access.policy import parse_policy
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.settings import Settings, with_setting

PASSWORD = "pass-word1"
ABSENT = "KAAP.00000000-0000-4000-8000-000000000000"
FORBIDDEN = (403, "Forbidden.NoPermission")
MISSING = (404, "Forbidden.ResourceNotFound")
INVALID = (400, "InvalidParameter")
FOR_EVER = "9999-12-31T23:59:59Z"


def outcome(caller: Caller, action: str, **given: str) -> tuple[int, str]:
    """Status and code of an action's answer."""
    try:
        caller.call(action, **given)
    except Refused as refused:
        return refused.status, refused.code
    return 200, "OK"


def mint(caller: Caller, name: str, **given: str) -> tuple[int, str]:
    """Ask for another client key under a name; give status and code."""
    return outcome(caller, "CreateClientKey", AapName=name, Password=PASSWORD, **given)


def add(application: Application, name: str, *rules: str) -> str:
    """Make a client key as an operator does; give its id."""
    return application.access.create_client(name, parse_policy(rules)).key.id


def listed(caller: Caller, **given: str) -> list[str]:
    """The ids of ListClientKeys."""
    keys = caller.call("ListClientKeys", **given)["ClientKeys"]
    return [key["ClientKeyId"] for key in keys]


def test_nobody_mints_beyond_their_own_rights(
    application: Application, key_id: str
) -> None:
    """A name's rights are given only by who has them; the key that is made has them."""
    other = application.instance.create_key().key_id
    add(application, "mighty", "*")
    add(application, "limited", f"crypto:{key_id}")
    add(application, "two", f"crypto:{key_id}", f"decrypt:{key_id}")
    minter = application.caller("clients:*")
    issuer = application.caller("clients:*", f"crypto:{key_id}")
    elsewhere = application.caller("clients:*", f"crypto:{other}")
    named = application.caller("clients:*", "crypto:alias/test")
    for caller in (minter, issuer, elsewhere, named):
        assert mint(caller, "mighty") == FORBIDDEN
        assert mint(caller, "two") == FORBIDDEN
        expected = (200, "OK") if caller is issuer else FORBIDDEN
        assert mint(caller, "limited") == expected
    assert len(application.access.clients()) == 4
    key = issuer.call("CreateClientKey", AapName="limited", Password=PASSWORD)
    signer = Signer.from_file(key["ClientKeyId"], key["PrivateKeyData"], PASSWORD)
    client = Client(application.http, replace(signer, now=lambda: NOW))
    client.call("Encrypt", KeyId=key_id, Plaintext=b"x")
    refused = client.send(
        "Encrypt", messages.EncryptRequest(KeyId=other, Plaintext=b"x")
    )
    assert error_of(refused).ErrorCode == "Forbidden.NoPermission"


def test_rights_on_clients_cannot_be_minted_for_more_clients(
    application: Application,
) -> None:
    """What a name may do with clients is a right like any other."""
    add(application, "team-a-boss", "clients:team-*")
    add(application, "team-a-deputy", "clients:team-a-*")
    caller = application.caller("clients:team-a-*")
    assert mint(caller, "team-a-boss") == FORBIDDEN
    assert mint(caller, "team-a-deputy") == (200, "OK")


def test_clients_are_named_by_rules(application: Application) -> None:
    """Each of the four actions, for a client that is meant, another one, and none."""
    rules = ["GenerateRandom"]
    mine, theirs = (
        add(application, "team-a-x", *rules),
        add(application, "team-b", *rules),
    )
    caller = application.caller("clients:team-a-*", *rules)
    anybody = application.caller("*")
    for action in ("GetClientKey", "DeleteClientKey"):
        for key_id in (theirs, ABSENT, "anything"):
            assert outcome(caller, action, ClientKeyId=key_id) == FORBIDDEN
        assert outcome(anybody, action, ClientKeyId=ABSENT) == MISSING
        single = application.caller(f"{action}:team-a-*")
        for other in ("GetClientKey", "DeleteClientKey"):
            if other != action:
                assert outcome(single, other, ClientKeyId=mine) == FORBIDDEN
    for name in ("team-b", "team-c", ""):
        assert mint(caller, name) == FORBIDDEN
        assert outcome(caller, "ListClientKeys", AapName=name or "x") == FORBIDDEN
    assert mint(caller, "team-a-none") == MISSING
    assert mint(caller, "team-a-x") == (200, "OK")
    assert listed(caller) == listed(caller, AapName="team-a-x")
    assert len(listed(caller)) == 2
    assert set(listed(anybody)) == {*listed(caller), theirs}
    assert listed(caller, AapName="team-a-none") == []
    assert caller.call("GetClientKey", ClientKeyId=mine)["AapName"] == "team-a-x"
    caller.call("DeleteClientKey", ClientKeyId=mine)
    for each, expected in ((caller, FORBIDDEN), (anybody, MISSING)):
        # What was deleted is as if it had never been.
        assert outcome(each, "DeleteClientKey", ClientKeyId=mine) == expected
    assert outcome(anybody, "GetClientKey", ClientKeyId=theirs) == (200, "OK")


@pytest.mark.parametrize("rule", ["clients:alias/*", "*:alias/*", "crypto,read:*"])
def test_rules_on_keys_name_no_clients(application: Application, rule: str) -> None:
    """A policy of before that gave ``clients`` on keys gives it on no client."""
    key_id = add(application, "app", "GenerateRandom")
    caller = application.caller(rule, "GenerateRandom")
    assert mint(caller, "app") == FORBIDDEN
    assert outcome(caller, "GetClientKey", ClientKeyId=key_id) == FORBIDDEN
    assert outcome(caller, "DeleteClientKey", ClientKeyId=key_id) == FORBIDDEN
    assert outcome(caller, "ListClientKeys") == FORBIDDEN


def test_deleting_the_newest_key_of_a_name_does_not_bring_old_rights_back(
    application: Application,
) -> None:
    """The operator's last word on a name stays, whatever is deleted over the API."""
    add(application, "app", "*")
    newest = add(application, "app", "GenerateRandom")
    caller = application.caller("clients:*", "GenerateRandom")
    caller.call("DeleteClientKey", ClientKeyId=newest)
    mighty = application.caller("*")
    for each in (caller, mighty):
        made = each.call("CreateClientKey", AapName="app", Password=PASSWORD)
        found = application.access.client(made["ClientKeyId"])
        assert found is not None
        assert found.policy.texts() == ("GenerateRandom",)


def test_a_name_without_a_key_that_stands_cannot_be_revived(
    application: Application,
) -> None:
    """Once all of its keys are revoked, nobody mints under it, nor under a new one."""
    only = add(application, "app", "GenerateRandom")
    caller = application.caller("*")
    caller.call("DeleteClientKey", ClientKeyId=only)
    assert mint(caller, "app") == MISSING
    assert mint(caller, "new") == MISSING


DATES = [
    {"NotBefore": "1949-12-31T23:59:59Z"},
    {"NotBefore": "1950-01-01T00:00:00Z"},
    {"NotBefore": "1969-12-31T23:59:59Z"},
    {"NotBefore": "0001-01-01T00:00:00Z"},
    {"NotBefore": "0000-01-01T00:00:00Z"},
    {"NotBefore": "9999-12-31T23:59:59Z"},
    {"NotBefore": "9990-01-01T00:00:00Z", "NotAfter": "9991-01-01T00:00:00Z"},
    {"NotBefore": "9999-12-31T23:59:58Z", "NotAfter": FOR_EVER},
    {"NotAfter": FOR_EVER},
    {"NotAfter": "0001-01-01T00:00:00Z"},
    {"NotAfter": "1949-12-31T23:59:59Z"},
    {"NotAfter": "2026-02-30T00:00:00Z"},
    {"NotAfter": "2026-13-01T00:00:00Z"},
    {"NotAfter": "2027-01-01T24:00:00Z"},
    {"NotAfter": "2027-01-01T00:00:60Z"},
    {"NotAfter": "2027-01-01T00:00:00.5Z"},
    {"NotAfter": "2027-01-01T00:00:00+00:00"},
    {"NotAfter": "2027-01-01"},
    {"NotAfter": "\u0662027-01-01T00:00:00Z"},
    {"NotAfter": " 2027-01-01T00:00:00Z"},
    {"NotAfter": "10000-01-01T00:00:00Z"},
    {"NotAfter": "-001-01-01T00:00:00Z"},
    {"NotAfter": "now"},
]


def test_a_date_that_cannot_be_used_is_refused(application: Application) -> None:
    """400 that names the parameter, never an internal failure; and nothing is made."""
    add(application, "app", "*")
    caller = application.caller()
    now = datetime.now(UTC)
    usual = {"NotBefore": wire_date(now), "NotAfter": wire_date(now + timedelta(30))}
    for given in DATES:
        with pytest.raises(Refused) as refused:
            caller.call("CreateClientKey", AapName="app", Password=PASSWORD,
                        **usual | given)  # fmt: skip
        assert (refused.value.status, refused.value.code) == INVALID, given
        assert any(f'"{name}"' in refused.value.message for name in given), given
        assert application.audit.entries[-1].code == "InvalidParameter"
    assert len(application.access.clients()) == 1


def test_keys_made_over_the_api_may_be_valid_for_less(
    serve: Callable[[Settings], Application],
) -> None:
    """A setting shortens the default and the most, for keys made over the API."""
    application = serve(with_setting(Settings(), "limits", "client_key_days", 30))
    add(application, "app", "*")
    caller = application.caller()
    made = caller.call("CreateClientKey", AapName="app", Password=PASSWORD)
    begin, end = (
        datetime.fromisoformat(made[each]) for each in ("NotBefore", "NotAfter")
    )
    assert end - begin == timedelta(days=30)
    start = wire_date(begin)
    for days, expected in ((30, (200, "OK")), (31, INVALID)):
        until = wire_date(begin + timedelta(days))
        assert mint(caller, "app", NotBefore=start, NotAfter=until) == expected
