"""All of a node's tables out of resources: who reaches whom under which policies, chain by chain and end by end."""

from __future__ import annotations

import pytest

from apps.cluster.cni.calico.conversion import interface_name
from apps.cluster.cni.calico.felix.forwarding import NodeRules
from apps.cluster.cni.calico.felix.ipvs import endpoint_marks
from apps.cluster.cni.calico.felix.rules import Marks
from apps.cluster.cni.calico.felix.tables import Calculation, tables
from apps.cluster.network.iptables.rule import parse_rule
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import send
from tests.cluster.network.policies import PODS, POLICIES, policy, policy_world, resources

DB, WEB = PODS["db"][2], PODS["web"][2]
# Who gets through to db:8080, db:9090 and, from batch, to web:8080 and web:9090.
REACH: dict[str, tuple[str, str, str]] = {
    "none": ("web batch lab tool client", "web batch lab tool client", "8080 9090"),
    "default deny of what comes in": ("", "", ""),
    "default deny of what goes out": ("lab tool client", "lab tool client", ""),
    "from Pods by label, to a port": ("web", "", "8080 9090"),
    "from another namespace, to a named port": ("lab tool", "", "8080 9090"),
    "from some Pods of another namespace": ("tool", "tool", "8080 9090"),
    "from a block of addresses, with exceptions": ("web", "web", "8080 9090"),
    "from the node's network": ("client", "client", "8080 9090"),
    "several add up": ("web", "lab tool", "8080 9090"),
    "out to a named port of others": ("web lab tool client", "web lab tool client", "8080"),
    "out to all but a range of ports": ("web lab tool client", "web batch lab tool client", "9090"),
    "a global policy before it denies": ("batch lab tool client", "batch lab tool client", "8080 9090"),
    "a global policy after it allows the rest": ("web batch lab tool client", "web batch lab tool client", "8080 9090"),
    "a tier before it passes some on, and denies the others": ("lab tool", "web batch client", "8080 9090"),
    "networks that have a name": ("lab client", "lab client", "8080 9090"),
}


@pytest.mark.parametrize(("name", "expected"), REACH.items(), ids=REACH.keys())
def test_who_reaches_whom(name, expected):
    world = policy_world(POLICIES[name])

    def arrives(start: str, address: str, port: int) -> bool:
        return send(world, start, Packet("", address, "tcp", port), lambda _p: True).end == "delivered"

    found = [
        " ".join(one for one in ("web", "batch", "lab", "tool", "client") if arrives(one, DB, port))
        for port in (8080, 9090)
    ]
    found.append(" ".join(str(port) for port in (8080, 9090) if arrives("batch", WEB, port)))
    assert tuple(found) == expected
    assert arrives("worker-1", DB, 8080)  # a node always reaches its own Pods


def test_every_rule_is_one_that_iptables_knows():
    for policies in POLICIES.values():
        for node in ("worker-1", "worker-2"):
            for chains in Calculation(resources(policies, {"vxlanMode": "Always"})).node(node).chains.values():
                for rules in chains.values():
                    for rule in rules:
                        parse_rule(rule)


def test_only_policies_of_workloads_on_the_node_are_there():
    calculation = Calculation(resources([policy("a", "web", ingress=[])]))
    assert "cali-pi-knp/shop/a" in calculation.node("worker-2").chains["filter"]
    assert "cali-pi-knp/shop/a" not in calculation.node("worker-1").chains["filter"]


def test_what_felix_says_stands_before_what_was_there_and_lets_through_after_it():
    found = tables("worker-1", resources()).with_others({"filter": {"FORWARD": ("--jump KUBE-FORWARD",)}})
    forward = found["filter"]["FORWARD"]
    assert forward[0] == "--jump cali-FORWARD"
    assert forward[1] == "--jump KUBE-FORWARD"
    assert "Policy explicitly accepted packet." in forward[2]


def test_sets_of_the_node():
    found = tables("worker-1", resources(pool={"vxlanMode": "Always"}))
    assert found.sets["cali40all-vxlan-net"] == frozenset({"10.0.0.12"})
    assert found.sets["cali40masq-ipam-pools"] == frozenset({"192.168.0.0/16"})
    assert interface_name("shop", "db") in found.interfaces
    assert "cali40all-hosts-net" in tables("worker-1", resources(pool={"ipipMode": "Always"})).sets


def test_two_policies_of_one_selector_are_a_group():
    found = tables("worker-1", resources([policy("a", ingress=[]), policy("b", ingress=[])])).chains["filter"]
    groups = [name for name in found if name.startswith("cali-gi-")]
    assert len(groups) == 1
    assert found[groups[0]] == (
        "--jump cali-pi-knp/shop/a",
        "-m mark --mark 0/0x30000 --jump cali-pi-knp/shop/b",
    )


IPVS = NodeRules(ipvs=True)


def test_where_kube_proxy_uses_ipvs_a_packet_carries_the_mark_of_its_workload():
    found = tables("worker-1", resources(), rules=IPVS)
    chains = found.chains["filter"]
    assert "--jump cali-forward-check" in chains["cali-INPUT"]
    assert chains["cali-OUTPUT"][1] == "-m mark ! --mark 0/0xffe00000 --goto cali-forward-endpoint-mark"
    set_, read = chains["cali-set-endpoint-mark"], chains["cali-from-endpoint-mark"]
    assert set_[-1].endswith("--jump MARK --set-mark 0x200000/0xffe00000")
    marks = endpoint_marks(found.interfaces, Marks())
    assert len(set(marks.values()) | {0, 0x200000}) == len(found.interfaces) + 2
    for name, mark in marks.items():
        assert chains[f"cali-sm-{name}"] == (f"--jump MARK --set-mark {mark:#x}/0xffe00000",)
        assert f"-m mark --mark {mark:#x}/0xffe00000 --goto cali-fw-{name}" in read
    assert found.sets["cali40this-host"] == frozenset({"127.0.0.1", "10.0.0.11"})


def test_of_two_interfaces_with_one_hash_the_second_takes_the_next_mark():
    few = Marks(endpoint=0x70000000, other=0x10000000)
    marks = endpoint_marks([f"cali{number}" for number in range(9)], few)
    assert sorted(marks.values()) == [number << 28 for number in range(2, 8)]
