"""A cloud's load balancers: what the service controller asks for and when, who stands behind one, how long it takes.

Rows of TestNeedsCleanup, TestNeedsUpdate, TestListWithPredicate and Test_shouldSyncUpdatedNode
(k8s.io/cloud-provider/controllers/service/controller_test.go).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.servicelb.nodes import EXCLUDE, TO_BE_DELETED, eligible, moves_balancers
from apps.cluster.controllers.servicelb.pool import Check, check_of, pool
from apps.cluster.controllers.servicelb.service_controller import FINALIZER, needs_cleanup, needs_update
from apps.cluster.engine import Randomness

Obj = dict[str, Any]


def service(name: str = "web", **spec: Any) -> Obj:
    spec = {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def with_metadata(obj: Obj, **metadata: Any) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], **metadata}}


def node(name: str, *, labels: Obj | None = None, taint: str = "", provider: str = "", **metadata: Any) -> Obj:
    spec: Obj = {"taints": [{"key": taint, "effect": "NoSchedule"}]} if taint else {}
    if provider:
        spec["providerID"] = provider
    return {"metadata": {"name": name, "labels": labels or {}, **metadata}, "spec": spec}


GOING = {"deletionTimestamp": "2026-11-23T00:00:00Z"}
KEPT = {"finalizers": [FINALIZER]}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(service(), False, id="without a finalizer there is nothing to clean up"),
        pytest.param(with_metadata(service(type="NodePort"), **KEPT), True, id="another type"),
        pytest.param(with_metadata(service(), **KEPT), False, id="one that stays"),
        pytest.param(with_metadata(service(), **KEPT, **GOING), True, id="one that goes"),
    ],
)
def test_what_needs_cleaning_up(obj: Obj, expected: bool) -> None:
    assert needs_cleanup(obj) is expected


HTTP = [{"port": 80, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(service(type="ClusterIP"), service(type="NodePort"), False, id="no balancer before or after"),
        pytest.param(service(), service(type="ClusterIP"), True, id="the type"),
        pytest.param(service(), service(loadBalancerClass="example.com/other"), True, id="another's class"),
        pytest.param(service(ports=HTTP), service(ports=[*HTTP, {"port": 443}]), True, id="a port more"),
        pytest.param(service(ports=HTTP), service(ports=[{**HTTP[0], "targetPort": 8080}]), True, id="a target port"),
        pytest.param(service(ports=HTTP), service(ports=[{**HTTP[0], "appProtocol": "http"}]), True, id="a protocol"),
        pytest.param(service(ports=HTTP), service(ports=[dict(HTTP[0])]), False, id="the same ports"),
        pytest.param(service(), service(externalIPs=["1.1.1.1"]), True, id="external IPs"),
        pytest.param(service(), service(externalTrafficPolicy="Local"), True, id="the traffic policy"),
        pytest.param(service(healthCheckNodePort=31000), service(healthCheckNodePort=31001), True, id="health check"),
        pytest.param(service(ipFamilies=["IPv4"]), service(ipFamilies=["IPv4", "IPv6"]), True, id="a second family"),
        pytest.param(service(), with_metadata(service(), annotations={"a": "b"}), True, id="an annotation"),
        pytest.param(service(), with_metadata(service(), labels={"a": "b"}), False, id="not a label"),
        pytest.param(service(), service(selector={"app": "other"}), False, id="not the selector"),
        pytest.param(
            with_metadata(service(), uid="1"), with_metadata(service(), uid="2"), True, id="another of its name"
        ),
    ],
)
def test_what_a_balancer_is_made_of(old: Obj, new: Obj, expected: bool) -> None:
    assert needs_update(old, new) is expected


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(node("n"), True, id="any node"),
        pytest.param(node("n", labels={EXCLUDE: ""}), False, id="not one with the label"),
        pytest.param(node("n", labels={EXCLUDE: "true"}), False, id="whatever it says"),
        pytest.param(node("n", labels={EXCLUDE: "false"}), True, id="unless it says false"),
        pytest.param(node("n", taint=TO_BE_DELETED), False, id="not one that the autoscaler removes"),
        pytest.param(node("n", taint="other"), True, id="other taints do not matter"),
        pytest.param(node("n", **GOING), False, id="not one that is being deleted"),
    ],
)
def test_who_stands_behind_a_balancer(obj: Obj, expected: bool) -> None:
    assert bool(eligible([obj])) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(node("n"), node("n", labels={EXCLUDE: ""}), True, id="it is left out from now on"),
        pytest.param(node("n"), node("n", labels={"a": "b"}), False, id="another label"),
        pytest.param(node("n"), node("n", taint=TO_BE_DELETED), False, id="connections may end before it goes"),
        pytest.param(node("n"), node("n", provider="a"), True, id="another machine of the cloud"),
    ],
)
def test_what_every_balancer_hears_of(old: Obj, new: Obj, expected: bool) -> None:
    assert moves_balancers(old, new) is expected


# ---- stories -------------------------------------------------------------------------------------

BOOTED: list[Obj] = []


@pytest.fixture
def cluster() -> Cluster:
    if not BOOTED:
        BOOTED.append(Cluster.boot(Config(workers=2, load_balancer="cloud")).snapshot())
    return Cluster.restore(BOOTED[0])


def create(cluster: Cluster, *objects: Obj) -> None:
    cluster.execute({"op": "create", "objects": list(objects)})


def patch(cluster: Cluster, body: Obj, name: str = "web") -> None:
    where = {"resource": "services", "namespace": "default", "name": name, "type": "merge"}
    cluster.execute({"op": "patch", **where, "body": body})


def delete(cluster: Cluster, name: str = "web") -> None:
    cluster.execute({"op": "delete", "resource": "services", "namespace": "default", "name": name})


def found(cluster: Cluster, name: str = "web") -> Obj:
    obj: Obj = cluster.view().objects["services"][f"default/{name}"]
    return obj


def address(cluster: Cluster, name: str = "web") -> str:
    ingress = found(cluster, name)["status"]["loadBalancer"].get("ingress") or [{"ip": ""}]
    return str(ingress[0]["ip"])


def told(cluster: Cluster, name: str = "web") -> list[str]:
    events = cluster.view().objects.get("events", {}).values()
    return [event["reason"] for event in events if event["involvedObject"]["name"] == name]


def test_a_balancer_is_built_in_its_time(cluster: Cluster) -> None:
    create(cluster, service())
    cluster.run_for(100)
    assert found(cluster)["metadata"]["finalizers"] == [FINALIZER]
    assert (address(cluster), told(cluster)) == ("", ["EnsuringLoadBalancer"])
    cluster.run_for(8_000)
    assert found(cluster)["status"]["loadBalancer"] == {"ingress": [{"ip": "203.0.113.1", "ipMode": "VIP"}]}
    assert told(cluster) == ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
    assert cluster.run_to_rest()


def test_without_a_cloud_it_waits_for_ever() -> None:
    cluster = Cluster.boot(Config(workers=1))
    create(cluster, service())
    assert cluster.run_to_rest()
    assert (address(cluster), "finalizers" in found(cluster)["metadata"]) == ("", False)


def test_a_service_goes_when_its_balancer_has_gone(cluster: Cluster) -> None:
    create(cluster, service())
    cluster.run_for(10_000)
    delete(cluster)
    cluster.run_for(3_000)
    assert "deletionTimestamp" in found(cluster)["metadata"]
    cluster.run_for(2_000)
    assert "default/web" not in cluster.view().objects["services"]
    assert told(cluster)[2:] == ["DeletingLoadBalancer", "DeletedLoadBalancer"]


def test_another_type_takes_the_balancer_down(cluster: Cluster) -> None:
    create(cluster, service())
    cluster.run_for(10_000)
    patch(cluster, {"spec": {"type": "ClusterIP"}})
    assert address(cluster) == ""
    cluster.run_for(5_000)
    assert not found(cluster)["metadata"].get("finalizers")
    patch(cluster, {"spec": {"type": "LoadBalancer"}})
    cluster.run_for(10_000)
    assert address(cluster) == "203.0.113.2"  # another one, not the last


def test_one_worker_asks_the_cloud_for_one_thing_at_a_time(cluster: Cluster) -> None:
    create(cluster, service("a"), service("b"))
    cluster.run_for(8_100)
    assert (address(cluster, "a"), address(cluster, "b")) == ("203.0.113.1", "")
    cluster.run_for(8_100)
    assert address(cluster, "b") == "203.0.113.2"


def test_a_class_is_somebody_elses(cluster: Cluster) -> None:
    create(cluster, service(loadBalancerClass="example.com/other"))
    cluster.run_for(20_000)
    assert (address(cluster), told(cluster)) == ("", [])


def test_the_address_asked_for_is_given_once(cluster: Cluster) -> None:
    create(cluster, service("a", loadBalancerIP="203.0.113.77"), service("b", loadBalancerIP="203.0.113.77"))
    cluster.run_for(18_000)
    assert (address(cluster, "a"), address(cluster, "b")) == ("203.0.113.77", "")
    assert "SyncLoadBalancerFailed" in told(cluster, "b")
    delete(cluster, "a")
    cluster.run_for(120_000)
    assert address(cluster, "b") == "203.0.113.77"


def test_a_balancer_hears_of_nodes_that_come_and_of_those_left_out(cluster: Cluster) -> None:
    create(cluster, service())
    cluster.run_for(10_000)
    cluster.execute({"op": "node", "verb": "join", "name": "worker-3"})
    cluster.run_for(30_000)
    assert [backend.node for backend in pool(cluster.view().objects, found(cluster))] == [
        "worker-1",
        "worker-2",
        "worker-3",
    ]
    where = {"resource": "nodes", "namespace": "", "name": "worker-1", "type": "merge"}
    cluster.execute({"op": "patch", **where, "body": {"metadata": {"labels": {EXCLUDE: "true"}}}})
    cluster.run_for(3_000)
    assert [backend.node for backend in pool(cluster.view().objects, found(cluster))] == ["worker-2", "worker-3"]
    assert told(cluster).count("UpdatedLoadBalancer") == 1
    notes = [step.params["hosts"] for step in cluster.trace.steps if step.message == "cloud.hosts"]
    assert notes == ["worker-1, worker-2, worker-3", "worker-2, worker-3"]


def test_nobody_is_behind_a_balancer_that_is_not_built(cluster: Cluster) -> None:
    create(cluster, service())
    assert pool(cluster.view().objects, found(cluster)) == ()


def test_local_traffic_goes_to_nodes_with_endpoints(cluster: Cluster) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"nodeName": "worker-2", "containers": [{"name": "web", "image": "nginx"}]},
    }
    create(cluster, service(externalTrafficPolicy="Local"), pod)
    cluster.run_for(20_000)
    made = found(cluster)
    assert check_of(made) == Check(made["spec"]["healthCheckNodePort"])
    problems = {backend.node: backend.problem for backend in pool(cluster.view().objects, made)}
    assert problems == {"worker-1": "no-endpoint", "worker-2": ""}
    problems = {b.node: b.problem for b in pool(cluster.view().objects, made, lambda name: name != "worker-2")}
    assert problems["worker-2"] == "silent"
    patch(cluster, {"spec": {"externalTrafficPolicy": "Cluster"}})
    assert check_of(found(cluster)) == Check(10256)


def test_a_call_goes_on_where_a_snapshot_was_taken(cluster: Cluster) -> None:
    create(cluster, service())
    cluster.run_for(4_000)
    other = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    for one in (cluster, other):
        one.run_for(6_000)
        patch(one, {"spec": {"ports": [{"port": 81}]}})
        one.run_for(6_000)
    assert found(other) == found(cluster)
    assert [step.message for step in other.trace.steps] == [step.message for step in cluster.trace.steps]


def test_it_waits_for_an_api_server_that_is_away(cluster: Cluster) -> None:
    create(cluster, service())
    cluster.run_for(5_000)
    stop = {"op": "component", "name": "kube-apiserver", "node": "control-plane-1"}
    cluster.execute({**stop, "verb": "stop"})
    cluster.run_for(30_000)
    cluster.execute({**stop, "verb": "start"})
    cluster.run_for(120_000)
    assert address(cluster).startswith("203.0.113.")
    assert len({one["ip"] for one in cluster.engine.component("service-controller").cloud.balancers.values()}) == 1


@pytest.mark.parametrize("seed", range(6))
def test_no_address_is_two_services(cluster: Cluster, seed: int) -> None:
    random = Randomness(seed)
    for _ in range(40):
        name = f"s{random.below(5)}"
        try:
            if f"default/{name}" not in cluster.view().objects["services"]:
                create(cluster, service(name))
            elif random.below(2):
                delete(cluster, name)
            else:
                patch(cluster, {"spec": {"type": random.choice(("LoadBalancer", "NodePort"))}}, name)
        except StatusError as error:
            if error.code not in (409, 422):
                raise
        cluster.run_for(random.below(9_000))
        names = [key for key in cluster.view().objects["services"] if key.startswith("default/")]
        given = [one for key in names if (one := address(cluster, key.partition("/")[2]))]
        assert len(given) == len(set(given)), f"seed {seed}"
    assert cluster.run_to_rest()
    kept = {balancer["service"] for balancer in cluster.engine.component("service-controller").cloud.balancers.values()}
    services = cluster.view().objects["services"]
    assert kept == {key for key, one in services.items() if one["spec"]["type"] == "LoadBalancer"}, f"seed {seed}"
