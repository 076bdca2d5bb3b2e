"""Who is named for what a server process changes, at its start and for its clients."""

import ssl
from collections.abc import Callable

import httpx2 as httpx
from openapi_caller import Caller

from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.services import utc_now
from pairsmith.testing import RunningServer


def test_the_change_log_names_server_command_and_client(
    pairsmith_servers: Callable[..., RunningServer],
) -> None:
    """Each process names itself; a request's change, its principal and request id."""
    server = pairsmith_servers()
    with server.open_instance() as instance:
        first = instance.registry.changes()
        actors = {line.told["operation"]: line.told["actor"] for line in first}
        assert actors["CreateServiceSecret"]["kind"] == "server"
        assert actors["CreateServiceSecret"]["process_id"] != server.pid
        made = next(each for each in first if each.told["subjects"].get("identity_id"))
        assert made.told["actor"]["command"] == "serve"
        assert made.told["actor"]["process_id"] == server.pid
        store = AccessStore(instance.registry)
        key, secret = store.create_access_key("ops", parse_policy(["*"]))
        store.close()
        trusted = ssl.create_default_context(cafile=server.ca_file)
        with httpx.Client(base_url=server.url, verify=trusted) as http:
            answer = Caller(http, key.id, secret, utc_now).call("CreateKey")
        (newest,) = instance.registry.changes(limit=1)
        actor = newest.told["actor"]
        assert newest.told["operation"] == "CreateKey"
        assert (actor["kind"], actor["principal_id"]) == ("server", key.id)
        assert actor["request_id"] == answer["RequestId"]
        assert actor["process_id"] == actors["CreateServiceSecret"]["process_id"]
        assert instance.registry.verify_changes().lines == newest.sequence
