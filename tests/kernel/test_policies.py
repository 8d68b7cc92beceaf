"""NetworkPolicy in a real kernel: Felix' chains and sets on both nodes decide about each packet as the model says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from apps.cluster.cni.calico.felix.forwarding import NodeRules
from apps.cluster.cni.calico.felix.tables import Calculation
from apps.cluster.network.iptables.save import save
from tests.cluster.network.policies import CLUSTER_IP, PODS, POLICIES, policy_world, resources
from tests.cluster.network.worlds import CLIENT
from tests.kernel.build import Built, built
from tests.kernel.flows import Flow, check
from tests.kernel.hosts import missing

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
    pytest.mark.xdist_group("kernel-policies"),
]
ADDRESSES = {name: where[2] for name, where in PODS.items()}
FLOWS = [
    *(
        Flow(start, ADDRESSES["db"], port)
        for start in ("web", "batch", "lab", "tool", "client")
        for port in (8080, 9090)
    ),
    *(Flow("batch", ADDRESSES["web"], port) for port in (8080, 9090)),
    Flow("batch", CLIENT, 8080),
    Flow("worker-1", ADDRESSES["db"], 8080),
    Flow("worker-2", ADDRESSES["db"], 8080),
    Flow("web", "10.0.0.12", 10250),
    *(Flow(start, CLUSTER_IP, 80) for start in ("web", "lab", "worker-2")),
    Flow("client", "10.0.0.11", 30080),
    Flow("client", "10.0.0.12", 30080),
]
POOLS = {"": {}, "vxlan": {"vxlanMode": "Always"}}


@pytest.fixture(scope="module")
def machines() -> Iterator[dict[str, Built]]:
    with ExitStack() as stack:
        yield {
            tunnel: stack.enter_context(built(policy_world(pool=pool, tunnel=tunnel))) for tunnel, pool in POOLS.items()
        }


@pytest.mark.parametrize("name", POLICIES)
def test_the_kernel_lets_through_what_the_model_does(machines, name):
    one = policy_world(POLICIES[name])
    machines[""].reload(one)
    check(one, machines[""], FLOWS)


@pytest.mark.parametrize("name", ["none", "from Pods by label, to a port"])
def test_it_does_so_behind_a_tunnel(machines, name):
    one = policy_world(POLICIES[name], pool=POOLS["vxlan"], tunnel="vxlan")
    machines["vxlan"].reload(one)
    check(one, machines["vxlan"], FLOWS)


@pytest.mark.parametrize("ipvs", [False, True], ids=["iptables", "ipvs"])
def test_the_kernel_gives_back_what_iptables_save_prints_here(machines, ipvs):
    policies = [policy for those in POLICIES.values() for policy in those]
    for number, policy in enumerate(policies):  # names of their own
        if policy["kind"] != "Tier":
            policies[number] = {**policy, "metadata": {**policy["metadata"], "name": f"p{number}"}}
    one = policy_world(policies, pool=POOLS["vxlan"], tunnel="vxlan")
    there = machines["vxlan"]
    there.reload(one)
    calculation = Calculation(resources(policies, POOLS["vxlan"]), rules=NodeRules(ipvs=True))
    for name in ("worker-1", "worker-2"):
        if ipvs:
            felix = calculation.node(name)
            one.machines[name] = one.machines[name]._replace(tables=felix.with_others({}), sets=felix.sets)
            there.load(name, one.machines[name])
        printed = there.hosts[name].run("iptables-nft-save")
        theirs = [line for line in printed.splitlines() if not line.startswith("#")]
        assert save(one.machines[name].tables).splitlines() == theirs
