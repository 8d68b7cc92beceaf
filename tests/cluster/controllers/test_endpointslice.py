"""EndpointSlices and Endpoints: who answers for a Service, as a recorded Kubernetes 1.36 wrote it down."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.endpointslice.endpoints import find_port, port_key
from apps.cluster.controllers.endpointslice.endpoints_controller import MAX_CAPACITY, subsets_of, truncate
from apps.cluster.controllers.endpointslice.reconcile import (
    MAX_ENDPOINTS,
    Slices,
    labels_for,
    reconcile,
)
from apps.cluster.controllers.endpointslice.services import TriggerTimes
from tests.cluster.controllers.objects import deployment, service
from tests.cluster.controllers.world import World

Obj = dict[str, Any]


def a_service(**spec: Any) -> Obj:
    made = service("web", **{"clusterIP": "10.96.0.9", "ipFamilies": ["IPv4"], **spec})
    made["metadata"] |= {"namespace": "default", "uid": "svc", "creationTimestamp": "2026-11-23T00:00:00Z"}
    return made


def pod(number: int, node: str = "n1", *, ready: bool = True, **metadata: Any) -> Obj:
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "2026-11-23T00:00:01Z"}
    ip = f"10.244.{number // 250}.{number % 250 + 1}"
    return {
        "metadata": {"name": f"web-{number}", "namespace": "default", "uid": f"u{number}", **metadata},
        "spec": {"nodeName": node, "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [condition]},
    }


def node(name: str) -> Obj | None:
    return {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": f"zone-{name}"}}} if name else None


def stored(endpoint_slice: Obj, name: str) -> Obj:
    return {**endpoint_slice, "metadata": {**endpoint_slice["metadata"], "name": name}}


def sizes(decided: Slices) -> tuple[list[int], list[int], int]:
    """Endpoints of the slices to create and to update; slices to delete."""
    created = [len(one["endpoints"]) for one in decided.create]
    return created, [len(one["endpoints"]) for one in decided.update], len(decided.delete)


def test_an_endpoint_says_where_it_is_and_how_it_does() -> None:
    going = pod(2, deletionTimestamp="2026-11-23T00:01:00Z")
    decided = reconcile(a_service(), [pod(0), pod(1, ready=False), going], [], node)
    endpoints = decided.create[0]["endpoints"]
    assert endpoints[0] == {
        "addresses": ["10.244.0.1"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "targetRef": {"kind": "Pod", "namespace": "default", "name": "web-0", "uid": "u0"},
        "nodeName": "n1",
        "zone": "zone-n1",
    }
    assert endpoints[1]["conditions"] == {"ready": False, "serving": False, "terminating": False}
    assert endpoints[2]["conditions"] == {"ready": False, "serving": True, "terminating": True}


def test_publish_not_ready_addresses_calls_everything_ready() -> None:
    decided = reconcile(a_service(publishNotReadyAddresses=True), [pod(0, ready=False)], [], node)
    assert decided.create[0]["endpoints"][0]["conditions"]["ready"] is True


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(0, [0], id="an empty slice for nobody"),
        pytest.param(100, [100], id="a hundred in one"),
        pytest.param(250, [100, 100, 50], id="full ones and the rest"),
    ],
)
def test_slices_hold_a_hundred(count: int, expected: list[int]) -> None:
    decided = reconcile(a_service(), [pod(number) for number in range(count)], [], node)
    assert sizes(decided) == (expected, [], 0)


def existing(*counts: int) -> tuple[list[Obj], list[Obj]]:
    """Pods, and slices that hold so many of them each."""
    pods, slices = [], []
    for number, count in enumerate(counts):
        mine = [pod(len(pods) + position) for position in range(count)]
        pods += mine
        slices.append(stored(reconcile(a_service(), mine, [], node).create[0], f"web-{number}"))
    return pods, slices


@pytest.mark.parametrize(
    ("there", "change", "expected"),
    [
        pytest.param((3,), 0, ([], [], 0), id="nothing to do"),
        pytest.param((3,), 1, ([], [4], 0), id="a new one fills the slice there is"),
        pytest.param((100, 90, 95), 5, ([], [100], 0), id="the fullest with room for all"),
        pytest.param((99, 99), 2, ([2], [], 0), id="a new slice when none has room for all"),
        pytest.param((3,), -1, ([], [2], 0), id="one less"),
        pytest.param((2, 1), -1, ([], [], 1), id="an empty slice goes"),
        pytest.param((1,), -1, ([], [0], 0), id="the last one stays, empty"),
    ],
)
def test_changes_touch_as_few_slices_as_may_be(
    there: tuple[int, ...], change: int, expected: tuple[list[int], list[int], int]
) -> None:
    pods, slices = existing(*there)
    now = pods[:change] if change < 0 else pods + [pod(500 + number) for number in range(change)]
    assert sizes(reconcile(a_service(), now, slices, node)) == expected


def test_pods_with_other_ports_get_a_slice_of_their_own() -> None:
    other = pod(1)
    other["spec"]["containers"][0]["ports"][0]["containerPort"] = 9090
    decided = reconcile(a_service(ports=[{"port": 80, "targetPort": "http"}]), [pod(0), other], [], node)
    assert [one["ports"][0]["port"] for one in decided.create] == [8080, 9090]


def test_a_pod_whose_node_is_unknown_is_left_out() -> None:
    decided = reconcile(a_service(), [pod(0), pod(1, node="")], [], node)
    assert decided.nodeless == [("web-1", "")]
    assert sizes(decided) == ([1], [], 0)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(9000, 9000, id="a number"),
        pytest.param("http", 8080, id="a name"),
        pytest.param("nosuch", None, id="a name that no container has"),
    ],
)
def test_find_port(target: int | str, expected: int | None) -> None:
    assert find_port(pod(0), {"port": 80, "targetPort": target}) == expected


def test_the_order_of_ports_does_not_matter() -> None:
    ports = [{"name": "a", "port": 1, "protocol": "TCP"}, {"name": "b", "port": 2, "protocol": "UDP"}]
    assert port_key(ports) == port_key(ports[::-1])


def test_labels_follow_the_service_but_for_the_reserved_ones() -> None:
    headless = a_service(clusterIP="None")
    headless["metadata"]["labels"] = {"team": "a", "kubernetes.io/service-name": "mine"}
    assert labels_for(headless) == {
        "team": "a",
        "service.kubernetes.io/headless": "",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }


# Endpoints.


def test_subsets_group_by_ports_and_part_by_readiness() -> None:
    subsets = subsets_of(a_service(ports=[{"port": 80, "targetPort": "http"}]), [pod(1, ready=False), pod(2), pod(0)])
    assert [one["ip"] for one in subsets[0]["addresses"]] == ["10.244.0.1", "10.244.0.3"]
    assert [one["ip"] for one in subsets[0]["notReadyAddresses"]] == ["10.244.0.2"]
    assert subsets[0]["ports"] == [{"port": 8080, "protocol": "TCP"}]
    assert len(subsets) == 1


def test_no_subset_for_a_port_that_no_pod_has() -> None:
    assert subsets_of(a_service(ports=[{"port": 80, "targetPort": "nosuch"}]), [pod(0)]) == []


def test_more_than_a_thousand_addresses_are_cut_ready_ones_last() -> None:
    subsets, cut = truncate([{"addresses": [{}] * 900, "notReadyAddresses": [{}] * 300}])
    assert cut
    assert (len(subsets[0]["addresses"]), len(subsets[0]["notReadyAddresses"])) == (900, MAX_CAPACITY - 900)
    assert MAX_ENDPOINTS == 100


def test_the_trigger_time_is_the_oldest_change_not_yet_answered() -> None:
    times = TriggerTimes()
    owner = a_service()
    assert times.compute("default/web", owner, [pod(0)]) == "2026-11-23T00:00:00Z"
    assert times.compute("default/web", owner, [pod(0)]) == ""
    assert times.compute("default/web", owner, [pod(0), pod(1)]) == "2026-11-23T00:00:01Z"


# At work.


def world() -> World:
    made = World()
    made.create(deployment(replicas=3))
    made.create(service("web"))
    made.run(3_000)
    return made


def test_the_slice_and_the_endpoints_of_a_service() -> None:
    made = world()
    (one,) = made.list("endpointslices")
    assert one["metadata"]["name"].startswith("web-")
    assert len(one["endpoints"]) == 3
    assert one["metadata"]["annotations"].keys() == {"endpoints.kubernetes.io/last-change-trigger-time"}
    (endpoints,) = made.list("endpoints")
    assert len(endpoints["subsets"][0]["addresses"]) == 3
    assert endpoints["metadata"]["labels"] == {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


def test_a_pod_that_goes_is_not_ready_first_and_then_gone() -> None:
    made = world()
    name = made.names("pods")[0]
    made.delete("pods", name)
    made.run(100)
    gone = [one for one in made.list("endpointslices")[0]["endpoints"] if one["targetRef"]["name"] == name]
    assert gone[0]["conditions"] == {"ready": False, "serving": True, "terminating": True}
    made.run(500)
    assert name not in [one["targetRef"]["name"] for one in made.list("endpointslices")[0]["endpoints"]]


def test_a_service_without_selector_and_an_external_name_get_none() -> None:
    made = World()
    made.create(service("nosel", selector=None))
    made.create(service("ext", type="ExternalName", externalName="example.com", ports=None))
    made.run(1_000)
    assert made.list("endpointslices") == made.list("endpoints") == []


def test_both_go_with_the_service() -> None:
    made = world()
    made.delete("services", "web")
    made.run(1_000)
    assert made.list("endpointslices") == made.list("endpoints") == []


def test_a_strangers_change_of_a_slice_is_undone() -> None:
    made = world()
    name = made.names("endpointslices")[0]
    made.patch("endpointslices", name, {"endpoints": []})
    made.run(1_500)
    assert len(made.get("endpointslices", name, "default")["endpoints"]) == 3
