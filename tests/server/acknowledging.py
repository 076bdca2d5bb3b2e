"""Clients that change a server as fast as it answers, and remember what it answered."""

import base64
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2 as httpx
from openapi_caller import Caller
from signing import Client, Signer

from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.testing import RunningServer
from waiting import PATIENCE_SECONDS

State = TypeVar("State")

"""For an answer, or for the load to get going; only a defect takes that long."""
PAIRS = (
    ("GenerateDataKeyPair", "EC_P256"),
    ("AdvanceGenerateDataKeyPairWithoutPlaintext", "EC_P256K"),
    ("AdvanceGenerateDataKeyPair", "RSA_3072"),
    ("GenerateDataKeyPairWithoutPlaintext", "RSA_2048"),
)
PASSWORD = base64.b64encode(b"for a test only").decode()


@dataclass
class Acknowledged:
    """What was answered with 200 and must hold after whatever happens.

    Attributes:
        requests: The id of each request.
        versions: Of each key, in the order they were made.
        aliases: The keys that a name may be bound to: one, or several while a change
            is not answered; ``None`` is for no key.
        clients: Whether a client key may be "valid" or "revoked", likewise.
        pairs: Answers to pair operations.
        data_keys: Answers to the operations of data keys.
        statuses: How often each status was answered, those of refusals included.
    """

    requests: set[str] = field(default_factory=set)
    versions: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, set[str | None]] = field(default_factory=dict)
    clients: dict[str, set[str]] = field(default_factory=dict)
    pairs: list[Any] = field(default_factory=list)
    data_keys: list[Any] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def is_varied(self) -> bool:
        """Whether there is something of each kind."""
        return all((self.pairs, self.data_keys, self.versions, self.aliases,
                    self.clients))  # fmt: skip


@contextmanager
def changing(
    states: dict[str, set[State]], name: str, before: State, after: State
) -> Iterator[None]:
    """Both states may be found until the change is answered, then only the later."""
    states.setdefault(name, {before}).add(after)
    yield
    states[name] = {after}


class Load:
    """Six clients of one server, each busy until the server is gone.

    Args:
        server: Runs.
        signer: May do everything with data.
        access_key: Id and secret of one that may do everything else.
        key_id: The key under which pairs and data keys are made.
        client_name: A name that has client keys, and will have more.
    """

    def __init__(
        self,
        server: RunningServer,
        signer: Signer,
        access_key: tuple[str, str],
        key_id: str,
        client_name: str,
    ) -> None:
        self.seen = Acknowledged()
        self._server = server
        self._signer = signer
        self._access_key = access_key
        self._key_id = key_id
        self._client_name = client_name
        self._counter = itertools.count()
        self._answered = threading.Condition()
        self._failures: list[BaseException] = []

    def until(self, answers: int, end: Callable[[], None]) -> None:
        """Be busy; after so many more answers, some of each kind, end the server."""
        wanted = len(self.seen.requests) + answers
        kinds = (self._pairs, self._pairs, self._data_keys, self._keys, self._keys,
                 self._clients)  # fmt: skip
        busy = [threading.Thread(target=self._repeat, args=(kind,)) for kind in kinds]
        for thread in busy:
            thread.start()
        with self._answered:
            in_time = self._answered.wait_for(
                lambda: (
                    (len(self.seen.requests) >= wanted and self.seen.is_varied)
                    or self._failures
                ),
                PATIENCE_SECONDS,
            )
        end()
        for thread in busy:
            thread.join()
        # Each client loses its server, at whatever it was doing; nothing else is right.
        others = [it for it in self._failures if not isinstance(it, httpx.HTTPError)]
        assert not others, others
        assert in_time
        assert len(self._failures) == len(kinds)
        self._failures.clear()

    def pair_status(self, client: Client) -> int:
        """The status of one request for a pair, by a client that may."""
        request = messages.GenerateDataKeyPairRequest(
            KeyId=self._key_id, KeyPairSpec="EC_P256", KeyFormat="DER"
        )
        return int(client.send("GenerateDataKeyPair", request).status_code)

    def _repeat(self, kind: Callable[[Client, Caller], None]) -> None:
        # Without TLS; reading the CAs of the machine would only take time.
        url, timeout = self._server.url, PATIENCE_SECONDS
        with httpx.Client(base_url=url, timeout=timeout, verify=False) as http:
            try:
                while True:
                    kind(Client(http, self._signer), Caller(http, *self._access_key))
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is judged
                with self._answered:
                    self._failures.append(error)
                    self._answered.notify()

    def _pairs(self, client: Client, _: Caller) -> None:
        """One pair of each operation; some are refused, for there is one slot."""
        for name, spec in PAIRS:
            request = getattr(messages, f"{name}Request")(
                KeyId=self._key_id, KeyPairSpec=spec, KeyFormat="DER"
            )
            answer = self._asked(client, name, request, also=429)
            if answer is not None:
                self.seen.pairs.append(answer)

    def _data_keys(self, client: Client, _: Caller) -> None:
        """One data key of each kind."""
        for name in ("GenerateDataKey", "AdvanceGenerateDataKey"):
            request = getattr(messages, f"{name}Request")(
                KeyId=self._key_id, NumberOfBytes=32
            )
            self.seen.data_keys.append(self._asked(client, name, request))

    def _keys(self, _: Client, caller: Caller) -> None:
        """Two keys: versions of the first, and a name that moves and goes away."""
        first, second = (self._new_key(caller) for _ in range(2))
        made = self._called(caller, "CreateKeyVersion", KeyId=first)["KeyVersion"]
        self.seen.versions[first].append(made["KeyVersionId"])
        name = f"alias/load-{next(self._counter)}"
        states = self.seen.aliases
        with changing(states, name, None, first):
            self._called(caller, "CreateAlias", AliasName=name, KeyId=first)
        with changing(states, name, first, second):
            self._called(caller, "UpdateAlias", AliasName=name, KeyId=second)
        if next(self._counter) % 2:
            with changing(states, name, second, None):
                self._called(caller, "DeleteAlias", AliasName=name)

    def _clients(self, _: Client, caller: Caller) -> None:
        """Two client keys, of which one is deleted again."""
        for deleted in (False, True):
            made = self._called(
                caller, "CreateClientKey", AapName=self._client_name, Password=PASSWORD
            )
            name = made["ClientKeyId"]
            self.seen.clients[name] = {"valid"}
            if deleted:
                with changing(self.seen.clients, name, "valid", "revoked"):
                    self._called(caller, "DeleteClientKey", ClientKeyId=name)

    def _new_key(self, caller: Caller) -> str:
        made = self._called(caller, "CreateKey")["KeyMetadata"]
        self.seen.versions[made["KeyId"]] = [made["PrimaryKeyVersion"]]
        return str(made["KeyId"])

    def _asked(
        self, client: Client, name: str, request: Any, *, also: int = 200
    ) -> Any | None:
        """The answer to a data operation; ``None`` if it was this other status."""
        response = client.send(name, request)
        self.seen.statuses[response.status_code] += 1
        assert response.status_code in (200, also), (name, response)
        if response.status_code != 200:
            return None
        answer = getattr(messages, f"{name}Response").FromString(response.content)
        self._note(answer.RequestId)
        return answer

    def _called(self, caller: Caller, action: str, **parameters: str) -> dict[str, Any]:
        """The answer to an action, which must be a good one."""
        answer = caller.call(action, **parameters)
        self.seen.statuses[200] += 1
        self._note(answer["RequestId"])
        return answer

    def _note(self, request_id: str) -> None:
        with self._answered:
            self.seen.requests.add(request_id)
            self._answered.notify()
