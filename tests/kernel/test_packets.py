"""The same packets through the model and a real kernel: the same endpoints, the same address seen, the same end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.cluster.network.worlds import a_service, world
from tests.kernel.build import Built, built
from tests.kernel.flows import Flow, check
from tests.kernel.hosts import missing

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
    pytest.mark.xdist_group("kernel-packets"),
]

CLUSTER_IP = "10.96.0.10"
TIMES = 24
SERVICES: dict[str, dict[str, Any]] = {
    "cluster IP": {},
    "node port": {"type": "NodePort"},
    "node port, external policy Local": {"type": "NodePort", "externalTrafficPolicy": "Local"},
    "internal policy Local": {"internalTrafficPolicy": "Local"},
    "session affinity": {"sessionAffinity": "ClientIP"},
    "external address": {"externalIPs": ["198.51.100.7"]},
    "load balancer": {"type": "LoadBalancer", "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.8"}]}}},
    "load balancer for some": {
        "type": "LoadBalancer",
        "loadBalancerSourceRanges": ["203.0.113.0/24"],
        "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.8"}]}},
    },
}
FLOWS = [
    Flow("curl", CLUSTER_IP, 80),
    Flow("web-1", CLUSTER_IP, 80),
    Flow("client", CLUSTER_IP, 80),
    Flow("worker-1", CLUSTER_IP, 80),
    Flow("curl", "192.168.2.1", 8080),
    Flow("curl", "192.168.2.1", 9),
    Flow("curl", "192.168.1.50", 8080),
    Flow("client", "10.0.0.11", 30080),
    Flow("client", "10.0.0.12", 30080),
    Flow("worker-2", "10.0.0.11", 30080),
    Flow("worker-1", "127.0.0.1", 30080),
    Flow("curl", "10.0.0.11", 30080),
    Flow("client", "198.51.100.7", 80),
    Flow("curl", "198.51.100.7", 80),
    Flow("client", "198.51.100.8", 80),
    Flow("curl", "198.51.100.8", 80),
]


@pytest.fixture(scope="module")
def machines() -> Iterator[dict[str, Built]]:
    """One world for each way from node to node; what differs from test to test are the rules in it."""
    with ExitStack() as stack:
        yield {tunnel: stack.enter_context(built(world([], tunnel=tunnel))) for tunnel in ("", "vxlan")}


@pytest.mark.parametrize("tunnel", ["", "vxlan"], ids=["routed", "vxlan"])
@pytest.mark.parametrize("spec", SERVICES.values(), ids=SERVICES.keys())
def test_the_kernel_sends_each_packet_where_the_model_does(machines, spec, tunnel):
    if tunnel and spec and "type" not in spec:
        pytest.skip("the tunnel is below all that differs here")
    one, there = world([a_service("web", CLUSTER_IP, **spec)], tunnel=tunnel), machines[tunnel]
    there.reload(one)
    flows = FLOWS if "sessionAffinity" not in spec else [flow for flow in FLOWS if flow.port != 80]
    check(one, there, flows)
    if not spec:
        check(one, there, [Flow(start, CLUSTER_IP, 53, "udp") for start in ("curl", "client")])
    if "sessionAffinity" in spec:
        for start in ("curl", "client"):
            first = there.ask(start, "tcp", CLUSTER_IP, 80, 1, 5.0)  # several at once might all be the first
            assert len({*first, *there.ask(start, "tcp", CLUSTER_IP, 80, TIMES, 5.0)}) == 1


def test_no_endpoint_refuses_and_comes_back_with_the_first_one(machines):
    flows = [Flow("curl", CLUSTER_IP, 80), Flow("client", "10.0.0.11", 30080), Flow("worker-1", CLUSTER_IP, 80)]
    for backends in ((), ("web-2",)):
        one = world([a_service("web", CLUSTER_IP, type="NodePort")], backends=backends)
        machines[""].reload(one)
        check(one, machines[""], flows)
