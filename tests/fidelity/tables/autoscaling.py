"""Autoscaling: whose metrics count."""

from __future__ import annotations

from apps.cluster.apimachinery import timestamps
from apps.cluster.controllers.podautoscaler.replica_calculator import PodMetric, Timing, group_pods
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import members, milliseconds, whole

NOW_MS = timestamps.parse("2026-11-23T04:11:00Z") + 70  # when that table was dumped
TIMING = Timing(NOW_MS, initialization_ms=120_000, readiness_delay_ms=10_000)


@adaptor("hpa__podautoscaler__TestGroupPods")
def group(row: Row) -> None:
    metrics = {
        name: PodMetric(one["Value"], _instant(one["Timestamp"]), milliseconds(one["Window"]))
        for name, one in (row["metrics"] or {}).items()
    }
    found = group_pods([whole(pod) for pod in row["pods"] or ()], metrics, row["resource"], TIMING)
    same(found.ready, row["expectReadyPodCount"], "ready")
    for field in ("Unready", "Missing", "Ignored"):
        same(sorted(getattr(found, field.lower())), members(row[f"expect{field}Pods"]), field.lower())


def _instant(text: str) -> int:
    """Go writes nanoseconds, and the year 1 for no time."""
    return 0 if text.startswith("0001-") else timestamps.parse(text.partition(".")[0].rstrip("Z") + "Z")
