"""The load benchmark: what it sends, and what its figures are made from."""

import json
from dataclasses import replace
from http.client import UNAUTHORIZED
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
from benches.server_load import checkouts, picture
from benches.server_load.checkouts import AFTER, BEFORE
from benches.server_load.generator import Measured, script_of_several
from benches.server_load.load import SLOTS, Case, Contestant, Load, turns
from benches.server_load.requests import HEALTH, REFUSED, Prepared, Requests
from benches.server_load.soak import mixture
from benches.server_load.tables import print_load

SECOND = Measured(
    answers=100, seconds=1.0, p50_ms=3.0, p99_ms=9.0, max_ms=9.0,
    refused=0, broken=0, server_us=800.0, client_us=10.0,
)  # fmt: skip


def load_of(**decrypt: float) -> Load:
    """Two rounds of two commits; the page takes 100 µs, Decrypt what is given."""
    page = replace(SECOND, server_us=100.0, p50_ms=0.1)
    cases = {
        Case(kind, SLOTS, count): [replace(page), replace(page)]
        for kind in (HEALTH, REFUSED, "Decrypt")
        for count in (1, 16, 128)
    }
    slow = {case: list(rounds) for case, rounds in cases.items()}
    for case in (case for case in cases if case.kind == "Decrypt"):
        cases[case] = [replace(SECOND, **cast("Any", decrypt)), SECOND]
    return Load({BEFORE: slow, AFTER: cases}, 50.0, [500.0, 1000.0])


def test_each_prepared_request_is_answered_as_it_says() -> None:
    """By a real server: operations succeed, and a wrong signature is refused."""
    with checkouts.present().running(pairs_limit=SLOTS) as server:
        requests = Requests(server)
        prepared = requests.each()
        for request in prepared:
            request.answer_of(server)
        refused = requests.refused()
        assert refused.status == UNAUTHORIZED
        with pytest.raises(AssertionError, match="401"):
            replace(refused, status=200).answer_of(server)
    assert [each.kind for each in prepared[:2]] == [HEALTH, REFUSED]


def test_a_checkout_without_an_environment_is_refused(tmp_path: Path) -> None:
    """The message says what is missing and how to make it."""
    with pytest.raises(SystemExit, match=r"\.venv/bin/python is missing: run `make"):
        checkouts.other(tmp_path)


def test_floors_are_compared_round_by_round() -> None:
    """A ratio is of one round's page, a latency is less that round's flush."""
    load = load_of(server_us=400.0, p50_ms=2.0)
    case = Case("Decrypt", SLOTS, 1)
    assert load.times_health(AFTER, case) == [4.0, 8.0]
    assert load.beyond_flush_us(AFTER, case) == [1500.0, 2000.0]


@pytest.mark.parametrize(("server_us", "met"), [(0.0, "yes"), (400.0, "**no**")])
def test_goals_are_judged_by_the_median(
    capsys: pytest.CaptureFixture[str], server_us: float, met: str
) -> None:
    """The other round takes eight times the page; four times are allowed."""
    print_load(load_of(server_us=server_us), 3)
    printed = capsys.readouterr().out.splitlines()
    (line,) = (line for line in printed if line.startswith("| Decrypt | 128 |"))
    assert f"| 4 | {met} |" in line


def test_who_goes_first_in_a_round_goes_last_in_the_next() -> None:
    """Commits take turns for each request, so that a slow minute meets all of them."""

    class Two:
        """Requests of which there are two kinds."""

        def each(self) -> list[Prepared]:
            return [Prepared(kind, "GET", "/", {}, b"") for kind in "ab"]

    both = [
        Contestant(role, SLOTS, cast("Any", None), cast("Any", Two()))
        for role in (BEFORE, AFTER)
    ]
    for number, order in enumerate([[BEFORE, AFTER], [AFTER, BEFORE]]):
        turn = [(who.role, request.kind) for who, request, _ in turns(both, number)]
        assert turn[:4] == [(role, kind) for kind in "ab" for role in order]
        assert len(turn) == 4 * 3


def test_the_soak_sends_a_hundred_requests_with_one_rsa_pair() -> None:
    """Each kind has its part, and no kind comes three times in a row."""

    class Named:
        """Requests that are nothing but their names."""

        def __getattr__(self, name: str) -> Any:
            return lambda *spec: Prepared(" ".join((name, *spec)), "GET", "/", {}, b"")

    kinds = [each.kind for each in mixture(cast("Requests", Named()))]
    assert len(kinds) == 100
    assert kinds.count("pair RSA_2048") == 1
    assert kinds.count("decrypt") == kinds.count("pair EC_P256") == 30
    assert all(len(set(kinds[at : at + 3])) > 1 for at in range(98))


def test_the_script_of_wrk_holds_every_byte() -> None:
    """Bytes are written as numbers, so no quote or line break ends a string."""
    request = Prepared("any", "POST", "/", {"a": 'b"'}, b'"\n\xff')
    script = script_of_several([request])
    assert r'"\034\010\255"' in script
    assert r'["\097"] = "\098\034"' in script


def test_pictures_are_of_what_was_measured(tmp_path: Path) -> None:
    """Well-formed in both themes, twice the same, and others for other figures."""
    document = load_of(server_us=400.0).document()
    document["commits"] = {BEFORE: "1234567", AFTER: "89abcde"}
    parts = tmp_path / "parts.json"
    parts.write_text(json.dumps({"audit": 300, "signature": 68}))
    drawn = {}
    for name, file in (("one", None), ("two", None), ("three", parts)):
        picture.draw(document, tmp_path / f"{name}.svg", file)
        drawn[name] = [
            (tmp_path / f"{name}-{theme}.svg").read_bytes()
            for theme in ("light", "dark")
        ]
    for content in (content for both in drawn.values() for content in both):
        assert ET.fromstring(content).tag.endswith("svg")  # noqa: S314 -- ours
    assert drawn["one"] == drawn["two"] != drawn["three"]


def test_parts_are_of_one_operation_or_of_several(tmp_path: Path) -> None:
    """One object of numbers is one bar."""
    file = tmp_path / "parts.json"
    several = {"Decrypt": {"audit": 300.0}, "pair": {"audit": 310.5}}
    for written, read in (({"audit": 300}, {"": {"audit": 300}}), (several, several)):
        file.write_text(json.dumps(written))
        assert picture.read_parts(file) == read
