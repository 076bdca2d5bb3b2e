"""The comparison of generators: its arithmetic, its protocol and its command."""

import json
import math
import random
import subprocess
import sys
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pairsmith import bench, generators
from pairsmith.bench import Contender, Results, speed_up
from pairsmith.cli import main
from pairsmith.errors import InternalFailure, InvalidParameter
from pairsmith.instance import Instance


def program(text: str) -> tuple[str, ...]:
    """Start a contender that is a few lines of Python."""
    return (sys.executable, "-c", text)


EXACT = Contender("exact", program("print('exact 1', flush=True)\nwhile True:\n"
    " spec, keys, threads = input().split()\n"
    " print(*[0.25] * int(keys), flush=True)\n"))  # fmt: skip


def results(seconds: list[float], name: str = "any") -> Results:
    """Durations that were never measured."""
    return Results("RSA_2048", name, name, seconds)


def test_mean_standard_error_and_median_are_those_of_the_textbook() -> None:
    """Of 1, 2, 3 and 6: mean 3, variance 14/3, median 2.5."""
    some = results([1.0, 2.0, 3.0, 6.0])
    assert (some.mean, some.median) == (3.0, 2.5)
    assert some.standard_error == pytest.approx(math.sqrt(14 / 3 / 4))
    assert results([1.0]).standard_error == math.inf
    assert results([1.0]).to_dict()["StandardErrorMs"] is None


def test_the_interval_of_a_ratio_covers_the_true_one_as_often_as_it_says() -> None:
    """Exponential durations, as those of a search, with a true ratio of 10."""
    draw = random.Random(3)  # noqa: S311 -- statistics, repeated in every run
    covered = 0
    for _ in range(1000):
        slow = results([draw.expovariate(1) for _ in range(100)])
        fast = results([draw.expovariate(10) for _ in range(100)])
        value, low, high = speed_up(slow, fast)
        assert low < value < high
        covered += low < 10 < high
    assert 920 < covered < 980


def test_one_key_has_an_interval_without_end() -> None:
    """Which says that nothing is known, and breaks no arithmetic."""
    value, low, high = speed_up(results([1.0]), results([0.5]))
    assert (value, low < 1e-300, high > 1e300) == (2.0, True, True)


@pytest.mark.parametrize("name", ["pairsmith", "cryptography"])
def test_a_generator_answers_line_by_line(name: str) -> None:
    """As a process: its version, then as many durations as keys were asked for."""
    command = [sys.executable, "-m", "pairsmith.generators", name]
    requests = "RSA_2048 2 1\nEC_P256 3 1\nEC_P256K 1 1\n"
    ended = subprocess.run(
        command, input=requests, capture_output=True, text=True, check=True
    )
    version, *lines = ended.stdout.splitlines()
    assert version.startswith(name)
    durations = [[float(word) for word in line.split()] for line in lines]
    assert [len(each) for each in durations] == [2, 3, 1]
    assert all(0 < each < 60 for line in durations for each in line)


def test_a_generator_makes_what_is_asked_for() -> None:
    """Ours gives a wrapped pair of the spec, with one thread or two."""
    _, generate = generators.of_pairsmith()
    for threads in (1, 2):
        pair: Any = generate("RSA_2048", threads)
        public_key, _iv, blob, private_key = pair
        assert 256 < len(public_key) < 300 < len(blob)
        assert private_key is None
    _, generate = generators.of_cryptography()
    key: Any = generate("RSA_3072", 1)
    assert (key.key_size, key.public_key().public_numbers().e) == (3072, 65537)


def test_contenders_take_turns_until_all_have_enough() -> None:
    """Each makes as many keys, and the first one of each does not count."""
    other = Contender("other", EXACT.command)
    told: list[tuple[str, float]] = []
    measured = bench.measure(
        [EXACT, other],
        "RSA_2048",
        keys=9,
        progress=lambda name, share: told.append((name, share)),
    )
    assert [each.seconds for each in measured] == [[0.25] * 12] * 2
    assert [each.label for each in measured] == ["exact 1", "exact 1"]
    names = [name for name, _ in told]
    assert names == ["exact", "other"] * 3 + [""]
    assert told[-1][1] == 1.0


def test_time_ends_a_measurement_after_a_whole_round() -> None:
    """At least one, however short the time."""
    (measured,) = bench.measure([EXACT], "RSA_4096", seconds=0.001)
    assert len(measured.seconds) >= 1


def test_processes_side_by_side_share_the_time_of_a_key() -> None:
    """Two that take 0.25 s each give a key every 0.125 s."""
    both = Contender("both", EXACT.command, processes=2)
    (measured,) = bench.measure([both], "RSA_4096", keys=2)
    assert measured.seconds == [0.125, 0.125]
    assert measured.label == "exact 1, 2 processes"


def test_a_contender_that_ends_too_early_is_named() -> None:
    """And nobody waits for it for ever."""
    for text in ("", "print('short 1', flush=True)", "print('x'); input(); exit(1)"):
        with pytest.raises(InternalFailure, match="generator short ended"):
            bench.measure([Contender("short", program(text))], "RSA_2048", keys=1)


def test_specs_that_a_rival_does_not_know_are_left_out() -> None:
    """PyCryptodome has no secp256k1."""
    pycryptodome = Contender("pycryptodome", EXACT.command)
    measured = bench.measure([EXACT, pycryptodome], "EC_P256K", keys=1)
    assert [each.name for each in measured] == ["exact"]


def test_engines_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them by default, each once, whatever the environment asks for."""
    best = Instance.engine()
    monkeypatch.setenv("PAIRSMITH_ENGINE", "portable")
    names = [contender.name for contender in bench.engines()]
    expected = dict.fromkeys([f"pairsmith {best}", "pairsmith portable"])
    assert names == list(expected)
    assert len(bench.engines(["portable", "portable"])) == 1
    assert len(bench.engines(["auto", best])) == 1
    with pytest.raises(InvalidParameter, match="must be one of auto, portable"):
        bench.engines(["quantum"])


def test_the_pairwise_test_of_curves_is_measured_beside() -> None:
    """The same engine with the test takes part by itself."""
    (plain,) = bench.engines(["auto"])
    without, with_test = bench.measure(
        [plain, bench.tested(plain)], "EC_P256K", keys=40
    )
    assert (without.name, with_test.name) == (
        plain.name,
        f"{plain.name}, pairwise test",
    )
    assert with_test.label == f"{without.label}, pairwise test"
    answer = run("--json", "bench", "--keys", "2", "--spec", "EC_P256", "--engine",
                 "auto", "--rival", "cryptography", "--pairwise-test")  # fmt: skip
    names = [each["Generator"] for each in json.loads(answer.stdout)["Results"]]
    assert len(names) == 3
    assert names[1] == f"{names[0]}, pairwise test"


def test_an_engine_that_the_machine_lacks_is_refused() -> None:
    """With the reason that the core gives."""
    lacking = Contender("pairsmith x", bench.engines(["portable"])[0].command,
                        {"PAIRSMITH_ENGINE": "x"})  # fmt: skip
    with pytest.raises(InvalidParameter, match="PAIRSMITH_ENGINE must be"):
        bench.measure([lacking], "RSA_2048", keys=1)


def test_a_rival_that_is_not_installed_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asked for by name; by default it is just left out."""
    monkeypatch.setitem(bench.RIVALS, "pycryptodome", "no_such_module")
    assert [rival.name for rival in bench.rivals()] == ["cryptography"]
    with pytest.raises(InvalidParameter, match="pycryptodome is not installed"):
        bench.rivals(["pycryptodome"])
    assert [rival.name for rival in bench.rivals(["cryptography"])] == ["cryptography"]


def run(*words: str) -> Result:
    """Type ``pairsmith bench``."""
    return CliRunner().invoke(main, [*words])


def test_the_command_compares_as_json() -> None:
    """Ours and a rival on two specs, with all that a report needs."""
    answer = run("--json", "bench", "--keys", "2", "--engine", "auto", "--rival",
                 "cryptography", "--spec", "RSA_2048", "--spec", "EC_P256",
                 "--spec", "RSA_2048")  # fmt: skip
    assert (answer.exit_code, answer.stderr) == (0, "")
    found = json.loads(answer.stdout)["Results"]
    assert [(each["Spec"], each["Generator"], each["Keys"] >= 2) for each in found] == [
        (spec, name, True)
        for spec in ("RSA_2048", "EC_P256")
        for name in ("pairsmith auto", "cryptography")
    ]
    for each in found:
        speed = each["SpeedOverCryptography"]
        assert 0 <= speed["Low"] <= speed["Value"] <= speed["High"]
        assert each["MeanMs"] > 0
    assert Instance.engine() in found[0]["Version"]
    assert found[1]["SpeedOverCryptography"]["Value"] == 1


def test_the_command_shows_people_a_table() -> None:
    """A line for each generator, its speed in the last column; progress elsewhere."""
    answer = run("bench", "--keys", "2", "--spec", "EC_P256")
    assert (answer.exit_code, answer.stderr) == (0, "")
    lines = answer.stdout.splitlines()
    assert lines[0].split()[:2] == ["EC_P256", "Keys"]
    assert [line.split()[0] for line in lines[1:3]] == ["pairsmith"] * 2 or (
        Instance.engine() == "portable"
    )
    assert "rivals only generate" in answer.stdout


def test_the_command_refuses_what_it_does_not_know() -> None:
    """Before anything is measured."""
    assert run("bench", "--spec", "RSA_1024").exit_code == 2
    assert run("bench", "--keys", "0").exit_code == 2
    assert run("bench", "--seconds", "0").exit_code == 2


def test_durations_of_a_generator_are_its_own() -> None:
    """Each is measured around one key and nothing else."""
    slept: list[tuple[str, int]] = []
    line = generators.answer("RSA_2048 3 2", lambda *told: slept.append(told))
    assert slept == [("RSA_2048", 2)] * 3
    assert fmean(map(float, line.split())) < 1
