"""EndpointSlices: hints by zone and node, and what becomes of slices when their Service goes."""

from __future__ import annotations

from apps.cluster.controllers.endpointslice.reconcile import Slices, _reuse, new_slice, reconcile, same_placeholder
from apps.cluster.controllers.endpointslice.topology import TopologyCache
from tests.cluster.controllers.objects import service
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj

ZONES = {"node-0": "zone-a", "node-1": "zone-b", "node-2": "zone-c"}
READY = {"allocatable": {"cpu": "1"}, "conditions": [{"type": "Ready", "status": "True"}]}
WHERE = ("node-0", "node-1", "node-1", "node-1", "node-2", "node-2")


def a_service(**spec: object) -> Obj:
    made = service("web", **{"clusterIP": "10.96.0.9", "ipFamilies": ["IPv4"], **spec})
    made["metadata"] |= {"namespace": "default", "uid": "svc", "creationTimestamp": "2026-11-23T00:00:00Z"}
    return made


def a_pod(number: int, node: str) -> Obj:
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T00:00:01Z"}
    ip = f"10.244.0.{number + 1}"
    container = {"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}
    return {
        "metadata": {"name": f"web-{number}", "namespace": "default", "uid": f"u{number}"},
        "spec": {"nodeName": node, "containers": [container]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [condition]},
    }


@adaptor("endpointslice__endpointslice__TestPlaceHolderSliceCompare")
def compare_placeholders(row: Row) -> None:
    same(same_placeholder(row["x"], row["y"]), row["want"])


@adaptor("endpointslice__endpointslice__TestReconcile_TrafficDistribution")
def traffic_distribution(row: Row) -> None:
    """Three nodes, each in a zone of its own, with one, three and two Pods."""

    def look(name: str) -> Obj:
        return {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": ZONES[name]}}}

    wanted = row["trafficDistribution"]
    owner = a_service(**({"trafficDistribution": wanted} if wanted else {}))
    if row["topologyAnnotation"] == "Auto":
        owner["metadata"]["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
    cache = TopologyCache()
    cache.set_nodes([{**look(name), "status": READY} for name in ZONES])
    pods = [a_pod(number, name) for number, name in enumerate(WHERE)]
    decided = reconcile(owner, pods, [], look, zones=cache)
    by_zone: dict[str, int] = {}
    by_node: dict[str, int] = {}
    for endpoint in decided.create[0]["endpoints"]:
        hints = endpoint.get("hints", {})
        for zone in hints.get("forZones") or [{"name": ""}]:
            by_zone[zone["name"]] = by_zone.get(zone["name"], 0) + 1
        for one in hints.get("forNodes") or []:
            by_node[one["name"]] = by_node.get(one["name"], 0) + 1
    same(by_zone, row["wantHintsDistributionByZone"], "hints by zone")
    same(by_node, row["wantHintsDistributionByNode"] or {}, "hints by node")


@adaptor("endpointslice__endpointslice__TestReconcilerFinalizeSvcDeletionTimestamp")
def a_service_that_is_going_gets_no_new_slices(row: Row) -> None:
    """Upstream's three slices: one to create, one to update, one to delete; a deleted one may be recycled."""
    owner = a_service()
    blank = new_slice(owner, "IPv4", [], [])

    def stored(name: str) -> Obj:
        return {**blank, "metadata": {**blank["metadata"], "name": name}}

    decided = Slices(
        create=[blank] if row["attemptCreate"] else [],
        update=[stored("update")] if row["attemptUpdate"] else [],
        delete=[stored("delete")] if row["attemptDelete"] else [],
    )
    _reuse(decided, owner)
    if row["deletionTimestamp"]:
        decided.create.clear()
    same(bool(decided.create), row["expectCreatedSlice"], "created")
    same(not decided.delete, row["expectDeletedSlice"], "deleted")
    same(bool(decided.update), row["expectUpdatedSlice"], "updated")
