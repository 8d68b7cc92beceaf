"""Policies as iptables rules: rule by rule in Felix' words, and what becomes of packets in them."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.cni.calico.conversion import namespace_profile, network_policy, workload_endpoint
from apps.cluster.cni.calico.felix.endpoints import (
    Group,
    PolicyID,
    Tier,
    group_chain,
    policy_chains,
    profile_chains,
    workload_chains,
)
from apps.cluster.cni.calico.felix.forwarding import NodeRules, dispatch, ends, filter_table, jumps, nat_table
from apps.cluster.cni.calico.felix.names import limited, set_name, unique
from apps.cluster.cni.calico.felix.rules import Marks, ParsedRule, one, rendered
from apps.cluster.cni.calico.felix.scanner import parsed, policy_selector
from apps.cluster.cni.calico.felix.sets import endpoint_of, members
from apps.cluster.cni.calico.selector import parse
from apps.cluster.network.iptables.evaluate import Host, run
from apps.cluster.network.iptables.rule import parse_rule
from apps.cluster.network.packet import Packet

Obj = dict[str, Any]
MARKS = Marks(accept=0x80, passed=0x100, drop=0x800, matched=0x200, block=0x400)
MANY = tuple((first, first + 1) for first in range(1, 17, 2))
CLEAR, PRESET = "--jump MARK --set-mark 0x0/0x600", "--jump MARK --set-mark 0x200/0x600"
ALL = "-m mark --mark 0x200/0x200 --jump MARK --set-mark 0x80/0x80"
RETURN = "-m mark --mark 0x80/0x80 --jump RETURN"
INTO_ALL, OUT_OF_ALL = "--jump MARK --set-mark 0x200/0x200", "--jump MARK --set-mark 0/0x200"


@pytest.mark.parametrize(
    ("family", "rule", "match"),
    [
        (4, {}, ""),
        (4, {"protocol": "tcp"}, "-p tcp"),
        (4, {"nets": (("10.0.0.0/16",), ())}, "--source 10.0.0.0/16"),
        (4, {"nets": ((), ("10.0.0.0/16",))}, "--destination 10.0.0.0/16"),
        (
            4,
            {"sets": (("id1", "id2"), ())},
            "-m set --match-set cali40id1 src -m set --match-set cali40id2 src",
        ),
        (6, {"not_sets": ((), ("id1",))}, "-m set ! --match-set cali60id1 dst"),
        (4, {"ports": (((10, 12), (20, 30), (8080, 8080)), ())}, "-m multiport --source-ports 10:12,20:30,8080"),
        (4, {"not_ports": ((), ((10, 12),))}, "-m multiport ! --destination-ports 10:12"),
        (
            4,
            {"not_ports": (MANY, ())},
            "-m multiport ! --source-ports 1:2,3:4,5:6,7:8,9:10,11:12,13:14 -m multiport ! --source-ports 15:16",
        ),
        (4, {"icmp": "10/12"}, "-m icmp --icmp-type 10/12"),
        (6, {"not_icmp": "10"}, "-m icmp6 ! --icmpv6-type 10"),
        (4, {"not_protocol": "8"}, "! -p 8"),
        (4, {"named": ((), ("id1",)), "protocol": "tcp"}, "-p tcp -m set --match-set cali40id1 dst,dst"),
    ],
)
def test_a_rule_marks_what_it_matches_and_returns(family, rule, match):
    assert one(ParsedRule(**rule), family, MARKS) == [f"{match} --jump MARK --set-mark 0x80/0x80".strip(), RETURN]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("Pass", ["--jump MARK --set-mark 0x100/0x100", "-m mark --mark 0x100/0x100 --jump RETURN"]),
        ("Deny", ["--jump MARK --set-mark 0x800/0x800", "-m mark --mark 0x800/0x800 --jump DROP"]),
        ("Log", ['--jump LOG --log-prefix "calico-packet: " --log-level 5']),
    ],
)
def test_an_action_is_carried_out(action, expected):
    assert one(ParsedRule(action), 4, MARKS) == expected


SOURCES, NOT_SOURCES = ("10.0.0.0/24", "10.0.1.0/24"), ("11.0.0.0/24", "11.0.1.0/24")
TARGETS, NOT_TARGETS = ("12.0.0.0/24", "12.0.1.0/24"), ("13.0.0.0/24", "13.0.1.0/24")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((2, 0, 0, 0), [CLEAR, *(f"--source {net} {INTO_ALL}" for net in SOURCES), ALL]),
        ((0, 2, 0, 0), [PRESET, *(f"--source {net} {OUT_OF_ALL}" for net in NOT_SOURCES), ALL]),
        ((1, 1, 0, 0), [PRESET, f"--source 11.0.0.0/24 {OUT_OF_ALL}", f"--source 10.0.0.0/24 {ALL}"]),
        (
            (2, 1, 0, 0),
            [CLEAR, *(f"--source {net} {INTO_ALL}" for net in SOURCES), f"! --source 11.0.0.0/24 {ALL}"],
        ),
        (
            (2, 2, 2, 2),
            [
                CLEAR,
                *(f"--source {net} {INTO_ALL}" for net in SOURCES),
                *(f"--destination {net} --jump MARK --set-mark 0x400/0x400" for net in TARGETS),
                f"-m mark --mark 0/0x400 {OUT_OF_ALL}",
                *(f"--source {net} {OUT_OF_ALL}" for net in NOT_SOURCES),
                *(f"--destination {net} {OUT_OF_ALL}" for net in NOT_TARGETS),
                ALL,
            ],
        ),
    ],
)
def test_several_networks_add_up_in_marks(counts, expected):
    first, second, third, fourth = counts
    rule = ParsedRule(nets=(SOURCES[:first], TARGETS[:third]), not_nets=(NOT_SOURCES[:second], NOT_TARGETS[:fourth]))
    assert one(rule, 4, MARKS) == [*expected, RETURN]


def test_more_ports_than_one_match_takes_are_a_block():
    rule = ParsedRule(protocol="tcp", ports=(MANY, ()), named=(("id1",), ()))
    assert one(rule, 4, MARKS) == [
        CLEAR,
        f"-p tcp -m multiport --source-ports 1:2,3:4,5:6,7:8,9:10,11:12,13:14 {INTO_ALL}",
        f"-p tcp -m multiport --source-ports 15:16 {INTO_ALL}",
        f"-m set --match-set cali40id1 src,src {INTO_ALL}",
        f"-p tcp {ALL}",
        RETURN,
    ]


@pytest.mark.parametrize(
    "rule",
    [
        ParsedRule(not_nets=(("0.0.0.0/0",), ())),
        ParsedRule(nets=(("fd00::/64",), ())),
        ParsedRule(ip_version=6),
    ],
)
def test_a_rule_that_can_match_nothing_is_left_out(rule):
    assert one(rule, 4, MARKS) == []


def test_the_last_return_of_a_chain_is_not_written():
    assert rendered([ParsedRule()], 4, MARKS, "Profile kns.x ingress") == [
        '-m comment --comment "Profile kns.x ingress" --jump MARK --set-mark 0x80/0x80'
    ]


@pytest.mark.parametrize(
    ("name", "longest", "expected"),
    [
        ("1234", 10, "felix1234"),
        ("123456", 11, "felix123456"),
        ("_2345", 10, "felix_kMQI"),
        ("12345678910", 13, "felix_Y2QCZIS"),
        ("", 10, "felix_"),
    ],
)
def test_a_name_is_cut_as_felix_cuts_it(name, longest, expected):
    assert limited("felix", name, longest) == expected


def test_names_that_are_too_long_are_hashed():
    assert limited("cali-pi-", "gnp/short") == "cali-pi-gnp/short"
    assert limited("cali-pi-", "a" * 40).startswith("cali-pi-_")
    assert len(limited("cali-pi-", "a" * 40)) == 28
    assert len(set_name(unique("s", "all()"), 4)) == 31


def test_a_group_returns_between_every_five_policies():
    policies = tuple(PolicyID("GlobalNetworkPolicy", name) for name in "abcdef")
    (rules,) = group_chain(Group(policies, "all()"), "ingress", MARKS).values()
    assert rules[0] == "--jump cali-pi-gnp/a"
    assert rules[1] == "-m mark --mark 0/0x180 --jump cali-pi-gnp/b"
    assert rules[5] == '-m comment --comment "Return on verdict" -m mark ! --mark 0/0x180 --jump RETURN'
    assert rules[6] == "--jump cali-pi-gnp/f"


class World:
    """Three Pods in two namespaces, and one policy: only the web may ask the database, on its port."""

    def __init__(self, *policies: Obj) -> None:
        shop, lab = ({"metadata": {"name": name, "labels": {"team": name}}} for name in ("shop", "lab"))
        profiles = {one["metadata"]["name"]: one for one in map(namespace_profile, (shop, lab))}
        self.pods = {
            name: workload_endpoint(
                {
                    "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
                    "spec": {"nodeName": "n"},
                    "status": {"podIP": address, "phase": "Running"},
                }
            )
            for name, namespace, address in (
                ("db", "shop", "192.168.0.1"),
                ("web", "shop", "192.168.0.2"),
                ("web-lab", "lab", "192.168.0.3"),
            )
        }
        endpoints = {name: endpoint_of(pod, profiles) for name, pod in self.pods.items()}
        chains: dict[str, tuple[str, ...]] = {}
        sets: dict[str, frozenset[str]] = {}
        marks = Marks()
        for name, profile in profiles.items():
            rules = [[parsed(rule, "")[0] for rule in profile["spec"][way]] for way in ("ingress", "egress")]
            chains |= profile_chains(name, (rules[0], rules[1]), 4, marks)
        made = [network_policy(policy) for policy in policies]
        ids = [PolicyID("KubernetesNetworkPolicy", one["metadata"]["name"], "shop") for one in made]
        for policy, id_ in zip(made, ids, strict=True):
            both: list[list[ParsedRule]] = [[], []]
            for place, way in enumerate(("ingress", "egress")):
                for rule in policy["spec"].get(way) or ():
                    ours, needed = parsed(rule, "shop")
                    both[place].append(ours)
                    sets |= {set_name(one.id, 4): members(one, endpoints.values(), 4) for one in needed}
            chains |= policy_chains(id_, (both[0], both[1]), 4, marks)
        for name, pod in self.pods.items():
            mine = [
                (id_, policy["spec"]["types"])
                for policy, id_ in zip(made, ids, strict=True)
                if parse(policy_selector(policy)).matches(endpoints[name].labels)
            ]
            groups = [tuple(Group((id_,)) for id_, types in mine if way in types) for way in ("Ingress", "Egress")]
            tiers = [Tier("default", (groups[0], groups[1]))] if mine else []
            chains |= workload_chains(pod["spec"]["interfaceName"], tiers, pod["spec"]["profiles"], marks)
        interfaces = [pod["spec"]["interfaceName"] for pod in self.pods.values()]
        first, last = jumps(), ends(marks)
        ways = {
            table: {
                hook: (*first[table].get(hook, ()), *last[table].get(hook, ()))
                for hook in {**first[table], **last[table]}
            }
            for table in first
        }
        node = NodeRules(("ipip",))
        self.tables = {
            "filter": {**ways["filter"], **filter_table(node, interfaces), **chains},
            "nat": {**ways["nat"], **nat_table(node)},
        }
        self.host = Host(sets=sets)
        for table in self.tables.values():
            for texts in table.values():
                for text in texts:
                    parse_rule(text)

    def reaches(self, source: str, target: str, port: int = 5432, state: str = "NEW") -> bool:
        """Whether a packet gets to a Pod: nothing drops it, and policies or profiles accept it."""
        addresses = {name: pod["spec"]["ipNetworks"][0].partition("/")[0] for name, pod in self.pods.items()}
        packet = Packet(addresses[source], addresses[target], "tcp", port, state=state)
        ends = {name: pod["spec"]["interfaceName"] for name, pod in self.pods.items()}
        packet = packet._replace(in_interface=ends[source], out_interface=ends[target])
        verdict = run(self.tables, "filter", "FORWARD", packet, self.host, lambda probability: True)
        return {"ACCEPT": True, "DROP": False}[verdict.target]


def policy(name: str, **spec: Any) -> Obj:
    chosen = {"matchLabels": {"app": "db"}}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"podSelector": chosen, **spec}}


WEB = {"podSelector": {"matchLabels": {"app": "web"}}}


def test_without_a_policy_everything_reaches_everything():
    world = World()
    assert all(world.reaches(one, other) for one in world.pods for other in world.pods)


def test_a_policy_isolates_what_it_chooses_and_lets_in_what_it_allows():
    world = World(policy("db", ingress=[{"from": [WEB], "ports": [{"port": 5432}]}]))
    assert world.reaches("web", "db")
    assert not world.reaches("web", "db", 22)
    assert not world.reaches("web-lab", "db")
    assert world.reaches("web-lab", "web")


def test_the_answer_of_a_connection_passes():
    world = World(policy("db", ingress=[]))
    assert not world.reaches("web", "db")
    assert world.reaches("web", "db", state="ESTABLISHED")


def test_another_namespace_is_let_in_by_its_labels():
    world = World(policy("db", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "lab"}}}]}]))
    assert world.reaches("web-lab", "db")
    assert not world.reaches("web", "db")


def test_a_block_of_addresses_is_let_in_but_for_its_exceptions():
    block = {"cidr": "192.168.0.0/24", "except": ["192.168.0.3/32"]}
    world = World(policy("db", ingress=[{"from": [{"ipBlock": block}]}]))
    assert world.reaches("web", "db")
    assert not world.reaches("web-lab", "db")


def test_of_several_policies_one_that_allows_is_enough():
    first = policy("a", ingress=[{"from": [WEB]}])
    second = policy("b", ingress=[{"from": [{"namespaceSelector": {}}], "ports": [{"port": 80}]}])
    world = World(first, second)
    assert world.reaches("web", "db", 22)
    assert world.reaches("web-lab", "db", 80)
    assert not world.reaches("web-lab", "db", 22)


def test_what_comes_from_an_interface_that_nobody_has_is_dropped():
    world = World()
    stray = Packet("192.168.0.9", "192.168.0.1", "tcp", 80, in_interface="califfffffff", out_interface="eth0")
    assert run(world.tables, "filter", "FORWARD", stray, world.host, lambda probability: True).target == "DROP"


def test_a_pod_may_be_kept_from_sending():
    world = World(policy("db", policyTypes=["Egress"], egress=[{"to": [WEB]}]))
    assert world.reaches("db", "web")
    assert not world.reaches("db", "web-lab")
    assert world.reaches("web-lab", "db")


def test_interfaces_that_begin_alike_share_a_chain():
    drop = '-m comment --comment "Unknown interface" --jump DROP'
    assert dispatch([])["cali-from-wl-dispatch"] == (drop,)
    found = dispatch(["cali2444", "cali1234", "cali2333"])
    assert found["cali-from-wl-dispatch"] == (
        "--in-interface cali1234 --goto cali-fw-cali1234",
        "--in-interface cali2+ --goto cali-from-wl-dispatch-2",
        drop,
    )
    assert found["cali-to-wl-dispatch-2"] == (
        "--out-interface cali2333 --goto cali-tw-cali2333",
        "--out-interface cali2444 --goto cali-tw-cali2444",
        drop,
    )


def test_only_what_leaves_the_pools_has_its_source_changed():
    tables = {"nat": {**ends(Marks())["nat"], **nat_table(NodeRules())}}
    host = Host(
        sets={
            set_name("masq-ipam-pools", 4): frozenset({"192.168.0.0/16"}),
            set_name("network-ip-pools", 4): frozenset({"192.168.0.0/16"}),
        }
    )
    targets = {
        target: run(
            tables, "nat", "POSTROUTING", Packet("192.168.0.1", target, "tcp", 443), host, lambda probability: True
        ).target
        for target in ("192.168.5.5", "203.0.113.7")
    }
    assert targets == {"192.168.5.5": "", "203.0.113.7": "MASQUERADE"}
