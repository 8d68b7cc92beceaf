"""The scheduler's plugins: who may run where, and which node is better."""

from __future__ import annotations

from typing import Any

from apps.cluster.scheduler.cache import Cache
from apps.cluster.scheduler.plugins.base import CycleState, default_normalize
from apps.cluster.scheduler.plugins.image_locality import ImageLocality
from apps.cluster.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from apps.cluster.scheduler.plugins.node_affinity import NodeAffinity
from apps.cluster.scheduler.plugins.node_name import NodeName
from apps.cluster.scheduler.plugins.node_ports import NodePorts
from apps.cluster.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from apps.cluster.scheduler.plugins.node_resources_fit import NodeResourcesFit, usage
from apps.cluster.scheduler.plugins.pod_topology_spread import DEFAULT_CONSTRAINTS, PodTopologySpread
from apps.cluster.scheduler.plugins.resource_scoring import ShapePoint, most_allocated, requested_to_capacity_ratio
from apps.cluster.scheduler.plugins.taint_toleration import TaintToleration
from apps.cluster.scheduler.plugins.volume_restrictions import VolumeRestrictions
from apps.cluster.scheduler.resources import requested
from apps.cluster.scheduler.signature import SIGNERS, pod_affinity, signature
from apps.cluster.scheduler.status import ERROR, SchedulerError
from tests.cluster.scheduler.tables import World, named, node_info
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj

SKIP = 5


def told(status: Any) -> tuple[int, list[str]] | None:
    """A status of ours, or of the tables, as its code and reasons."""
    if status is None:
        return None
    if isinstance(status, dict):
        return status["code"], list(status.get("reasons") or [])
    return status.code, list(status.reasons)


@adaptor("sched__nodename__TestNodeName")
def node_name(row: Row) -> None:
    world = World([row["node"]])
    found = NodeName(world.handle).filter(CycleState(), world.pod(row["pod"]), world.nodes[0])
    same(told(found), told(row["wantStatus"]))


def _added(row: Row) -> Obj | None:
    return (row["args"] or {}).get("AddedAffinity")


@adaptor("sched__nodeaffinity__TestNodeAffinity")
def node_affinity(row: Row) -> None:
    world = World([{"metadata": {"name": row["nodeName"] or "", "labels": row["labels"] or {}}}])
    plugin, state, pod = NodeAffinity(world.handle, _added(row)), CycleState(), world.pod(row["pod"])
    if row["runPreFilter"]:
        status = plugin.pre_filter(state, pod, world.nodes)
        same(told(status), told(row["wantPreFilterStatus"]), "PreFilter")
        names = ((row["wantPreFilterResult"] or {}).get("NodeNames") or {}).get("__set")
        same(sorted(pod.kind.nodes or ()), sorted(names or ()), "nodes")
        if status is not None and status.code != SKIP:
            return
    same(told(plugin.filter(state, pod, world.nodes[0])), told(row["wantStatus"]), "Filter")


@adaptor("sched__nodeaffinity__TestNodeAffinityPriority")
def node_affinity_score(row: Row) -> None:
    world = World(row["nodes"])
    plugin = NodeAffinity(world.handle, _added(row))
    if (row["wantPreScoreStatus"] or {}).get("code") == ERROR:
        try:
            world.scores(plugin, row["pod"])
        except SchedulerError:
            return
        same("scores", "an error")
    same(world.scores(plugin, row["pod"], pre_score=bool(row["runPreScore"])), row["expectedList"])


@adaptor("sched__nodeports__TestNodePorts")
def node_ports(row: Row) -> None:
    plugin, state = NodePorts(World().handle), CycleState()
    pod = Cache().classes.info(named(row["pod"], "incoming"))
    status = plugin.pre_filter(state, pod, ())
    same(told(status), told(row["wantPreFilterStatus"]), "PreFilter")
    if status is None:
        same(told(plugin.filter(state, pod, node_info(row["nodeInfo"]))), told(row["wantFilterStatus"]), "Filter")


@adaptor("sched__nodeports__TestFits")
def node_ports_fit(row: Row) -> None:
    pod = Cache().classes.info(named(row["pod"], "incoming"))
    same(NodePorts(World().handle).filter(CycleState(), pod, node_info(row["existing"])) is None, row["expect"])


@adaptor("sched__tainttoleration__TestTaintTolerationFilterWithFeatureGate")
def taint_toleration(row: Row) -> None:
    world = World([row["node"]])
    plugin = TaintToleration(world.handle, compare=bool(row["enableTaintTolerationComparisonOps"]))
    status = plugin.filter(CycleState(), world.pod(row["pod"]), world.nodes[0])
    same(told(status), told(row["wantStatus"]))


@adaptor("sched__tainttoleration__TestTaintTolerationScore")
def taint_toleration_score(row: Row) -> None:
    world = World(row["nodes"])
    plugin = TaintToleration(world.handle, compare=bool(row["enableTaintTolerationComparisonOps"]))
    same(world.scores(plugin, row["pod"]), row["expectedList"])


@adaptor("sched__volumerestrictions__TestISCSIDiskConflicts", "sched__volumerestrictions__TestRBDDiskConflicts")
def volume_restrictions(row: Row) -> None:
    plugin, state = VolumeRestrictions(World().handle), CycleState()
    pod = Cache().classes.info(named(row["pod"], "incoming"))
    status = plugin.pre_filter(state, pod, ())
    same(told(status), told(row["preFilterWantStatus"]), "PreFilter")
    if status is None:
        same(told(plugin.filter(state, pod, node_info(row["nodeInfo"]))), told(row["wantStatus"]), "Filter")


@adaptor("sched__podtopologyspread__TestPreFilterState")
def topology_spread_state(row: Row) -> None:
    objects: dict[str, list[Obj]] = {}
    for obj in row["objs"] or ():
        kind = "replicasets" if "template" in obj["spec"] else "services"
        objects.setdefault(kind, []).append(obj)
    world = World(row["nodes"], row["existingPods"], **objects)
    plugin = PodTopologySpread(world.handle, row["defaultConstraints"] or DEFAULT_CONSTRAINTS)
    state, pod = CycleState(), world.pod(row["pod"])
    same(told(plugin.pre_filter(state, pod, world.nodes)), told(row["wantPrefilterStatus"]), "PreFilter")
    if row["want"] is None:
        return
    known, want = state.data["PodTopologySpread"], row["want"]
    same(known.counts, want.get("TpValueToMatchNum") or [], "counts")
    for i, constraint in enumerate(known.constraints):
        wanted = want["Constraints"][i]
        same(
            (constraint.topology_key, constraint.max_skew, constraint.min_domains),
            (wanted["TopologyKey"], wanted["MaxSkew"], wanted["MinDomains"]),
            "constraint",
        )
        same(constraint.honor_affinity, wanted["NodeAffinityPolicy"] == "Honor", "affinity policy")
        same(constraint.honor_taints, wanted["NodeTaintsPolicy"] == "Honor", "taints policy")
        if len(known.counts[i]) >= constraint.min_domains:
            same(known.minimum(i), want["CriticalPaths"][i][0]["MatchNum"], "minimum")


def _printed(pairs: dict[tuple[str, str], int]) -> dict[str, int]:
    return {f"{{{key} {value}}}": amount for (key, value), amount in pairs.items()}


@adaptor("sched__interpodaffinity__TestGetTPMapMatchingIncomingAffinityAntiAffinity")
def inter_pod_affinity_counts(row: Row) -> None:
    world = World(row["nodes"], row["existingPods"])
    plugin, kind = InterPodAffinity(world.handle), world.pod(row["pod"]).kind
    same(_printed(plugin.affinity_pairs(kind)), row["wantAffinityPodsMap"] or {}, "affinity")
    same(_printed(plugin.anti_pairs(kind)), row["wantAntiAffinityPodsMap"] or {}, "anti-affinity")


@adaptor("sched__interpodaffinity__TestPreFilterStateAddRemovePod")
def inter_pod_affinity_follows_pods(row: Row) -> None:
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
    same(_printed(after.affinity), row["expectedAffinity"] or {}, "affinity")
    same(_printed(after.anti), row["expectedAntiAffinity"] or {}, "anti-affinity")
    counted = (expected.affinity, expected.anti, expected.existing)
    same((after.affinity, after.anti, after.existing), counted, "added")
    plugin.remove_pod(changed, pod, other, where)
    same((after.affinity, after.anti, after.existing), start, "removed again")


_TEAMS: list[Obj] = [
    {"metadata": {"name": f"subteam{sub}.team{team}", "labels": {"team": f"team{team}"}}}
    for team in (1, 2)
    for sub in (1, 2)
]


@adaptor("sched__interpodaffinity__TestPreferredAffinityWithHardPodAffinitySymmetricWeight")
def required_affinity_of_placed_pods_counts_too(row: Row) -> None:
    world = World(row["nodes"], row["pods"], namespaces=_TEAMS)
    same(world.scores(InterPodAffinity(world.handle, row["hardPodAffinityWeight"]), row["pod"]), row["expectedList"])


def _fragments(dumped: list[Obj] | None) -> Obj:
    return {one["Key"]: one["Value"] for one in dumped or ()}


@adaptor("sched__noderesources__testFitSignPod")
def sign_resources(row: Row) -> None:
    """With devices of dynamic resource allocation, a Pod is not signed."""
    wanted = _fragments(row["expectedFragments"])
    if row["expectedStatusCode"]:
        same(SIGNERS["NodeResourcesFit"](row["pod"]), None)
        return
    (key, value), *_ = wanted.items()
    told = value["value"]["Resource"]
    same(SIGNERS["NodeResourcesFit"](row["pod"]), {key: {**told, "ScalarResources": told.get("ScalarResources")}})


@adaptor("sched__interpodaffinity__TestPodAffinitySignature")
def sign_affinity(row: Row) -> None:
    ignore = row["config"]["IgnorePreferredTermsOfExistingPods"]
    wanted = _fragments(row["expectedSignature"]) if row["schedulable"] else None
    same(pod_affinity(row["pod"], ignore_existing=ignore), wanted)


@adaptor("sched-core__scheduler__TestSignatures")
def signatures(row: Row) -> None:
    """Plugins that say what they are told to."""

    def signer(plugin: Obj) -> Any:
        refused = (plugin.get("status") or {}).get("code", 0)
        return lambda pod: None if refused else _fragments(plugin.get("signature"))

    found = signature({"spec": {"schedulerName": "test-scheduler"}}, map(signer, row["plugins"] or ()))
    same(found, row["expectedSignature"] or "")


@adaptor("sched__noderesources__testComputePodResourceRequestWithNodeAllocatableDRA")
def pod_requests_leave_claimed_devices_out(row: Row) -> None:
    request, want = requested(row["pod"]["spec"]), row["expected"]["Resource"]
    same((request.cpu, request.memory), (want["MilliCPU"], want["Memory"]))


@adaptor("sched__noderesources__testCalculateResourceAllocatableRequest")
def extended_resource_of_a_node(row: Row) -> None:
    world = World([row["node"]])
    name = row["extendedResource"]
    _, before, capacity = usage(world.nodes[0], {name: 1}, {"cpu": 0, "memory": 0}, [name])
    same((capacity, before), ([row["expectedAllocatable"]], [row["expectedAllocated"]]))


@adaptor("sched__helper__TestDefaultNormalizeScore")
def normalize(row: Row) -> None:
    same(default_normalize(row["scores"], reverse=row["reverse"]), row["expectedScores"])


@adaptor("sched__imagelocality__TestImageLocalityPriority")
def image_locality(row: Row) -> None:
    world = World(row["nodes"], row["pods"])
    same(world.scores(ImageLocality(world.handle), row["pod"]), row["expectedList"])


def _resources(of: list[Obj]) -> list[tuple[str, int]]:
    return [(str(entry["Name"]), int(str(entry["Weight"]))) for entry in of]


@adaptor("sched__noderesources__TestMostAllocatedScoringStrategy")
def most_allocated_score(row: Row) -> None:
    world = World(row["nodes"], row["existingPods"])
    try:
        plugin = NodeResourcesFit(world.handle, most_allocated, _resources(row["resources"] or []))
    except ValueError:
        same("an error", "an error" if row["wantErrs"] else "scores")
        return
    same(world.scores(plugin, row["requestedPod"]), row["expectedScores"])


@adaptor("sched__noderesources__TestResourceBinPackingMultipleExtended")
def requested_to_capacity(row: Row) -> None:
    world = World(row["nodes"], row["pods"])
    shape = requested_to_capacity_ratio([ShapePoint(0, 0), ShapePoint(100, 10)])
    plugin = NodeResourcesFit(world.handle, shape, [("intel.com/foo", 3), ("intel.com/bar", 5)])
    same(world.scores(plugin, row["pod"]), row["expectedScores"])


@adaptor("sched__noderesources__testNodeResourcesBalancedAllocation")
def balanced_allocation(row: Row) -> None:
    world = World(row["nodes"], row["existingPods"])
    plugin = NodeResourcesBalancedAllocation(world.handle, _resources(row["args"]["Resources"]))
    same(world.scores(plugin, row["requestedPod"], pre_score=bool(row["runPreScore"])), row["expectedScores"])
