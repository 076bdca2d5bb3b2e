"""What is counted, by one process and by several."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pairsmith import Instance
from pairsmith.server import metrics as server_metrics
from pairsmith.server.key_ages import key_version_ages
from pairsmith.server.metrics import Metrics

DAY_MS = 86_400_000


def figures(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels."""
    text, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    samples = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {
        name: float(value) for name, value in (each.rsplit(" ", 1) for each in samples)
    }


def test_operations_are_counted_by_kind_spec_and_outcome(instance: Instance) -> None:
    """With their time, and throttled ones as rejections of the guard too."""
    metrics = Metrics(instance)
    metrics.observe("GenerateDataKeyPair", "RSA_2048", "OK", 0.04)
    metrics.observe("GenerateDataKeyPair", "RSA_2048", "OK", 0.3)
    metrics.observe("GenerateDataKeyPair", "RSA_2048", "Rejected.Throttling", 0.0001)
    metrics.observe("Decrypt", "", "InternalFailure", 0.0001)
    seen = figures(metrics)
    pair = 'operation="GenerateDataKeyPair",spec="RSA_2048"'
    assert seen[f'pairsmith_operations_total{{code="OK",{pair}}}'] == 2
    failed = 'code="InternalFailure",operation="Decrypt",spec=""'
    assert seen[f"pairsmith_operations_total{{{failed}}}"] == 1
    assert seen[f"pairsmith_guard_rejections_total{{{pair}}}"] == 1
    assert seen[f'pairsmith_operation_seconds_bucket{{le="0.05",{pair}}}'] == 2
    assert seen[f"pairsmith_operation_seconds_count{{{pair}}}"] == 3
    assert not any("rejections" in name and "Decrypt" in name for name in seen)


def test_refusals_for_a_quota_are_counted_apart(instance: Instance) -> None:
    """Besides being refusals with their code, like any other."""
    metrics = Metrics(instance)
    for operation in ("GenerateDataKeyPair", "Evil"):
        metrics.observe(operation, "", "Rejected.Throttling", 0.0, over_quota=True)
    metrics.observe("GenerateDataKeyPair", "", "Rejected.Throttling", 0.0)
    counted = {
        name: value
        for name, value in figures(metrics).items()
        if name.startswith("pairsmith_quota_rejections_total")
    }
    name = 'pairsmith_quota_rejections_total{{operation="{}"}}'
    assert counted == {
        name.format("GenerateDataKeyPair"): 1,
        name.format("other"): 1,
    }


def test_callers_cannot_invent_labels(instance: Instance) -> None:
    """Names that do not exist are one, or a flood of them would fill the memory."""
    metrics = Metrics(instance)
    for number in range(50):
        metrics.observe(f"Evil{number}", f"RSA_{number}", "InvalidApiName", 0.0)
    labels = {name for name in figures(metrics) if "operations_total" in name}
    label = 'code="InvalidApiName",operation="other",spec="other"'
    assert labels == {f"pairsmith_operations_total{{{label}}}"}


def test_what_was_counted_once_is_counted_without_its_labels(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking for them costs as much as counting; an invented name is not kept."""
    metrics = Metrics(instance)
    looked: list[tuple[str, ...]] = []
    labels = metrics._operations.labels

    def look(*values: str) -> object:
        looked.append(values)
        return labels(*values)

    monkeypatch.setattr(metrics._operations, "labels", look)
    for _ in range(3):
        metrics.observe("Decrypt", "", "OK", 0.002)
        metrics.observe("Decrypt", "", "InternalFailure", 0.002)
        metrics.observe("Evil", "", "OK", 0.002)
    known = [("Decrypt", "", "OK"), ("Decrypt", "", "InternalFailure")]
    assert looked == [*known, *[("other", "", "OK")] * 3]
    assert list(metrics._kept) == known
    seen = figures(metrics)
    for operation, _, code in looked[:3]:
        label = f'code="{code}",operation="{operation}",spec=""'
        assert seen[f"pairsmith_operations_total{{{label}}}"] == 3
    label = 'operation="Decrypt",spec=""'
    assert seen[f"pairsmith_operation_seconds_count{{{label}}}"] == 6


def test_no_more_outcomes_are_kept_than_there_is_room_for(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is counted the longer way."""
    monkeypatch.setattr(server_metrics, "KEPT_OUTCOMES", 1)
    metrics = Metrics(instance)
    for _ in range(2):
        metrics.observe("Decrypt", "", "OK", 0.002)
        metrics.observe("Encrypt", "", "OK", 0.002)
    assert list(metrics._kept) == [("Decrypt", "", "OK")]
    seen = figures(metrics)
    for operation in ("Decrypt", "Encrypt"):
        label = f'code="OK",operation="{operation}",spec=""'
        assert seen[f"pairsmith_operations_total{{{label}}}"] == 2


def test_key_versions_are_counted_by_age(instance: Instance, key_id: str) -> None:
    """Every age is there; the server's own version is nobody's and not counted."""
    instance.create_key_version(key_id)
    instance.create_key()
    metrics = Metrics(instance)
    seen = figures(metrics)
    assert seen['pairsmith_key_versions{age="under 1d",primary="yes"}'] == 2
    assert seen['pairsmith_key_versions{age="under 1d",primary="no"}'] == 1
    assert seen['pairsmith_key_versions{age="over 365d",primary="yes"}'] == 0
    assert len([name for name in seen if "key_versions" in name]) == 12
    access = instance.registry.access
    real = access.now_ms
    access.now_ms = lambda: real() + 31 * DAY_MS  # type: ignore[assignment]
    ages = key_version_ages(instance.registry)
    assert ages["under 90d", True] == 2
    assert ages["under 1d", True] == 0


def test_figures_are_shown_when_the_database_is_gone(
    instance: Instance, url: str
) -> None:
    """That is when somebody looks; key versions are then not told rather than 0."""
    metrics = Metrics(instance)
    metrics.observe("Decrypt", "", "ServiceUnavailableTemporary", 0.1)
    assert figures(metrics)["pairsmith_database_up"] == 1
    Path(url.removeprefix("sqlite:///")).write_bytes(b"no database" * 1000)
    seen = figures(metrics)
    assert seen["pairsmith_database_up"] == 0
    assert not any("key_versions" in name for name in seen)
    assert any("operations_total" in name for name in seen)


def test_a_pool_is_shown_where_there_is_one(instance: Instance, url: str) -> None:
    """An instance without a pool has no such figure."""
    assert "pool" not in str(figures(Metrics(instance)))
    with Instance.open(url, pool={"EC_P256": 3}) as pooled:
        assert pooled.warm_up()
        seen = figures(Metrics(pooled))
    assert seen['pairsmith_pool_pairs{spec="EC_P256"}'] == 3


WORKERS = """
import sys
from multiprocessing import get_context
from pathlib import Path
from pairsmith.server.metrics import Metrics
from pairsmith.server.metrics_files import count_in

def work(url, folder, count):
    from pairsmith import Instance
    count_in(folder, count)
    with Instance.open(url) as instance:
        metrics = Metrics(instance)
        for _ in range(count):
            metrics.observe("Decrypt", "", "OK", 0.002)

if __name__ == "__main__":
    url, folder, method = sys.argv[1:]
    context = get_context(method)
    workers = [
        context.Process(target=work, args=(url, folder, n)) for n in (10, 20, 30)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    from pairsmith import Instance
    count_in(folder, 1)
    with Instance.open(sys.argv[1]) as instance:
        print(Metrics(instance).render()[0].decode())
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_add_up_and_outlive_their_processes(
    url: str, tmp_path: Path, method: str
) -> None:
    """Three processes count; a fourth shows the sum."""
    program = tmp_path / "workers.py"
    program.write_text(WORKERS)
    shared = tmp_path / "shared"
    shared.mkdir()
    run = subprocess.run(
        [sys.executable, program, url, shared, method],
        capture_output=True,
        text=True,
        check=True,
    )
    label = 'operation="Decrypt",spec=""'
    assert f'pairsmith_operations_total{{code="OK",{label}}} 60.0' in run.stdout
    assert f"pairsmith_operation_seconds_count{{{label}}} 60.0" in run.stdout
    bucket = rf'seconds_bucket{{le="0.0025",{label}}} 60\.0'
    assert re.search(bucket.replace("{", r"\{").replace("}", r"\}"), run.stdout)
    assert 'pairsmith_key_versions{age="under 1d",primary="yes"} 0.0' in run.stdout
