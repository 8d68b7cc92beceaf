"""Calico's IPAM in a running cluster: whose a block is, what resources do to it, and that no address is given twice."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from apps.cluster.cni.calico.ipam.claims import Claims
from apps.cluster.cni.calico.ipam.view import blocks, holders
from apps.cluster.cni.calico.network import CalicoNetwork
from apps.cluster.engine import Randomness

GROUP = "crd.projectcalico.org"
POOL = "default-ipv4-ippool"
CONFIG = Config(workers=2, pod_subnet="10.20.0.0/24")  # four blocks


def resource(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def deployment(replicas: int, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "web", "image": "nginx:1.28"}],
                    **spec,
                },
            },
        },
    }


def booted(**more: Any) -> Cluster:
    return Cluster.boot(Config(**{"workers": 2, "pod_subnet": "10.20.0.0/24", **more}))


def apply(cluster: Cluster, *objects: dict[str, Any], ms: int = 20_000) -> None:
    cluster.execute({"op": "apply", "objects": list(objects)})
    cluster.run_for(ms)


def network(cluster: Cluster) -> CalicoNetwork:
    found = cluster.engine.component("calico-ipam")
    assert isinstance(found, CalicoNetwork)
    return found


def addresses(cluster: Cluster, node: str = "") -> list[str]:
    """Of the Pods of Deployment web."""
    return [
        pod["status"]["podIP"]
        for key, pod in cluster.apiserver.tables["pods"].items()
        if key.startswith("default/web") and pod["status"].get("podIP") and node in ("", pod["spec"]["nodeName"])
    ]


def within(found: list[str], *cidrs: str) -> bool:
    return all(any(ip_address(one) in ip_network(cidr) for cidr in cidrs) for one in found)


def test_a_nodes_pods_and_its_tunnel_are_of_its_own_block():
    cluster = booted()
    apply(cluster, deployment(8))
    claims = network(cluster).claims.now()
    assert sorted(claims.values()) == ["control-plane-1", "worker-1", "worker-2"]
    for view in blocks(claims, cluster.apiserver.tables):
        assert view.pool == POOL
        assert view.size == 64
        assert view.borrowed == ()
        first = view.held[0]
        assert (first.ref, first.address) == (f"nodes/{view.node}", view.cidr.partition("/")[0])
    assert len(addresses(cluster)) == 8


def test_blocks_at_any_moment():
    cluster = booted(workers=1)
    before = len(cluster.trace.steps)
    cluster.execute({"op": "node", "verb": "join", "name": "late"})
    cluster.run_to_rest()
    claims = network(cluster).claims
    assert "late" not in claims.at(before).values()
    assert "late" in claims.at(len(cluster.trace.steps)).values()
    early, now = cluster.view(cluster.base), cluster.view()
    assert set(now.network.blocks().values()) - set(early.network.blocks().values()) == {"late"}
    twin = Cluster.restore(cluster.snapshot())
    assert network(twin).claims.save() == claims.save()
    assert network(twin).save() == network(cluster).save()


@pytest.mark.parametrize(
    ("objects", "cidrs"),
    [
        pytest.param(
            [resource("IPPool", "second", cidr="10.30.0.0/24", nodeSelector="zone == 'far'")],
            {"worker-1": ("10.20.0.0/24",), "worker-2": ("10.20.0.0/24", "10.30.0.0/24")},
            id="a pool for some nodes",
        ),
        pytest.param(
            [
                resource("IPPool", "second", cidr="10.30.0.0/24"),
                resource("IPPool", POOL, cidr="10.20.0.0/24", blockSize=26, disabled=True),
            ],
            {"worker-1": ("10.30.0.0/24",), "worker-2": ("10.30.0.0/24",)},
            id="the first pool is switched off",
        ),
        pytest.param(
            [
                resource(
                    "IPPool", "second", cidr="10.30.0.0/24", namespaceSelector="team == 'red'", allowedUses=["Workload"]
                )
            ],
            {"worker-1": ("10.20.0.0/24",), "worker-2": ("10.20.0.0/24",)},
            id="a pool of other namespaces",
        ),
        pytest.param(
            [resource("IPReservation", "low", reservedCIDRs=["10.20.0.0/25"])],
            {"worker-1": ("10.20.0.128/25",), "worker-2": ("10.20.0.128/25",)},
            id="reserved addresses",
        ),
    ],
)
def test_where_addresses_come_from(objects, cidrs):
    cluster = booted()
    cluster.execute(
        {
            "op": "patch",
            "resource": "nodes",
            "namespace": "",
            "name": "worker-2",
            "type": "merge",
            "body": {"metadata": {"labels": {"zone": "far"}}},
        }
    )
    apply(cluster, *objects, ms=1_000)
    apply(cluster, deployment(12))
    assert len(addresses(cluster)) == 12
    for node, allowed in cidrs.items():
        assert within(addresses(cluster, node), *allowed), (node, addresses(cluster, node))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        pytest.param(
            {"maxBlocksPerHost": 1},
            "failed to request IPv4 addresses: cannot allocate new block due to per host block limit",
            id="a node may have one block",
        ),
        pytest.param(
            {"strictAffinity": True},
            "failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses; "
            "No more free affine blocks and strict affinity enabled",
            id="nobody borrows",
        ),
    ],
)
def test_an_ipam_config_is_kept_to(config, said):
    cluster = booted(workers=1, pod_subnet="10.20.0.0/25", pods_per_node=200, cpu="64", memory="256Gi")
    spec = {"autoAllocateBlocks": True, "strictAffinity": False, **config}
    apply(cluster, resource("IPAMConfig", "default", **spec), ms=100)
    apply(cluster, deployment(70))
    assert len(addresses(cluster)) < 64
    events = [
        event["message"]
        for event in cluster.apiserver.tables["events"].values()
        if event["reason"] == "FailedCreatePodSandBox"
    ]
    assert any(message.endswith(said) for message in events), events[:1]


def test_without_a_pool_no_pod_gets_an_address_and_with_one_again_it_does():
    cluster = booted(workers=1)
    cluster.execute({"op": "delete", "resource": f"ippools.{GROUP}", "namespace": "", "name": POOL})
    apply(cluster, deployment(2))
    assert addresses(cluster) == []
    said = [event["message"] for event in cluster.apiserver.tables["events"].values()]
    assert any("cannot find a qualified ippool" in message for message in said)
    apply(cluster, resource("IPPool", "mine", cidr="10.40.0.0/24"), ms=60_000)
    assert len(addresses(cluster)) == 2
    assert within(addresses(cluster), "10.40.0.0/24")


def test_small_blocks_are_told_apart():
    cluster = booted()
    patch = {"op": "patch", "resource": f"ippools.{GROUP}", "namespace": "", "name": POOL, "type": "merge"}
    cluster.execute({**patch, "body": {"spec": {"disabled": True}}})
    apply(cluster, resource("IPPool", "small", cidr="10.30.0.0/26", blockSize=29), deployment(12))
    assert within(addresses(cluster), "10.30.0.0/26")
    told = cluster.view().network.blocks()
    assert told == network(cluster).claims.now()
    assert {block.rpartition("/")[2] for block in told if block.startswith("10.30.")} == {"29"}


def test_a_full_pool_is_borrowed_from():
    cluster = booted(workers=2, pod_subnet="10.20.0.0/24", pods_per_node=200, cpu="64", memory="256Gi")
    apply(cluster, deployment(120, nodeSelector={"kubernetes.io/hostname": "worker-1"}), ms=60_000)
    cluster.execute({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 150})
    cluster.run_for(60_000)
    found = addresses(cluster)
    assert len(set(found)) == 150
    borrowed = [
        one for view in blocks(network(cluster).claims.now(), cluster.apiserver.tables) for one in view.borrowed
    ]
    assert borrowed
    assert {one.node for one in borrowed} == {"worker-1"}


def test_a_node_that_leaves_gives_its_blocks_back_once_its_pods_are_gone():
    cluster = booted()
    apply(cluster, deployment(6))
    (mine,) = [block for block, node in network(cluster).claims.now().items() if node == "worker-2"]
    cluster.execute({"op": "node", "verb": "remove", "name": "worker-2"})
    cluster.run_for(120_000)
    assert mine not in network(cluster).claims.now()
    assert len(set(addresses(cluster))) == 6
    assert network(cluster).save()["gone"] == {}


def test_the_short_way_to_an_address_leads_where_the_long_one_does():
    cluster = booted(pod_subnet="10.20.0.0/23")
    twin = Cluster.restore(cluster.snapshot())
    short, long = network(cluster), network(twin)
    draw = Randomness(7)
    for number in range(600):
        node = f"worker-{1 + draw.below(2)}"
        pod = {"metadata": {"uid": f"uid-{number}", "name": f"web-{number}", "namespace": "default"}}
        long._look()
        long._plain = False
        assert short.add(node, pod) == long.add(node, pod)
        gone = {"metadata": {"uid": f"uid-{draw.below(number + 1)}"}}
        if draw.below(3) == 0:
            for one in (short, long):
                for name in ("worker-1", "worker-2"):
                    one.delete(name, gone)
    assert short.save() == long.save()


@pytest.mark.parametrize("keep", [pytest.param(True, id="with a past"), pytest.param(False, id="without")])
def test_claims_are_rewound(keep):
    claims = Claims(keep)
    claims.write(1, "a", "one")
    mark = claims.mark()
    claims.write(2, "b", "two")
    claims.write(3, "a", "")
    assert claims.now() == {"b": "two"}
    claims.rewind(mark)
    assert claims.now() == {"a": "one"}
    again = Claims(keep)
    again.load(claims.save())
    assert again.now() == {"a": "one"}


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("scale"), st.integers(0, 45)),
        st.tuples(st.just("kill"), st.integers(0, 30)),
        st.tuples(st.sampled_from(["power-off", "power-on", "reboot", "remove", "join"]), st.integers(1, 3)),
        st.tuples(st.just("pool"), st.integers(0, 3)),
        st.tuples(st.just("restore"), st.just(0)),
    ),
    min_size=3,
    max_size=9,
)


def act(cluster: Cluster, verb: str, number: int) -> Cluster:
    tables = cluster.apiserver.tables
    if verb == "restore":
        return Cluster.restore(cluster.snapshot())
    if verb == "scale":
        body = {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": number}
    elif verb == "kill":
        pods = sorted(key for key in tables["pods"] if key.startswith("default/"))
        if not pods:
            return cluster
        name = pods[number % len(pods)].partition("/")[2]
        body = {"op": "delete", "resource": "pods", "namespace": "default", "name": name}
    elif verb == "pool":
        spec = [{"disabled": True}, {"disabled": False}, {"nodeSelector": "!has(far)"}, {"vxlanMode": "Never"}][number]
        body = {"op": "patch", "resource": f"ippools.{GROUP}", "namespace": "", "name": POOL, "type": "merge"}
        body["body"] = {"spec": spec}
    else:
        body = {"op": "node", "verb": verb, "name": f"worker-{number}"}
    with suppress(StatusError):  # it is off already, or not there
        cluster.execute(body)
    return cluster


@given(seed=st.integers(1, 10_000), acts=ACTS, ms=st.integers(50, 20_000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_address_is_ever_two_pods(seed, acts, ms):
    """Neither now nor at any step on the way: of Pods that run, and of tunnels."""
    cluster = Cluster.boot(Config(workers=3, seed=seed, pod_subnet="10.20.0.0/24"))
    apply(cluster, deployment(10), resource("IPPool", "small", cidr="10.30.0.0/28", blockSize=30), ms=3_000)
    for verb, number in acts:
        cluster = act(cluster, verb, number)
        cluster.run_for(ms)
        have = [one.address for one in holders(cluster.apiserver.tables)]
        assert len(have) == len(set(have)), (verb, number)
        given_out = [address for pods in network(cluster).save()["pods"].values() for address in pods.values()]
        assert len(given_out) == len(set(given_out))
    cluster.run_for(400_000)
    have = [one.address for one in holders(cluster.apiserver.tables)]
    assert len(have) == len(set(have))
