"""Calico as the administrator installs it, and what calico-node makes of a cluster once it runs on a machine."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from apps.cluster.kubeadm import calico_kinds

GROUP = "crd.projectcalico.org"
ADDRESS, IPIP, VXLAN = (
    f"projectcalico.org/{name}" for name in ("IPv4Address", "IPv4IPIPTunnelAddr", "IPv4VXLANTunnelAddr")
)


def table(cluster: Cluster, plural: str) -> Any:
    return cluster.apiserver.tables.get(plural, {})


def resource(cluster: Cluster, plural: str, name: str = "default") -> Any:
    return table(cluster, f"{plural}.{GROUP}")[name]


def annotations(cluster: Cluster, node: str) -> dict[str, str]:
    return {
        name: value
        for name, value in table(cluster, "nodes")[node]["metadata"]["annotations"].items()
        if name.startswith("projectcalico.org/")
    }


def pool(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": "IPPool", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def booted() -> Cluster:
    return Cluster.boot(Config(workers=2))


def test_every_kind_is_established_before_the_story_begins(booted):
    for kind in calico_kinds.KINDS:
        crd = table(booted, "customresourcedefinitions")[f"{kind.plural}.{GROUP}"]
        assert {one["type"]: one["status"] for one in crd["status"]["conditions"]} == {
            "NamesAccepted": "True",
            "Established": "True",
        }
        assert crd["spec"]["scope"] == ("Namespaced" if kind.namespaced else "Cluster")


def test_what_the_first_calico_node_writes(booted):
    assert resource(booted, "ippools", "default-ipv4-ippool")["spec"] == {
        "allowedUses": ["Workload", "Tunnel"],
        "assignmentMode": "Automatic",
        "blockSize": 26,
        "cidr": "192.168.0.0/16",
        "ipipMode": "Always",
        "natOutgoing": True,
        "nodeSelector": "all()",
        "vxlanMode": "Never",
    }
    information = resource(booted, "clusterinformations")["spec"]
    assert (information["clusterType"], information["datastoreReady"]) == ("k8s,bgp,kubeadm,kdd", True)
    assert resource(booted, "felixconfigurations")["spec"]["logSeverityScreen"] == "Info"
    assert resource(booted, "tiers")["spec"] == {"order": 1_000_000, "defaultAction": "Deny"}
    wrote = {step.node for step in booted.trace.steps if step.component == "calico-node" and step.verb == "create"}
    assert wrote == {"control-plane-1"}


def test_a_node_is_written_once(booted):
    wrote = [
        step.ref for step in booted.trace.steps if step.component == "calico-node" and step.ref.startswith("nodes/")
    ]
    assert sorted(wrote) == ["nodes/control-plane-1", "nodes/worker-1", "nodes/worker-2"]
    condition = table(booted, "nodes")["worker-1"]["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "NetworkUnavailable",
        "False",
        "CalicoIsUp",
    )


@pytest.mark.parametrize(
    ("encapsulation", "ipip", "vxlan", "backend", "tunnel"),
    [
        pytest.param("ipip", "Always", "Never", "bird", {IPIP}, id="IPIP"),
        pytest.param("ipip-cross-subnet", "CrossSubnet", "Never", "bird", {IPIP}, id="IPIP between subnets"),
        pytest.param("vxlan", "Never", "Always", "vxlan", {VXLAN}, id="VXLAN"),
        pytest.param("vxlan-cross-subnet", "Never", "CrossSubnet", "vxlan", {VXLAN}, id="VXLAN between subnets"),
        pytest.param("none", "Never", "Never", "bird", set(), id="none"),
    ],
)
def test_an_encapsulation(encapsulation, ipip, vxlan, backend, tunnel):
    cluster = Cluster.boot(Config(workers=1, encapsulation=encapsulation))
    spec = resource(cluster, "ippools", "default-ipv4-ippool")["spec"]
    assert (spec["ipipMode"], spec["vxlanMode"]) == (ipip, vxlan)
    assert table(cluster, "configmaps")["kube-system/calico-config"]["data"]["calico_backend"] == backend
    container = table(cluster, "daemonsets")["kube-system/calico-node"]["spec"]["template"]["spec"]["containers"][0]
    bird = ["-bird-live"] if backend == "bird" else []
    assert container["livenessProbe"]["exec"]["command"] == ["/bin/calico-node", "-felix-live", *bird]
    assert set(annotations(cluster, "worker-1")) == {ADDRESS, *tunnel}


@pytest.mark.parametrize(
    ("routes", "bird", "felix"),
    [pytest.param("bird", "Enabled", "Disabled", id="BIRD"), pytest.param("felix", "Disabled", "Enabled", id="Felix")],
)
def test_who_programs_cluster_routes_is_said_to_both(routes, bird, felix):
    cluster = Cluster.boot(Config(workers=1, cluster_routes=routes))
    assert resource(cluster, "bgpconfigurations")["spec"]["programClusterRoutes"] == bird
    assert resource(cluster, "felixconfigurations")["spec"]["programClusterRoutes"] == felix


def test_two_subnets():
    cluster = Cluster.boot(Config(workers=3, subnets=2))
    found = {name: annotations(cluster, name)[ADDRESS] for name in table(cluster, "nodes")}
    assert found == {
        "control-plane-1": "10.0.0.10/24",
        "worker-1": "10.0.0.11/24",
        "worker-2": "10.0.1.10/24",
        "worker-3": "10.0.0.12/24",
    }
    cluster.execute({"op": "node", "verb": "join", "name": "late"})
    cluster.run_to_rest()
    assert annotations(cluster, "late")[ADDRESS] == "10.0.1.11/24"
    with pytest.raises(StatusError, match="workers must be at most 400 in two subnets"):
        Config.from_dict({"workers": 401, "subnets": 2})


def test_a_pool_that_gets_a_tunnel_gives_every_node_an_address_of_it():
    cluster = Cluster.boot(Config(workers=1, encapsulation="none"))
    body = {"spec": {"vxlanMode": "Always"}}
    patch = {"op": "patch", "resource": f"ippools.{GROUP}", "namespace": "", "name": "default-ipv4-ippool"}
    cluster.execute({**patch, "type": "merge", "body": body})
    cluster.run_for(1_000)
    assert all(VXLAN in annotations(cluster, name) for name in table(cluster, "nodes"))
    cluster.execute({**patch, "type": "merge", "body": {"spec": {"vxlanMode": "Never"}}})
    cluster.run_for(1_000)
    assert not any(VXLAN in annotations(cluster, name) for name in table(cluster, "nodes"))


def test_a_machine_that_is_cut_off_as_calico_starts_is_told_of_later():
    cluster = Cluster.boot(Config(workers=1))
    cluster.execute({"op": "node", "verb": "join", "name": "late"})
    agent = cluster.engine.component("calico-node")
    while "late" not in agent.save()["up"]:
        cluster.engine.run_one()
    cluster.execute({"op": "node", "verb": "cut-network", "name": "late"})
    cluster.run_for(30_000)
    assert ADDRESS not in annotations(cluster, "late")
    cluster.execute({"op": "node", "verb": "restore-network", "name": "late"})
    cluster.run_for(30_000)
    assert ADDRESS in annotations(cluster, "late")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param(
            {"cidr": "10.9.0.0/16", "ipipMode": "Always", "vxlanMode": "Always"},
            "ipipMode and vxlanMode cannot both be enabled",
            id="two tunnels",
        ),
        pytest.param({"cidr": "10.9.0.1/16"}, "IP pool CIDR is not strictly masked", id="bits of a host"),
        pytest.param({"cidr": "10.9.0.0/28"}, "IP pool size is too small for use with Calico IPAM", id="too small"),
        pytest.param(
            {"cidr": "192.168.7.0/24"},
            "IPPool(b) CIDR overlaps with IPPool(default-ipv4-ippool) CIDR 192.168.0.0/16",
            id="another pool's addresses",
        ),
        pytest.param(
            {"cidr": "10.9.0.0/16", "nodeSelector": "zone == "},
            "because of Tag: selector",
            id="a selector that is none",
        ),
        pytest.param(
            {"cidr": "10.9.0.0/16", "ipipMode": "Sometimes"}, 'Unsupported value: "Sometimes"', id="a mode that is none"
        ),
    ],
)
def test_a_pool_that_is_refused(booted, spec, said):
    with pytest.raises(StatusError) as caught:
        booted.execute({"op": "apply", "objects": [pool("b", **spec)]})
    assert caught.value.code == 422
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({"cidr": "192.168.0.0/17"}, "IPPool CIDR cannot be modified", id="other addresses"),
        pytest.param({"blockSize": 28}, "IPPool BlockSize cannot be modified", id="another size of blocks"),
    ],
)
def test_a_pool_cannot_be_changed_at_will(booted, body, said):
    with pytest.raises(StatusError) as caught:
        booted.execute(
            {
                "op": "patch",
                "resource": f"ippools.{GROUP}",
                "namespace": "",
                "name": "default-ipv4-ippool",
                "type": "merge",
                "body": {"spec": body},
            }
        )
    assert (caught.value.code, said in str(caught.value)) == (422, True)


def test_a_policy_of_calicos_own_is_judged_as_calico_judges_it(booted):
    policy = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "GlobalNetworkPolicy",
        "metadata": {"name": "deny"},
        "spec": {"selector": "app == ", "ingress": [{"action": "Perhaps"}]},
    }
    with pytest.raises(StatusError, match="because of Tag: enum=Allow/Deny/Log/Pass"):
        booted.execute({"op": "apply", "objects": [policy]})


def test_it_goes_on_after_a_restore():
    cluster = Cluster.boot(Config(workers=1))
    twin = Cluster.restore(cluster.snapshot())
    for one in (cluster, twin):
        one.execute({"op": "node", "verb": "join", "name": "late"})
        one.run_to_rest()
    assert annotations(cluster, "late") == annotations(twin, "late") != {}
    assert cluster.revision == twin.revision
