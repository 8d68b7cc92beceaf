"""A packet's way: who translates, who encapsulates, where it ends and why; and the way back of the answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from apps.cluster.network.machine import World
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import Walk, answer, send
from tests.cluster.network.worlds import CLIENT, a_service, world

CLUSTER_IP = "10.96.0.10"


def choose(*wanted: bool) -> Callable[[float], bool]:
    answers = iter([*wanted, *itertools.repeat(True, 50)])
    return lambda _probability: next(answers)


def said(walk: Walk) -> list[str]:
    return [f"{hop.machine} {hop.what.removeprefix('network.')}" for hop in walk.hops if "filtered" not in hop.what]


def to(address: str, port: int = 80, protocol: str = "tcp") -> Packet:
    return Packet("", address, protocol, port)


def both(one: World, start: str, packet: Packet, *chances: bool) -> tuple[Walk, Walk]:
    there = send(one, start, packet, choose(*chances))
    return there, answer(one, there, choose())


def test_a_pod_reaches_a_service_on_another_node_through_the_tunnel():
    one = world([a_service("web", CLUSTER_IP)], tunnel="ipip")
    there, back = both(one, "curl", to(CLUSTER_IP), False, True)
    assert said(there) == [
        "curl sent",
        "curl routed",
        "curl left",
        "worker-1 arrived",
        "worker-1 dnat",
        "worker-1 routed",
        "worker-1 not-masqueraded",
        "worker-1 encapsulated",
        "worker-1 left",
        "worker-2 decapsulated",
        "worker-2 arrived",
        "worker-2 not-translated",
        "worker-2 routed",
        "worker-2 not-masqueraded",
        "worker-2 left",
        "web-2 arrived",
        "web-2 routed",
        "web-2 delivered",
    ]
    assert (there.end, there.machine) == ("delivered", "web-2")
    assert (there.packet.source, there.packet.destination, there.packet.port) == ("192.168.1.9", "192.168.2.1", 8080)
    outer = next(hop.outer for hop in there.hops if hop.what == "network.encapsulated")
    assert outer is not None
    assert (outer.source, outer.destination, outer.kind) == ("10.0.0.11", "10.0.0.12", "ipip")
    assert (back.end, back.machine) == ("delivered", "curl")
    assert (back.packet.source, back.packet.source_port) == (CLUSTER_IP, 80)  # as if the Service itself had answered


def test_from_outside_through_a_node_port_and_back_the_same_way():
    one = world([a_service("web", CLUSTER_IP, type="NodePort")])
    there, back = both(one, "client", to("10.0.0.11", 30080), False, True)
    assert there.machine == "web-2"
    assert there.packet.source == "10.0.0.11"  # masqueraded, so that the answer comes back through worker-1
    assert [hop.machine for hop in back.hops if hop.what == "network.translated-known"] == ["worker-1", "worker-1"]
    assert (back.end, back.machine, back.packet.source, back.packet.source_port) == (
        "delivered",
        "client",
        "10.0.0.11",
        30080,
    )


def test_local_policy_keeps_the_clients_address_and_drops_where_there_is_no_pod():
    service = a_service("web", CLUSTER_IP, type="NodePort", externalTrafficPolicy="Local")
    one = world([service], backends=("web-2",))
    there, back = both(one, "client", to("10.0.0.12", 30080))
    assert (there.machine, there.packet.source) == ("web-2", CLIENT)
    assert (back.end, back.machine) == ("delivered", "client")
    lost = send(one, "client", to("10.0.0.11", 30080), choose())
    assert (lost.end, lost.machine, lost.why) == ("dropped", "worker-1", "network.dropped")
    assert lost.hops[-1].visits[-1].chain == "KUBE-EXTERNAL-SERVICES"


ENDS = {
    "no endpoints": ({"backends": ()}, "curl", to(CLUSTER_IP), "refused", "network.rejected", "worker-1"),
    "a port that is no Service's": ({}, "curl", to(CLUSTER_IP, 81), "unreachable", "network.no-neighbour", "worker-1"),
    "an address of nobody in the block": (
        {},
        "curl",
        to("192.168.1.50", 8080),
        "dropped",
        "network.blackhole",
        "worker-1",
    ),
    "a Pod's port at which nobody listens": (
        {},
        "curl",
        to("192.168.2.1", 9),
        "refused",
        "network.nobody-listens",
        "web-2",
    ),
    "itself through the Service": (
        {"backends": ("curl",)},
        "curl",
        to(CLUSTER_IP),
        "delivered",
        "network.delivered",
        "curl",
    ),
}


@pytest.mark.parametrize("case", ENDS.values(), ids=ENDS.keys())
def test_where_it_ends_and_why(case):
    how, start, packet, end, why, machine = case
    found = send(world([a_service("web", CLUSTER_IP)], **how), start, packet, choose())
    assert (found.end, found.why, found.machine) == (end, why, machine)


def test_a_pod_that_reaches_itself_is_masqueraded_and_gets_its_answer():
    one = world([a_service("web", CLUSTER_IP)], backends=("curl",))
    there, back = both(one, "curl", to(CLUSTER_IP))
    assert there.packet.source == "10.0.0.11"
    assert (back.end, back.machine, back.packet.source) == ("delivered", "curl", CLUSTER_IP)


def test_the_same_connection_goes_to_the_same_endpoint_without_asking_the_rules():
    one = world([a_service("web", CLUSTER_IP)])
    first = send(one, "curl", to(CLUSTER_IP)._replace(source_port=40000), choose(False, False))
    machines = {
        name: machine._replace(connections=first.connections.get(name, ())) for name, machine in one.machines.items()
    }
    again = send(one._replace(machines=machines), "curl", to(CLUSTER_IP)._replace(source_port=40000), choose(True))
    assert (first.machine, again.machine) == ("web-3", "web-3")
    assert "network.dnat" not in [hop.what for hop in again.hops]


@pytest.mark.parametrize(("tunnel", "limit"), [("", 1500), ("ipip", 1480), ("vxlan", 1450)])
def test_what_is_too_big_for_a_device_on_the_way_is_dropped_there(tunnel, limit):
    one = world([], tunnel=tunnel)
    fits = send(one, "curl", to("192.168.2.1", 8080), choose(), size=limit)
    big = send(one, "curl", to("192.168.2.1", 8080), choose(), size=limit + 1)
    assert fits.end == "delivered"
    assert (big.end, big.why) == ("dropped", "network.too-big")
    assert big.hops[-1].params == {"size": limit + 1, "mtu": limit}


def test_a_cut_cable_and_a_machine_without_power():
    one = world([a_service("web", CLUSTER_IP)])
    cut = one._replace(cut=frozenset({("worker-1", "worker-2")}))
    assert send(cut, "curl", to("192.168.2.1", 8080), choose()).why == "network.cable-cut"
    off = {**one.machines, "worker-2": one.machines["worker-2"]._replace(up=False)}
    assert send(one._replace(machines=off), "curl", to("192.168.2.1", 8080), choose()).why == "network.machine-down"


SPECS = (
    {},
    {"type": "NodePort"},
    {"type": "NodePort", "externalTrafficPolicy": "Local"},
    {"internalTrafficPolicy": "Local"},
    {"externalIPs": ["198.51.100.7"]},
    {"type": "LoadBalancer", "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}},
)
FLOWS = (
    ("curl", CLUSTER_IP, 80),
    ("web-1", CLUSTER_IP, 80),
    ("worker-1", CLUSTER_IP, 80),
    ("client", CLUSTER_IP, 80),
    ("client", "10.0.0.11", 30080),
    ("client", "10.0.0.12", 30080),
    ("worker-2", "10.0.0.11", 30080),
    ("client", "198.51.100.7", 80),
    ("curl", "198.51.100.7", 80),
)


def ends(mode: str, spec: dict[str, Any], flow: tuple[str, str, int]) -> set[tuple[str, str, str]]:
    """Where a packet may end, and whose address is seen there."""
    one = world([a_service("web", CLUSTER_IP, **dict(spec))], mode=mode)
    found = set()
    for turn, chances in enumerate(((True, True), (False, True), (False, False))):
        there = send(one, flow[0], to(*flow[1:]), choose(*chances), turn=turn)
        if there.end == "delivered":
            back = answer(one, there, choose())
            assert (back.end, back.machine) == ("delivered", flow[0])
        found.add((there.end, there.machine, there.packet.source))
    return found


@pytest.mark.parametrize("mode", ["nftables", "ipvs"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: " ".join(map(str, spec.values())) or "cluster IP")
def test_all_modes_send_a_packet_to_the_same_endpoints(spec, mode):
    for flow in FLOWS:
        if spec.get("externalTrafficPolicy") and mode == "ipvs" and flow[0] != "client":
            continue  # the endpoints of this node alone, also for the node's own programs
        if (flow[1] == "198.51.100.7") != ("externalIPs" in spec or "status" in spec) or (flow[2] == 30080) != (
            "type" in spec
        ):
            continue
        assert ends(mode, spec, flow) == ends("iptables", spec, flow), flow


def test_nftables_looks_into_a_map_where_iptables_goes_through_rules():
    there = send(world([a_service("web", CLUSTER_IP)], mode="nftables"), "curl", to(CLUSTER_IP), choose(False, True))
    hop = next(hop for hop in there.hops if hop.what == "network.dnat")
    assert hop.params == {"table": "ip kube-proxy", "chain": "nat-prerouting"}
    assert [(visit.chain, visit.number, visit.matched) for visit in hop.visits] == [
        ("nat-prerouting", 1, True),
        ("services", 1, False),
        ("services", 2, True),
        ("service-PFISGYVC-default/web/tcp/", 1, True),
    ]
    assert hop.visits[2].element == ("service-ips { 10.96.0.10 . tcp . 80 : goto service-PFISGYVC-default/web/tcp/ }")


def test_nftables_refuses_a_port_that_a_service_has_not_and_drops_what_no_service_has():
    one = world([a_service("web", CLUSTER_IP)], mode="nftables")
    refused, dropped = (send(one, "curl", to(*at), choose()) for at in ((CLUSTER_IP, 81), ("10.96.7.7", 80)))
    assert (refused.end, refused.hops[-1].visits[-1].chain) == ("refused", "cluster-ips-check")
    assert (dropped.end, dropped.hops[-1].visits[-1].chain) == ("dropped", "cluster-ips-check")


def test_affinity_sets_remember_the_client():
    one = world([a_service("web", CLUSTER_IP, sessionAffinity="ClientIP")], mode="nftables")
    first = send(one, "curl", to(CLUSTER_IP), choose(False, False))
    assert first.machine == "web-3"
    (remembered,) = first.recent["worker-1"]
    assert remembered.startswith("affinity-")
    assert first.recent["worker-1"][remembered] == {"192.168.1.9"}
    node = one.machines["worker-1"]._replace(recent=first.recent["worker-1"])
    again = send(one._replace(machines={**one.machines, "worker-1": node}), "curl", to(CLUSTER_IP), choose(True))
    assert again.machine == "web-3"


def test_ipvs_takes_what_has_come_to_the_nodes_own_address():
    one = world([a_service("web", CLUSTER_IP)], mode="ipvs")
    there, back = both(one, "curl", to(CLUSTER_IP))
    assert said(there)[:8] == [
        "curl sent",
        "curl routed",
        "curl left",
        "worker-1 arrived",
        "worker-1 not-translated",
        "worker-1 routed",
        "worker-1 virtual-server",
        "worker-1 routed",
    ]
    hop = next(hop for hop in there.hops if hop.what == "network.virtual-server")
    assert hop.params == {"server": "TCP 10.96.0.10:80", "scheduler": "rr", "chosen": "192.168.1.1:8080"}
    assert (there.machine, there.packet.source, back.machine) == ("web-1", "192.168.1.9", "curl")
    # Each next connection goes to the next one.
    turns = [send(one, "curl", to(CLUSTER_IP), choose(), turn=turn).machine for turn in range(5)]
    assert turns == ["web-1", "web-2", "web-3", "web-1", "web-2"]


def test_ipvs_masquerades_what_a_pod_sends_to_itself():
    there, back = both(world([a_service("web", CLUSTER_IP)], mode="ipvs"), "web-1", to(CLUSTER_IP))
    assert (there.machine, there.packet.source) == ("web-1", "10.0.0.11")
    assert back.machine == "web-1"
    snat = next(hop for hop in there.hops if hop.what == "network.snat")
    assert "KUBE-LOOP-BACK" in snat.visits[-1].text


def test_ipvs_without_a_real_server_refuses_and_so_does_a_port_that_nobody_serves():
    one = world([a_service("web", CLUSTER_IP)], backends=(), mode="ipvs")
    for flow in (("curl", CLUSTER_IP, 80), ("worker-1", CLUSTER_IP, 80)):
        assert send(one, flow[0], to(*flow[1:]), choose()).hops[-1].what == "network.no-real-server"
    other = send(one, "curl", to(CLUSTER_IP, 22), choose())
    assert (other.end, other.hops[-1].visits[-1].chain) == ("refused", "KUBE-IPVS-FILTER")


def test_ipvs_keeps_a_client_with_its_real_server():
    one = world([a_service("web", CLUSTER_IP, sessionAffinity="ClientIP")], mode="ipvs")
    first = send(one, "curl", to(CLUSTER_IP), choose(), turn=1)
    node = one.machines["worker-1"]._replace(recent=first.recent["worker-1"])
    again = send(one._replace(machines={**one.machines, "worker-1": node}), "curl", to(CLUSTER_IP), choose(), turn=2)
    assert first.machine == again.machine == "web-2"
