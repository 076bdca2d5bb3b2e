"""The quota of pairs as clients meet it: 429 for who has had its share."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any, Self

import pytest
from applications import Application
from signing import Client, error_of

from pairsmith import Instance
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.path import workplaces
from pairsmith.server.path.turns import Turns
from pairsmith.server.settings import Pairs, Settings, with_setting
from waiting import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.usefixtures("key_id")


def pair(spec: str) -> messages.GenerateDataKeyPairRequest:
    """A request for a pair."""
    return messages.GenerateDataKeyPairRequest(
        KeyId="alias/test", KeyPairSpec=spec, KeyFormat="DER"
    )


def status(client: Client, spec: str) -> int:
    """Ask for a pair; the status."""
    return client.send("GenerateDataKeyPair", pair(spec)).status_code


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[Turns]:
    """The turns of each application made from now on; each look takes a second."""
    made: list[Turns] = []
    seconds = count()

    def make(pairs: Pairs, workers: int) -> Turns:
        patient = replace(pairs, turn_ms=PATIENCE_SECONDS * 1000)
        made.append(Turns(patient, workers, lambda: float(next(seconds))))
        return made[-1]

    monkeypatch.setattr(workplaces, "Turns", make)
    return made


@pytest.mark.usefixtures("turns")
def test_who_has_had_its_share_is_told_when_to_ask_again(
    serve: Callable[[Settings], Application],
) -> None:
    """429 with the documented words, audited; the others are served meanwhile."""
    application = serve(with_setting(Settings(), "pairs", "share_percent", 1))
    hog, other = application.client(), application.client()
    assert status(hog, "RSA_2048") == status(hog, "RSA_2048") == 200  # alone
    assert status(other, "EC_P256") == 200
    refused = hog.send("GenerateDataKeyPair", pair("RSA_2048"))
    error = error_of(refused)
    assert (refused.status_code, error.ErrorCode, error.ErrorMessage) == (
        429,
        "Rejected.Throttling",
        "Concurrency Limit Exceeded.",
    )
    assert int(refused.headers["retry-after"]) > 10
    assert application.audit.entries[-1].code == "Rejected.Throttling"
    assert application.metrics.over_quota == ["GenerateDataKeyPair"]
    assert status(other, "RSA_2048") == status(hog, "EC_P256") == 200


class Held:
    """RSA pairs that are made when a test says so, with the slot taken meanwhile."""

    def __init__(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self._instance = instance
        self._generate = instance.generate_data_key_pair
        monkeypatch.setattr(instance, "generate_data_key_pair", self.generate)

    def __enter__(self) -> Self:
        """Let go on at the end whatever happens: a pool waits for its threads."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go on."""
        self.go_on.set()

    def generate(self, key: str, spec: Any, key_format: Any, **how: Any) -> Any:
        """Make a pair."""
        if str(spec).startswith("RSA"):
            slot = self._instance._guard.acquire()
            self.begun.release()
            self.go_on.wait()
            self._instance._guard.release(slot)
        return self._generate(key, spec, key_format, **how)


@pytest.fixture
def held(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Such pairs."""
    pairs = Held(instance, monkeypatch)
    yield pairs
    pairs.go_on.set()


def test_another_client_waits_for_the_end_of_a_pair_and_the_same_one_does_not(
    turns: list[Turns], serve: Callable[[Settings], Application], held: Held
) -> None:
    """Its own second pair is refused at once; the other's is made next."""
    application = serve(Settings())
    hog, other = application.client(), application.client()
    with ThreadPoolExecutor() as pool, held:
        first = pool.submit(status, hog, "RSA_2048")
        assert held.begun.acquire(timeout=PATIENCE_SECONDS)
        refused = hog.send("GenerateDataKeyPair", pair("EC_P256"))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        second = pool.submit(status, other, "EC_P256")
        eventually(lambda: turns[0]._line)
        held.go_on.set()
        assert (first.result(), second.result()) == (200, 200)
    assert turns[0]._line == []


def test_with_no_time_for_turns_every_second_pair_is_refused_at_once(
    serve: Callable[[Settings], Application], held: Held
) -> None:
    """As the documented service does, whoever asks."""
    application = serve(with_setting(Settings(), "pairs", "turn_ms", 0))
    hog, other = application.client(), application.client()
    with ThreadPoolExecutor() as pool, held:
        first = pool.submit(status, hog, "RSA_2048")
        assert held.begun.acquire(timeout=PATIENCE_SECONDS)
        assert status(other, "EC_P256") == status(other, "RSA_2048") == 429
        held.go_on.set()
        assert first.result() == 200
