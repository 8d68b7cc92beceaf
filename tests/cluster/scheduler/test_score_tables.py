"""Score plugins against the tables of Kubernetes' own tests."""

from __future__ import annotations

import pytest

from apps.cluster.scheduler.plugins.base import default_normalize
from apps.cluster.scheduler.plugins.image_locality import ImageLocality
from apps.cluster.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from apps.cluster.scheduler.plugins.node_affinity import NodeAffinity
from apps.cluster.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from apps.cluster.scheduler.plugins.node_resources_fit import NodeResourcesFit
from apps.cluster.scheduler.plugins.resource_scoring import ShapePoint, most_allocated, requested_to_capacity_ratio
from apps.cluster.scheduler.plugins.taint_toleration import TaintToleration
from apps.cluster.scheduler.status import ERROR, SchedulerError
from tests.cluster.scheduler.tables import World, rows


@pytest.mark.parametrize("row", rows("helper__TestDefaultNormalizeScore"))
def test_default_normalize(row):
    assert default_normalize(row["scores"], reverse=row["reverse"]) == row["expectedScores"]


@pytest.mark.parametrize("row", rows("imagelocality__TestImageLocalityPriority"))
def test_image_locality(row):
    world = World(row["nodes"], row["pods"])
    assert world.scores(ImageLocality(world.handle), row["pod"]) == row["expectedList"]


@pytest.mark.parametrize(
    "row", rows("nodeaffinity__TestNodeAffinityPriority", lambda row: not row["args"]["AddedAffinity"])
)
def test_node_affinity(row):
    world = World(row["nodes"])
    plugin = NodeAffinity(world.handle)
    if (row.get("wantPreScoreStatus") or {}).get("code") == ERROR:
        with pytest.raises(SchedulerError):
            world.scores(plugin, row["pod"])
    else:
        assert world.scores(plugin, row["pod"], pre_score=row["runPreScore"]) == row["expectedList"]


@pytest.mark.parametrize(
    "row",
    rows("tainttoleration__TestTaintTolerationScore", lambda row: not row["enableTaintTolerationComparisonOps"]),
)
def test_taint_toleration(row):
    world = World(row["nodes"])
    assert world.scores(TaintToleration(world.handle), row["pod"]) == row["expectedList"]


_TEAM1 = [
    {"metadata": {"name": "subteam1.team1", "labels": {"team": "team1"}}},
    {"metadata": {"name": "subteam2.team1", "labels": {"team": "team1"}}},
    {"metadata": {"name": "subteam1.team2", "labels": {"team": "team2"}}},
    {"metadata": {"name": "subteam2.team2", "labels": {"team": "team2"}}},
]


@pytest.mark.parametrize("row", rows("interpodaffinity__TestPreferredAffinityWithHardPodAffinitySymmetricWeight"))
def test_required_affinity_of_placed_pods_counts_too(row):
    world = World(row["nodes"], row["pods"], namespaces=_TEAM1)
    plugin = InterPodAffinity(world.handle, row["hardPodAffinityWeight"])
    assert world.scores(plugin, row["pod"]) == row["expectedList"]


def _resources(of: list[dict[str, object]]) -> list[tuple[str, int]]:
    return [(str(entry["Name"]), int(str(entry["Weight"]))) for entry in of]


# Dynamic resource allocation is not modelled; weights that validation refuses never reach the plugin.
@pytest.mark.parametrize(
    "row",
    rows("noderesources__TestMostAllocatedScoringStrategy", lambda row: row["expectedScores"] and row["resources"]),
)
def test_most_allocated(row):
    world = World(row["nodes"], row["existingPods"])
    plugin = NodeResourcesFit(world.handle, most_allocated, _resources(row["resources"]))
    assert world.scores(plugin, row["requestedPod"]) == row["expectedScores"]


@pytest.mark.parametrize("row", rows("noderesources__TestResourceBinPackingMultipleExtended"))
def test_requested_to_capacity_ratio(row):
    world = World(row["nodes"], row["pods"])
    shape = requested_to_capacity_ratio([ShapePoint(0, 0), ShapePoint(100, 10)])
    plugin = NodeResourcesFit(world.handle, shape, [("intel.com/foo", 3), ("intel.com/bar", 5)])
    assert world.scores(plugin, row["pod"]) == row["expectedScores"]


@pytest.mark.parametrize(
    "row", rows("noderesources__testNodeResourcesBalancedAllocation", lambda row: not row["draObjects"])
)
def test_balanced_allocation(row):
    world = World(row["nodes"], row["existingPods"])
    plugin = NodeResourcesBalancedAllocation(world.handle, _resources(row["args"]["Resources"]))
    assert world.scores(plugin, row["requestedPod"], pre_score=row["runPreScore"]) == row["expectedScores"]
