"""MetalLB: who gets which address, and which node answers for it.

Rows of TestSortL2Candidates, TestShouldAnnounceEPSlices (speaker/layer2_controller_test.go), TestAssignment and
TestPoolAllocation (internal/allocator/allocator_test.go).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.metallb.allocator import Decision, Refused, allocated, assigned, decide, holder
from apps.cluster.controllers.metallb.election import NAMESPACE, announcer, candidates, order
from apps.cluster.controllers.metallb.pools import Pool, parsed, read
from apps.cluster.engine import Randomness

Obj = dict[str, Any]


def service(name: str = "web", ip: str = "", annotations: Obj | None = None, **spec: Any) -> Obj:
    spec = {
        "type": "LoadBalancer",
        "clusterIPs": ["10.96.0.7"],
        "selector": {"app": name},
        "ports": [{"port": 80, "protocol": "TCP"}],
        **spec,
    }
    balancer = {"ingress": [{"ip": ip}]} if ip else {}
    metadata = {"name": name, "namespace": "default", "annotations": annotations or {}}
    return {"metadata": metadata, "spec": spec, "status": {"loadBalancer": balancer}}


def pool(name: str, *addresses: str, **more: Any) -> Pool:
    return Pool(name, tuple(parsed(text) for text in addresses), **more)


@pytest.mark.parametrize(
    ("nodes", "ip", "scores", "expected"),
    [
        pytest.param([], "10.0.0.1", {}, [], id="nobody"),
        pytest.param(["node-a"], "10.0.0.1", {}, ["node-a"], id="a single one"),
        pytest.param(
            ["node-c", "node-a", "node-b"], "10.0.0.1", {}, ["node-b", "node-a", "node-c"], id="by their hash"
        ),
        pytest.param(
            ["node-a", "node-c", "node-b"], "10.0.0.2", {}, ["node-b", "node-c", "node-a"], id="and the address"
        ),
        pytest.param(
            ["worker-a", "edge-b", "worker-b", "edge-a"],
            "10.20.30.1",
            {"edge-a": 100},
            ["edge-a", "edge-b", "worker-a", "worker-b"],
            id="who is preferred comes first",
        ),
        pytest.param(
            ["node-a", "node-b"],
            "10.20.30.1",
            {"node-a": 100, "node-b": 100},
            ["node-b", "node-a"],
            id="by hash among equals",
        ),
        pytest.param(
            ["worker-a", "edge-a", "edge-b"],
            "10.20.30.1",
            {"edge-a": 100, "edge-b": 100},
            ["edge-b", "edge-a", "worker-a"],
            id="the others after them",
        ),
    ],
)
def test_the_order_of_nodes(nodes: list[str], ip: str, scores: dict[str, int], expected: list[str]) -> None:
    assert order(nodes, ip, scores) == expected


POOLS = [pool("a", "1.2.3.4/31"), pool("b", "100.0.0.0/24", avoid_buggy=True)]
SHARED = {"metallb.io/allow-shared-ip": "key"}


@pytest.mark.parametrize(
    ("mine", "ip", "others", "expected"),
    [
        pytest.param(service("s1"), "1.2.3.4", [], "a", id="a free one"),
        pytest.param(service("s1"), "1.2.3.4", [service("s1", "1.2.3.4")], "a", id="its own again"),
        pytest.param(
            service("s2"),
            "1.2.3.4",
            [service("s1", "1.2.3.4")],
            'can\'t change sharing key for "1.2.3.4", address also in use by default/s1',
            id="not another's",
        ),
        pytest.param(service("s1"), "9.9.9.9", [], '["9.9.9.9"] is not allowed in config', id="not one of no pool"),
        pytest.param(
            service("s1"), "100.0.0.0", [], '["100.0.0.0"] is not allowed in config', id="not one that ends in 0"
        ),
        pytest.param(
            service("s2", annotations=SHARED, ports=[{"port": 443, "protocol": "TCP"}]),
            "1.2.3.4",
            [service("s1", "1.2.3.4", SHARED)],
            "a",
            id="a shared one, with another port",
        ),
        pytest.param(
            service("s2", annotations=SHARED),
            "1.2.3.4",
            [service("s1", "1.2.3.4", SHARED)],
            'port TCP/80 is already in use on "1.2.3.4"',
            id="but not with the same",
        ),
        pytest.param(
            service("s2", annotations=SHARED, externalTrafficPolicy="Local", ports=[{"port": 443, "protocol": "TCP"}]),
            "1.2.3.4",
            [service("s1", "1.2.3.4", SHARED)],
            'can\'t change sharing key for "1.2.3.4", address also in use by default/s1',
            id="nor with other Pods, where traffic is local",
        ),
    ],
)
def test_who_may_have_an_address(mine: Obj, ip: str, others: list[Obj], expected: str) -> None:
    there = [holder(one) for one in others]
    if expected in ("a", "b"):
        assert assigned(mine, (ip,), POOLS, there).name == expected
        return
    with pytest.raises(Refused) as refused:
        assigned(mine, (ip,), POOLS, there)
    assert str(refused.value) == expected


def test_addresses_are_given_in_their_order_until_none_is_left() -> None:
    pools, there = [pool("a", "192.0.2.0/30", avoid_buggy=True)], []
    for expected in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        ips, _ = allocated(service("s"), pools, there)
        assert ips == (expected,)
        there.append(holder(service(f"s{expected}", expected)))
    with pytest.raises(Refused, match=r"^no available IPs$"):
        allocated(service("s"), pools, there)


@pytest.mark.parametrize(
    ("mine", "expected"),
    [
        pytest.param(service(), (("10.0.0.1",), "any"), id="the first pool that is for everybody"),
        pytest.param(
            service(annotations={"metallb.io/address-pool": "asked"}), (("10.0.2.1",), "asked"), id="the one named"
        ),
        pytest.param(service(loadBalancerIP="10.0.0.3"), (("10.0.0.3",), "any"), id="the address asked for"),
        pytest.param(
            service(annotations={"metallb.io/loadBalancerIPs": "10.0.2.9"}),
            (("10.0.2.9",), "asked"),
            id="by annotation",
        ),
        pytest.param(
            service(annotations={"metallb.io/address-pool": "other"}),
            'Failed to allocate IP for "default/web": unknown pool "other"',
            id="a pool that there is not",
        ),
        pytest.param(
            service(loadBalancerIP="10.0.0.3", annotations={"metallb.io/address-pool": "asked"}),
            'Failed to allocate IP for "default/web": requested loadBalancer IP(s) ["10.0.0.3"] is not compatible '
            "with requested address pool asked",
            id="an address of another pool",
        ),
        pytest.param(
            service(loadBalancerIP="10.0.0.300"),
            'Failed to allocate IP for "default/web": invalid spec.loadBalancerIP "10.0.0.300"',
            id="no address at all",
        ),
        pytest.param(service(type="NodePort"), ((), ""), id="nothing for other types"),
    ],
)
def test_what_is_decided(mine: Obj, expected: Any) -> None:
    pools = [pool("any", "10.0.0.1-10.0.0.9"), pool("asked", "10.0.2.1-10.0.2.9", auto_assign=False)]
    decided = decide(mine, pools, [])
    if isinstance(expected, str):
        assert (decided.ips, decided.events) == ((), (("Warning", "AllocationFailed", expected),))
    else:
        assert (decided.ips, decided.pool) == expected


def test_a_pool_for_some_comes_before_the_others() -> None:
    pools = [
        pool("all", "10.0.0.1-10.0.0.9"),
        pool("ours", "10.0.1.1-10.0.1.9", allocate_to={"namespaces": ["default"], "priority": 50}),
        pool("first", "10.0.2.1-10.0.2.9", allocate_to={"namespaces": ["default"], "priority": 10}),
        pool("theirs", "10.0.3.1-10.0.3.9", allocate_to={"namespaces": ["other"]}),
    ]
    assert decide(service(), pools, []).pool == "first"


def test_an_address_that_no_pool_has_any_more_is_given_up() -> None:
    decided = decide(service(ip="10.9.9.9"), [pool("a", "10.0.0.1-10.0.0.2")], [])
    assert decided.ips == ("10.0.0.1",)
    assert [reason for _, reason, _ in decided.events] == ["ClearAssignment", "IPAllocated"]
    assert decide(service(ip="10.0.0.1"), [], []) == Decision()


def test_pools_that_cannot_be_read_are_none() -> None:
    good = {"metadata": {"name": "a"}, "spec": {"addresses": ["10.0.0.0/30"]}}
    bad = {"metadata": {"name": "b"}, "spec": {"addresses": ["10.0.0.9-10.0.0.1"]}}
    assert [one.size() for one in read([good])] == [4]
    assert read([good, bad]) == []


# ---- which node --------------------------------------------------------------------------------


def world(endpoints: list[tuple[str, Obj]], **more: Any) -> dict[str, dict[str, Obj]]:
    """Two nodes with a speaker each, one Service, its endpoints by node and condition."""
    nodes = {name: {"metadata": {"name": name}, "spec": {}} for name in ("iris1", "iris2")}
    ready = [{"type": "Ready", "status": "True"}]
    pods = {
        f"{NAMESPACE}/{name}": {
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"component": "speaker"}},
            "spec": {"nodeName": name},
            "status": {"phase": "Running", "conditions": ready},
        }
        for name in nodes
    }
    found = [{"addresses": ["2.3.4.5"], "nodeName": node, "conditions": told} for node, told in endpoints]
    labels = {"kubernetes.io/service-name": "web"}
    slices = {"default/web-1": {"metadata": {"namespace": "default", "labels": labels}, "endpoints": found}}
    return {
        "nodes": {name: {**node, "status": {"conditions": ready}} for name, node in nodes.items()},
        "pods": pods,
        "endpointslices": slices,
        "ipaddresspools.metallb.io": {"p": {"metadata": {"name": "p"}, "spec": {"addresses": ["10.20.30.0/24"]}}},
        "l2advertisements.metallb.io": {"a": {"metadata": {"name": "a"}, "spec": more.pop("spec", {})}},
        **more,
    }


YES, NO = {"ready": True}, {"ready": False}
GOING = {"ready": False, "serving": True, "terminating": True}
LOCAL = {"externalTrafficPolicy": "Local"}


@pytest.mark.parametrize(
    ("endpoints", "ip", "spec", "expected"),
    [
        pytest.param(
            [("iris1", YES), ("iris1", YES)], "10.20.30.1", LOCAL, "iris1", id="local: where the endpoints are"
        ),
        pytest.param([("iris1", NO), ("iris1", NO)], "10.20.30.1", LOCAL, "", id="local: nowhere, when none is ready"),
        pytest.param([("iris1", YES), ("iris2", YES)], "10.20.30.1", LOCAL, "iris2", id="local: by hash among several"),
        pytest.param(
            [("iris1", YES), ("iris2", NO)], "10.20.30.1", LOCAL, "iris1", id="local: only where one is ready"
        ),
        pytest.param(
            [("iris1", YES), ("iris2", GOING)], "10.20.30.1", LOCAL, "iris2", id="local: one on its way out serves"
        ),
        pytest.param([("iris1", YES)], "10.20.30.1", {}, "iris2", id="cluster: any node, by hash"),
        pytest.param([("iris1", NO)], "10.20.30.1", {}, "", id="cluster: nobody without endpoints"),
        pytest.param([("iris1", YES)], "9.9.9.9", {}, "", id="an address of no pool"),
        pytest.param([("iris1", YES)], "10.20.30.1", {"type": "NodePort"}, "", id="another type"),
    ],
)
def test_which_node_answers(endpoints: list[tuple[str, Obj]], ip: str, spec: Obj, expected: str) -> None:
    assert announcer(world(endpoints), service(ip=ip, **spec)) == expected


def test_nodes_that_are_left_out_or_away_do_not_answer() -> None:
    objects = world([("iris1", YES)])
    mine = service(ip="10.20.30.1")
    assert announcer(objects, mine, lambda name: name != "iris2") == "iris1"
    labels = {"node.kubernetes.io/exclude-from-external-load-balancers": ""}
    objects["nodes"]["iris2"]["metadata"]["labels"] = labels
    assert candidates(objects, mine) == ["iris1"]
    objects["nodes"]["iris1"]["status"] = {"conditions": [{"type": "NetworkUnavailable", "status": "True"}]}
    assert candidates(objects, mine, lambda _name: True) == []


def test_an_advertisement_chooses_pools_services_and_nodes() -> None:
    mine = service(ip="10.20.30.1")
    chosen = [{"matchLabels": {"edge": "yes"}}]
    for spec, expected in (
        ({"ipAddressPools": ["p"]}, "iris2"),
        ({"ipAddressPools": ["other"]}, ""),
        ({"serviceSelectors": chosen}, ""),
        ({"nodeSelectors": chosen}, "iris1"),
        ({"preferredNodeSelectors": [{"weight": 5, "preference": chosen[0]}]}, "iris1"),
    ):
        objects = world([("iris1", YES)], spec=spec)
        objects["nodes"]["iris1"]["metadata"]["labels"] = {"edge": "yes"}
        assert announcer(objects, mine) == expected, spec


# ---- stories -----------------------------------------------------------------------------------

BOOTED: list[Obj] = []


@pytest.fixture
def cluster() -> Cluster:
    if not BOOTED:
        BOOTED.append(Cluster.boot(Config(workers=3, load_balancer="metallb")).snapshot())
    return Cluster.restore(BOOTED[0])


def created(name: str = "web", **spec: Any) -> Obj:
    spec = {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def pod(name: str, node: str, app: str = "web") -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": app}},
        "spec": {"nodeName": node, "containers": [{"name": "web", "image": "nginx"}]},
    }


def create(cluster: Cluster, *objects: Obj) -> None:
    cluster.execute({"op": "create", "objects": list(objects)})


def found(cluster: Cluster, name: str = "web") -> Obj:
    obj: Obj = cluster.view().objects["services"][f"default/{name}"]
    return obj


def address(cluster: Cluster, name: str = "web") -> str:
    ingress = found(cluster, name)["status"]["loadBalancer"].get("ingress") or [{"ip": ""}]
    return str(ingress[0]["ip"])


def announced(cluster: Cluster) -> list[str]:
    statuses = cluster.view().objects.get("servicel2statuses.metallb.io", {}).values()
    return [one["status"]["node"] for one in statuses]


def test_an_address_and_the_node_that_answers_for_it(cluster: Cluster) -> None:
    assert cluster.at_rest
    create(cluster, created(), pod("web-1", "worker-3"))
    cluster.run_for(100)
    assert address(cluster) == "10.0.250.1"
    assert found(cluster)["metadata"]["annotations"] == {"metallb.io/ip-allocated-from-pool": "nodes"}
    assert announced(cluster) == []  # no endpoint is ready
    cluster.run_for(10_000)
    first = order(["worker-1", "worker-2", "worker-3"], "10.0.250.1")[0]
    assert announced(cluster) == [first]
    assert announcer(cluster.view().objects, found(cluster)) == first
    events = [e for e in cluster.view().objects["events"].values() if e["involvedObject"]["name"] == "web"]
    told = {(e["source"]["component"], e["reason"], e["message"]) for e in events}
    assert told == {
        ("metallb-controller", "IPAllocated", 'Assigned IP ["10.0.250.1"]'),
        ("metallb-speaker", "nodeAssigned", f'announcing from node "{first}" with protocol "layer2"'),
    }
    status = cluster.view().objects["ipaddresspools.metallb.io"][f"{NAMESPACE}/nodes"]["status"]
    assert (status["assignedIPv4"], status["availableIPv4"]) == (1, 98)


def test_another_node_answers_soon_when_one_is_gone(cluster: Cluster) -> None:
    create(cluster, created(), pod("web-1", "worker-3"), pod("web-2", "worker-2"))
    cluster.run_for(10_000)
    ranked = order(["worker-1", "worker-2", "worker-3"], "10.0.250.1")
    cluster.execute({"op": "node", "verb": "power-off", "name": ranked[0]})
    cluster.run_for(4_000)
    assert announced(cluster) == [ranked[0]]
    cluster.run_for(2_000)
    assert announced(cluster) == [ranked[1]]
    cluster.execute({"op": "node", "verb": "power-on", "name": ranked[0]})
    cluster.run_for(30_000)
    assert announced(cluster) == [ranked[0]]


def test_local_traffic_is_announced_where_the_pods_are(cluster: Cluster) -> None:
    ranked = order(["worker-1", "worker-2", "worker-3"], "10.0.250.1")
    create(cluster, created(externalTrafficPolicy="Local"), pod("web-1", ranked[2]))
    cluster.run_for(10_000)
    assert announced(cluster) == [ranked[2]]
    create(cluster, pod("web-2", ranked[1]))
    cluster.run_for(10_000)
    assert announced(cluster) == [ranked[1]]


def test_another_type_gives_the_address_back(cluster: Cluster) -> None:
    create(cluster, created(), pod("web-1", "worker-1"))
    cluster.run_for(10_000)
    where = {"resource": "services", "namespace": "default", "name": "web", "type": "merge"}
    cluster.execute({"op": "patch", **where, "body": {"spec": {"type": "ClusterIP"}}})
    cluster.run_for(1_000)
    assert (address(cluster), announced(cluster), found(cluster)["metadata"].get("annotations")) == ("", [], None)
    create(cluster, created("api"))
    cluster.run_for(1_000)
    assert address(cluster, "api") == "10.0.250.1"


def test_who_waits_for_an_address_gets_the_next_that_is_free(cluster: Cluster) -> None:
    where = {"resource": "ipaddresspools.metallb.io", "namespace": NAMESPACE, "name": "nodes", "type": "merge"}
    cluster.execute({"op": "patch", **where, "body": {"spec": {"addresses": ["10.0.250.7/32"]}}})
    create(cluster, created("a"), created("b"))
    cluster.run_for(1_000)
    assert (address(cluster, "a"), address(cluster, "b")) == ("10.0.250.7", "")
    cluster.execute({"op": "delete", "resource": "services", "namespace": "default", "name": "a"})
    cluster.run_for(1_000)
    assert address(cluster, "b") == "10.0.250.7"


def test_without_its_controller_nobody_is_given_anything(cluster: Cluster) -> None:
    where = {"resource": "deployments", "namespace": NAMESPACE, "name": "controller"}
    cluster.execute({"op": "scale", **where, "replicas": 0})
    cluster.run_for(5_000)
    create(cluster, created())
    cluster.run_for(5_000)
    assert address(cluster) == ""
    cluster.execute({"op": "scale", **where, "replicas": 1})
    cluster.run_for(30_000)
    assert address(cluster) == "10.0.250.1"


def test_it_goes_on_where_a_snapshot_was_taken(cluster: Cluster) -> None:
    create(cluster, created(), pod("web-1", "worker-1"))
    cluster.run_for(10_000)
    other = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    for one in (cluster, other):
        one.execute({"op": "node", "verb": "power-off", "name": announced(one)[0]})
        one.run_for(20_000)
    assert announced(other) == announced(cluster) != []
    assert [step.message for step in other.trace.steps] == [step.message for step in cluster.trace.steps]


@pytest.mark.parametrize("seed", range(4))
def test_no_address_is_two_services_and_no_service_has_two_nodes(cluster: Cluster, seed: int) -> None:
    random = Randomness(seed)
    create(cluster, *(pod(f"p{n}", f"worker-{n % 3 + 1}", f"s{n}") for n in range(4)))
    for _ in range(30):
        name = f"s{random.below(4)}"
        try:
            if f"default/{name}" not in cluster.view().objects["services"]:
                create(cluster, created(name, externalTrafficPolicy=random.choice(("Local", "Cluster"))))
            elif random.below(3) == 0:
                cluster.execute({"op": "delete", "resource": "services", "namespace": "default", "name": name})
            else:
                where = {"resource": "services", "namespace": "default", "name": name, "type": "merge"}
                kind = random.choice(("LoadBalancer", "NodePort"))
                cluster.execute({"op": "patch", **where, "body": {"spec": {"type": kind}}})
        except StatusError as error:
            if error.code != 422:
                raise
        cluster.run_for(random.below(4_000))
        objects = cluster.view().objects
        names = [key for key in objects["services"] if key.startswith("default/s")]
        given = [one for key in names if (one := address(cluster, key.partition("/")[2]))]
        assert len(given) == len(set(given)), f"seed {seed}"
        labels = [one["metadata"]["labels"] for one in objects.get("servicel2statuses.metallb.io", {}).values()]
        told = [one["metallb.io/service-name"] for one in labels]
        assert len(told) == len(set(told)), f"seed {seed}"
