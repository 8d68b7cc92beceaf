"""kube-proxy's nftables table in a real kernel: it takes it, gives it back, and sends packets where the model does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from apps.cluster.network.nftables.listing import listed
from tests.cluster.network.worlds import a_service, world
from tests.cluster.proxy.test_ruleset import CONFIG
from tests.kernel.build import Built, built
from tests.kernel.everything import rules_of
from tests.kernel.flows import Flow, check
from tests.kernel.hosts import host, missing
from tests.kernel.test_packets import CLUSTER_IP, FLOWS, SERVICES, TIMES

ABSENT = missing() or ("" if shutil.which("nft") else "not installed: nft")
pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(ABSENT), reason=ABSENT or "-"),
    pytest.mark.xdist_group("kernel-nftables"),
]
# A port that the Service has not, and a cluster IP that no Service has.
NOBODY = [Flow("curl", CLUSTER_IP, 81), Flow("worker-1", CLUSTER_IP, 81), Flow("curl", "10.96.7.7", 80)]

EVERYTHING: dict[str, dict[str, Any]] = {
    "each kind of Service": {},
    "node ports at one address": {"node_port_addresses": ("10.0.0.0/24",)},
    "everything masqueraded": {"masquerade_all": True},
    "with the networks of Services": {"service_cidrs": ("10.96.0.0/12",)},
    "with networks apart": {"service_cidrs": ("172.20.0.0/16", "10.96.0.0/12", "10.97.0.0/16")},
}


@pytest.mark.parametrize("settings", EVERYTHING.values(), ids=EVERYTHING.keys())
def test_the_kernel_gives_back_what_nft_list_prints_here(settings):
    text = listed(rules_of("nftables", CONFIG._replace(**settings)).table())
    with host() as machine:
        machine.run("nft", "-f", "-", text=text)
        printed = machine.run("nft", "list", "table", "ip", "kube-proxy")
    # Up to its version 1.0.6 nft leaves out what is translated where a map has address and port.
    theirs = printed.replace("dnat ip to numgen", "dnat ip addr . port to numgen")
    assert text.splitlines() == theirs.splitlines()


@pytest.fixture(scope="module")
def machines() -> Iterator[dict[str, Built]]:
    with built(world([], mode="nftables")) as routed, built(world([], mode="nftables", tunnel="vxlan")) as tunnelled:
        yield {"": routed, "vxlan": tunnelled}


@pytest.mark.parametrize("tunnel", ["", "vxlan"], ids=["routed", "vxlan"])
@pytest.mark.parametrize("spec", SERVICES.values(), ids=SERVICES.keys())
def test_the_kernel_sends_each_packet_where_the_model_does(machines, spec, tunnel):
    if tunnel and spec and "type" not in spec:
        pytest.skip("the tunnel is below all that differs here")
    one, there = world([a_service("web", CLUSTER_IP, **spec)], tunnel=tunnel, mode="nftables"), machines[tunnel]
    there.reload(one)
    flows = FLOWS if "sessionAffinity" not in spec else [flow for flow in FLOWS if flow.port != 80]
    check(one, there, [*flows, *NOBODY])
    if not spec:
        check(one, there, [Flow(start, CLUSTER_IP, 53, "udp") for start in ("curl", "client")])
    if "sessionAffinity" in spec:
        for start in ("curl", "client"):
            first = there.ask(start, "tcp", CLUSTER_IP, 80, 1, 5.0)
            assert len({*first, *there.ask(start, "tcp", CLUSTER_IP, 80, TIMES, 5.0)}) == 1


def test_no_endpoint_refuses_and_comes_back_with_the_first_one(machines):
    flows = [Flow("curl", CLUSTER_IP, 80), Flow("client", "10.0.0.11", 30080), Flow("worker-1", CLUSTER_IP, 80)]
    for backends in ((), ("web-2",)):
        one = world([a_service("web", CLUSTER_IP, type="NodePort")], backends=backends, mode="nftables")
        machines[""].reload(one)
        check(one, machines[""], flows)
