"""The same packets through the model and a real kernel: the same endpoints, the same address seen, the same end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from apps.cluster.network.machine import World
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import answer, send
from tests.cluster.network.worlds import a_service, world
from tests.kernel.build import Built, Question, built
from tests.kernel.hosts import missing

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
    pytest.mark.xdist_group("kernel-packets"),
]

CLUSTER_IP = "10.96.0.10"
TIMES = 24
# What a client hears of how a packet ended.
HEARD = {"refused": "refused", "dropped": "no answer", "lost": "no answer", "unreachable": "no answer"}

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
    ("curl", CLUSTER_IP, 80),
    ("web-1", CLUSTER_IP, 80),
    ("client", CLUSTER_IP, 80),
    ("worker-1", CLUSTER_IP, 80),
    ("curl", "192.168.2.1", 8080),
    ("curl", "192.168.2.1", 9),
    ("curl", "192.168.1.50", 8080),
    ("client", "10.0.0.11", 30080),
    ("client", "10.0.0.12", 30080),
    ("worker-2", "10.0.0.11", 30080),
    ("worker-1", "127.0.0.1", 30080),
    ("curl", "10.0.0.11", 30080),
    ("client", "198.51.100.7", 80),
    ("curl", "198.51.100.7", 80),
    ("client", "198.51.100.8", 80),
    ("curl", "198.51.100.8", 80),
]


def modelled(one: World, start: str, protocol: str, address: str, port: int) -> set[str]:
    """All that a client may hear, whatever chance decides."""
    heard: set[str] = set()
    for first in (True, False):
        for second in (True, False):
            choices = iter([first, second])
            there = send(one, start, Packet("", address, protocol, port), lambda _p, c=choices: next(c, True))  # type: ignore[misc]
            if there.end != "delivered":
                heard.add(HEARD[there.end])
                continue
            back = answer(one, there, lambda _p: True)
            ours = back.end == "delivered" and back.machine == start
            heard.add(f"{there.machine} {there.packet.source}" if ours else "no answer")
    return heard


def check(one: World, there: Built, flows: list[tuple[str, str, int]], protocol: str = "tcp") -> None:
    """Each flow from the kernel and from the model; all questions are asked at once."""
    expected = [modelled(one, start, protocol, address, port) for start, address, port in flows]
    questions = []
    for (start, address, port), those in zip(flows, expected, strict=True):
        # Who is answered by several asks often enough to hear of all. On a busy machine an answer may take its time.
        answered = not those & set(HEARD.values())
        patience = 0.7 if those == {"no answer"} else 5.0
        questions.append(Question(start, protocol, address, port, TIMES if answered else 1, patience))
    differs = []
    for question, those, told in zip(questions, expected, there.ask_all(questions), strict=True):
        heard = set(told)
        if heard == {"unreachable"} and those == {"no answer"}:
            continue  # a program hears so only when its own machine, or the router's ARP, says so in time
        if heard != those:
            whom = f"{question.start} to {question.address}:{question.port}"
            differs.append(f"{whom}: the kernel {sorted(heard)}, the model {sorted(those)}")
    assert not differs, "\n".join(differs)


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
    flows = FLOWS if "sessionAffinity" not in spec else [flow for flow in FLOWS if flow[2] != 80]
    check(one, there, flows)
    if not spec:
        check(one, there, [(start, CLUSTER_IP, 53) for start in ("curl", "client")], "udp")
    if "sessionAffinity" in spec:
        for start in ("curl", "client"):
            assert len(set(there.ask(start, "tcp", CLUSTER_IP, 80, TIMES, 5.0))) == 1


def test_no_endpoint_refuses_and_comes_back_with_the_first_one(machines):
    flows = [("curl", CLUSTER_IP, 80), ("client", "10.0.0.11", 30080), ("worker-1", CLUSTER_IP, 80)]
    for backends in ((), ("web-2",)):
        one = world([a_service("web", CLUSTER_IP, type="NodePort")], backends=backends)
        machines[""].reload(one)
        check(one, machines[""], flows)
