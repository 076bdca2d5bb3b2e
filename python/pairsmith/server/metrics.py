"""Prometheus metrics, over all worker processes.

Each worker counts in files of its own, mapped into memory, and whichever is asked adds
up all of them. What the database knows better is asked of it at that moment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.errors import DatabaseError
from pairsmith.results import KeyPairSpec
from pairsmith.server.access.operations import OPERATIONS
from pairsmith.server.key_ages import key_version_ages
from pairsmith.server.logs import logger
from pairsmith.server.metrics_files import SHARED_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from pairsmith.instance import Instance

    Outcome = tuple[Callable[[], None], Callable[[float], None]]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""From a decryption to a slow RSA_4096; official clients give up after 10."""

OTHER = "other"
"""An operation or spec that does not exist: a caller must not invent labels."""

THROTTLED = "Rejected.Throttling"

KEPT_OUTCOMES = 4096
"""How many outcomes are counted without looking for their labels first.

Operations, specs and codes are closed sets; this only bounds what all of them at once
would take.
"""

_SHARED = """\
# HELP pairsmith_figures_shared Whether the counts are those of all workers.
# TYPE pairsmith_figures_shared gauge
pairsmith_figures_shared {}
"""

_OPERATIONS = OPERATIONS | {"Sign", "Verify", "GetSecretValue"}
_SPECS = frozenset(map(str, KeyPairSpec)) | {""}


class Metrics:
    """What this server counts.

    Args:
        instance: Gives what is counted when asked for: key versions, the pool.
    """

    def __init__(self, instance: Instance) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self._own = CollectorRegistry()
        self._asked = CollectorRegistry()
        self._operations = Counter(
            "pairsmith_operations",
            "Operations by kind, pair spec and outcome.",
            ["operation", "spec", "code"],
            registry=self._own,
        )
        self._seconds = Histogram(
            "pairsmith_operation_seconds",
            "From request to answer.",
            ["operation", "spec"],
            buckets=SECONDS,
            registry=self._own,
        )
        self._rejections = Counter(
            "pairsmith_guard_rejections",
            "Pairs refused because another was being made.",
            ["operation", "spec"],
            registry=self._own,
        )
        self._quota_rejections = Counter(
            "pairsmith_quota_rejections",
            "Requests refused because their client had its share.",
            ["operation"],
            registry=self._own,
        )
        self._asked.register(_Asked(instance))
        self._kept: dict[tuple[str, str, str], Outcome] = {}
        self._counting = True

    def observe(
        self,
        operation: str,
        spec: str,
        code: str,
        seconds: float,
        *,
        over_quota: bool = False,
    ) -> None:
        """Count one operation and its time.

        Args:
            operation: Its name on the wire.
            spec: Of a pair; else empty.
            code: ``OK`` or the error code.
            seconds: From request to answer.
            over_quota: Whether it was refused because its client had its share.

        What cannot be counted is not: nobody's request fails for it.
        """
        if not self._counting:
            return
        try:
            outcome = self._kept.get((operation, spec, code))
            if outcome is None:
                outcome = self._outcome(operation, spec, code)
            count, observe = outcome
            count()
            observe(seconds)
            if code == THROTTLED:
                labels = _label(operation, _OPERATIONS), _label(spec, _SPECS)
                self._rejections.labels(*labels).inc()
            if over_quota:
                self._quota_rejections.labels(_label(operation, _OPERATIONS)).inc()
        except Exception as error:  # noqa: BLE001 -- whatever a damaged file leads to
            self._counting = False
            logger().warning("this worker counts no more", reason=str(error))

    def _outcome(self, operation: str, spec: str, code: str) -> Outcome:
        """What counts one outcome; kept, unless a stranger has invented its name."""
        labels = _label(operation, _OPERATIONS), _label(spec, _SPECS)
        outcome = (
            self._operations.labels(*labels, code).inc,
            self._seconds.labels(*labels).observe,
        )
        if labels == (operation, spec) and len(self._kept) < KEPT_OUTCOMES:
            self._kept[operation, spec, code] = outcome
        return outcome

    def render(self) -> tuple[bytes, str]:
        """The figures of all workers as Prometheus reads them, and the content type.

        Where they cannot be added up, the counts are those of this worker, and
        ``pairsmith_figures_shared`` is 0.
        """
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        counted, shared = self._counted()
        asked = generate_latest(self._asked) + _SHARED.format(int(shared)).encode()
        return counted + asked, CONTENT_TYPE_LATEST

    def _counted(self) -> tuple[bytes, bool]:
        from prometheus_client import generate_latest

        folder = os.environ.get(SHARED_DIRECTORY)
        if folder is not None and any(Path(folder).glob("*.db")):
            try:
                return generate_latest(_all_workers()), True
            except Exception as error:  # noqa: BLE001 -- whatever a damaged file leads to
                logger().warning("figures cannot be added up", reason=str(error))
        return generate_latest(self._own), False


def _label(name: str, known: Collection[str]) -> str:
    return name if name in known else OTHER


class _Asked:
    """Figures that are looked up when they are asked for."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def collect(self) -> Iterator[Metric]:
        """Key versions by age if the database answers, and the pool if there is one."""
        try:
            ages = key_version_ages(self._instance.registry)
        except DatabaseError:
            # Whoever looks at the figures now looks for this one.
            yield self._gauge("database_up", "Whether it answers.", {(): 0})
        else:
            yield self._gauge("database_up", "Whether it answers.", {(): 1})
            yield self._gauge(
                "key_versions",
                "Key versions by age; the primary ones are those that encrypt.",
                {
                    (age, "yes" if primary else "no"): n
                    for (age, primary), n in ages.items()
                },
                ("age", "primary"),
            )
        pool = self._instance.pool_status().specs
        if pool:
            ready: dict[tuple[str, ...], int]
            ready = {(spec,): pooled.depth for spec, pooled in pool.items()}
            yield self._gauge(
                "pool_pairs", "Pairs ready in the pool.", ready, ("spec",)
            )

    @staticmethod
    def _gauge(
        name: str,
        meaning: str,
        values: Mapping[tuple[str, ...], int],
        labels: tuple[str, ...] = (),
    ) -> Metric:
        from prometheus_client.core import GaugeMetricFamily

        gauge = GaugeMetricFamily(f"pairsmith_{name}", meaning, labels=labels)
        for label_values, value in values.items():
            gauge.add_metric(label_values, value)
        return gauge


def _all_workers() -> CollectorRegistry:
    """A view of what every worker counted."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
