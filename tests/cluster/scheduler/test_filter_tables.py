"""Filter plugins against the tables of Kubernetes' own tests."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.scheduler.cache import Cache
from apps.cluster.scheduler.plugins.base import CycleState
from apps.cluster.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from apps.cluster.scheduler.plugins.node_affinity import NodeAffinity
from apps.cluster.scheduler.plugins.node_name import NodeName
from apps.cluster.scheduler.plugins.node_ports import NodePorts
from apps.cluster.scheduler.plugins.node_resources_fit import usage
from apps.cluster.scheduler.plugins.pod_topology_spread import DEFAULT_CONSTRAINTS, PodTopologySpread
from apps.cluster.scheduler.plugins.taint_toleration import TaintToleration
from apps.cluster.scheduler.plugins.volume_restrictions import VolumeRestrictions
from apps.cluster.scheduler.resources import requested
from tests.cluster.scheduler.tables import World, as_wanted, named, node_info, rows

Obj = dict[str, Any]


@pytest.mark.parametrize("row", rows("nodename__TestNodeName"))
def test_node_name(row):
    world = World([row["node"]])
    assert (
        as_wanted(NodeName(world.handle).filter(CycleState(), world.pod(row["pod"]), world.nodes[0]))
        == row["wantStatus"]
    )


# addedAffinity comes from the plugin's arguments, which the default profile does not set.
@pytest.mark.parametrize("row", rows("nodeaffinity__TestNodeAffinity", lambda row: not row["args"]["AddedAffinity"]))
def test_node_affinity(row):
    world = World([{"metadata": {"name": row["nodeName"], "labels": row["labels"] or {}}}])
    plugin, state, pod = NodeAffinity(world.handle), CycleState(), world.pod(row["pod"])
    if row["runPreFilter"]:
        status = as_wanted(plugin.pre_filter(state, pod, world.nodes))
        assert status == row["wantPreFilterStatus"]
        names = (row["wantPreFilterResult"] or {}).get("NodeNames", {}).get("__set")
        assert sorted(pod.kind.nodes or ()) == sorted(names or ())
        if status is not None and status["code"] != 5:
            return
    assert as_wanted(plugin.filter(state, pod, world.nodes[0])) == row["wantStatus"]


@pytest.mark.parametrize("row", rows("nodeports__TestNodePorts"))
def test_node_ports(row):
    plugin, state = NodePorts(World().handle), CycleState()
    pod = Cache().classes.info(named(row["pod"], "incoming"))
    status = plugin.pre_filter(state, pod, ())
    assert as_wanted(status) == row["wantPreFilterStatus"]
    if status is None:
        assert as_wanted(plugin.filter(state, pod, node_info(row["nodeInfo"]))) == row["wantFilterStatus"]


@pytest.mark.parametrize("row", rows("nodeports__TestFits"))
def test_node_ports_fit(row):
    pod = Cache().classes.info(named(row["pod"], "incoming"))
    assert (NodePorts(World().handle).filter(CycleState(), pod, node_info(row["existing"])) is None) is row["expect"]


# The operators Lt and Gt are behind a feature gate that is off.
@pytest.mark.parametrize(
    "row",
    rows(
        "tainttoleration__TestTaintTolerationFilterWithFeatureGate",
        lambda row: not row["enableTaintTolerationComparisonOps"],
    ),
)
def test_taint_toleration(row):
    world = World([row["node"]])
    status = TaintToleration(world.handle).filter(CycleState(), world.pod(row["pod"]), world.nodes[0])
    assert as_wanted(status) == row["wantStatus"]


@pytest.mark.parametrize(
    "row", rows("volumerestrictions__TestISCSIDiskConflicts") + rows("volumerestrictions__TestRBDDiskConflicts")
)
def test_volume_restrictions(row):
    plugin, state = VolumeRestrictions(World().handle), CycleState()
    pod = Cache().classes.info(named(row["pod"], "incoming"))
    status = plugin.pre_filter(state, pod, ())
    assert as_wanted(status) == row["preFilterWantStatus"]
    if status is None:
        assert as_wanted(plugin.filter(state, pod, node_info(row["nodeInfo"]))) == row["wantStatus"]


# Rows with the feature gates of node inclusion policies or matchLabelKeys off show what 1.36 no longer does.
_GATES_OFF = (
    "feature gate disabled with NodeAffinityPolicy",
    "feature gate disabled with NodeTaintsPolicy",
    "matchLabelKeys ignored when feature gate disabled",
)


@pytest.mark.parametrize(
    "row", rows("podtopologyspread__TestPreFilterState", lambda row: row["name"] not in _GATES_OFF)
)
def test_topology_spread_state(row):
    objects: dict[str, list[Obj]] = {}
    for obj in row["objs"] or ():
        kind = "replicasets" if "template" in obj["spec"] else "services"
        objects.setdefault(kind, []).append(obj)
    world = World(row["nodes"], row["existingPods"], **objects)
    plugin = PodTopologySpread(world.handle, row["defaultConstraints"] or DEFAULT_CONSTRAINTS)
    state, pod = CycleState(), world.pod(row["pod"])
    assert as_wanted(plugin.pre_filter(state, pod, world.nodes)) == row["wantPrefilterStatus"]
    if row["want"] is None:
        return
    known, want = state.data["PodTopologySpread"], row["want"]
    assert known.counts == want["TpValueToMatchNum"]
    for i, constraint in enumerate(known.constraints):
        wanted = want["Constraints"][i]
        assert (constraint.topology_key, constraint.max_skew) == (wanted["TopologyKey"], wanted["MaxSkew"])
        assert constraint.min_domains == wanted["MinDomains"]
        assert constraint.honor_affinity is (wanted["NodeAffinityPolicy"] == "Honor")
        assert constraint.honor_taints is (wanted["NodeTaintsPolicy"] == "Honor")
        if len(known.counts[i]) >= constraint.min_domains:
            assert known.minimum(i) == want["CriticalPaths"][i][0]["MatchNum"]


@pytest.mark.parametrize("row", rows("interpodaffinity__TestGetTPMapMatchingIncomingAffinityAntiAffinity"))
def test_inter_pod_affinity_counts(row):
    world = World(row["nodes"], row["existingPods"])
    plugin, kind = InterPodAffinity(world.handle), world.pod(row["pod"]).kind
    assert _printed(plugin.affinity_pairs(kind)) == row["wantAffinityPodsMap"]
    assert _printed(plugin.anti_pairs(kind)) == row["wantAntiAffinityPodsMap"]


@pytest.mark.parametrize("row", rows("interpodaffinity__TestPreFilterStateAddRemovePod"))
def test_inter_pod_affinity_follows_pods(row):
    """Adding a Pod to the state gives what counting with it would, and removing it gives what was."""
    added = named(row["addedPod"], "added")
    with_it = World(row["nodes"], [*row["existingPods"], added])
    whole = CycleState()
    pod = with_it.pod(row["pendingPod"])
    InterPodAffinity(with_it.handle).pre_filter(whole, pod, with_it.nodes)

    world = World(row["nodes"], row["existingPods"])
    plugin, state, pod = InterPodAffinity(world.handle), CycleState(), world.pod(row["pendingPod"])
    plugin.pre_filter(state, pod, world.nodes)
    before = state.data["InterPodAffinity"]
    start = (dict(before.affinity), dict(before.anti), dict(before.existing))
    changed = state.clone()
    other = world.cache.classes.info(added)
    where = world.cache.nodes[added["spec"]["nodeName"]]
    plugin.add_pod(changed, pod, other, where)
    after, expected = changed.data["InterPodAffinity"], whole.data["InterPodAffinity"]
    assert _printed(after.affinity) == row["expectedAffinity"]
    assert _printed(after.anti) == row["expectedAntiAffinity"]
    assert (after.affinity, after.anti, after.existing) == (expected.affinity, expected.anti, expected.existing)
    plugin.remove_pod(changed, pod, other, where)
    assert (after.affinity, after.anti, after.existing) == start


def _printed(pairs: dict[tuple[str, str], int]) -> dict[str, int]:
    return {f"{{{key} {value}}}": amount for (key, value), amount in pairs.items()}


# Whether the Pod could be batched is no question here: with devices of dynamic resource allocation it could not.
@pytest.mark.parametrize("row", rows("noderesources__testFitSignPod", lambda row: row["expectedFragments"]))
def test_pod_requests(row):
    want = row["expectedFragments"][0]["Value"]["Resource"]
    request = requested(row["pod"]["spec"])
    assert (request.cpu, request.memory, request.ephemeral) == (
        want["MilliCPU"],
        want["Memory"],
        want["EphemeralStorage"],
    )
    assert dict(request.scalar) == (want["ScalarResources"] or {})


@pytest.mark.parametrize(
    "row",
    rows(
        "noderesources__testComputePodResourceRequestWithNodeAllocatableDRA",
        lambda row: not row["enableDRANodeAllocatableResources"],
    ),
)
def test_pod_requests_leave_claimed_devices_out(row):
    request, want = requested(row["pod"]["spec"]), row["expected"]["Resource"]
    assert (request.cpu, request.memory) == (want["MilliCPU"], want["Memory"])


# Only device plugins: what dynamic resource allocation serves is not modelled.
@pytest.mark.parametrize(
    "row", rows("noderesources__testCalculateResourceAllocatableRequest", lambda row: not row["draObjects"])
)
def test_extended_resource_of_a_node(row):
    world = World([row["node"]])
    name = row["extendedResource"]
    _, before, capacity = usage(world.nodes[0], {name: 1}, {"cpu": 0, "memory": 0}, [name])
    assert (capacity, before) == ([row["expectedAllocatable"]], [row["expectedAllocated"]])
