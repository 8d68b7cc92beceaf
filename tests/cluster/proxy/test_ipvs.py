"""kube-proxy's IPVS mode: what upstream's own tests expect of virtual servers, ipsets and chains; and the texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.network.iptables.rule import parse_rule
from apps.cluster.network.ipvs import listed, saved, saved_sets
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.ipvs import Ruleset
from apps.cluster.proxy.ipvs.sets import named
from tests.cluster.proxy.test_ruleset import CHANGES, CONFIG, tell

Obj = dict[str, Any]
NODE, NODE_IP, CLUSTER_IP, LB_IP = "test-node", "100.101.102.103", "10.20.30.41", "1.2.3.4"
HERE, THERE = "10.180.0.1", "10.180.1.1"
# The first and the last rules of KUBE-SERVICES: target and set.
RETURN, MASQ = ("RETURN", ""), ("KUBE-MARK-MASQ", "KUBE-CLUSTER-IP")
NODE_PORTS, ACCEPT = ("KUBE-NODE-PORT", ""), ("ACCEPT", "KUBE-CLUSTER-IP")
HEALTH = ("ACCEPT", "KUBE-HEALTH-CHECK-NODE-PORT")

# Service, endpoints by node ("" for none) -> what there must be: virtual server -> real ones, sets, chains.
FACTS: dict[str, tuple[Obj, dict[str, str], Obj]] = {
    "TestNodePortIPv4: 1 service with node port, has endpoints": (
        {"type": "NodePort", "nodePort": 3001},
        {HERE: ""},
        {
            "servers": {"TCP 10.20.30.41:80": [HERE], f"TCP {NODE_IP}:3001": [HERE]},
            "sets": {"KUBE-NODE-PORT-TCP": ["3001"]},
            "chains": {
                "KUBE-SERVICES": [RETURN, MASQ, NODE_PORTS, ACCEPT],
                "KUBE-NODE-PORT": [("KUBE-MARK-MASQ", "KUBE-NODE-PORT-TCP")],
            },
        },
    ),
    "TestNodePortIPv4: 1 UDP service with node port, has endpoints": (
        {"type": "NodePort", "nodePort": 3001, "protocol": "UDP"},
        {HERE: ""},
        {
            "servers": {"UDP 10.20.30.41:80": [HERE], f"UDP {NODE_IP}:3001": [HERE]},
            "sets": {"KUBE-NODE-PORT-UDP": ["3001"]},
        },
    ),
    "TestNodePortIPv4: SCTP's sets have the addresses as well": (
        {"type": "NodePort", "nodePort": 3001, "protocol": "SCTP"},
        {HERE: ""},
        {"sets": {"KUBE-NODE-PORT-SCTP-HASH": [f"{NODE_IP},sctp:3001"]}},
    ),
    "TestNodePortIPv4: service has node port but no endpoints": (
        {"type": "NodePort", "nodePort": 3001},
        {},
        {"servers": {"TCP 10.20.30.41:80": [], f"TCP {NODE_IP}:3001": []}},
    ),
    "TestExternalIPsNoEndpoint": (
        {"externalIPs": ["50.60.70.81"]},
        {},
        {"servers": {"TCP 10.20.30.41:80": [], "TCP 50.60.70.81:80": []}},
    ),
    "TestExternalIPs": (
        {"externalIPs": ["50.60.70.81", "127.0.0.1"]},
        {HERE: ""},
        {
            "servers": {"TCP 50.60.70.81:80": [HERE], "TCP 127.0.0.1:80": [HERE], "TCP 10.20.30.41:80": [HERE]},
            "sets": {"KUBE-EXTERNAL-IP": ["127.0.0.1,tcp:80", "50.60.70.81,tcp:80"]},
        },
    ),
    "TestOnlyLocalExternalIPs": (
        {"type": "NodePort", "externalIPs": ["50.60.70.81"], "externalTrafficPolicy": "Local"},
        {HERE: NODE, THERE: "other-node"},
        {
            "servers": {"TCP 50.60.70.81:80": [HERE], "TCP 10.20.30.41:80": [HERE, THERE]},
            "sets": {"KUBE-EXTERNAL-IP": [], "KUBE-EXTERNAL-IP-LOCAL": ["50.60.70.81,tcp:80"]},
        },
    ),
    "TestLoadBalancer": (
        {"type": "LoadBalancer", "nodePort": 3001, "ingress": LB_IP},
        {HERE: ""},
        {
            "servers": {f"TCP {LB_IP}:80": [HERE], f"TCP {NODE_IP}:3001": [HERE], "TCP 10.20.30.41:80": [HERE]},
            "sets": {"KUBE-LOAD-BALANCER": [f"{LB_IP},tcp:80"]},
            "chains": {
                "KUBE-SERVICES": [
                    RETURN,
                    ("KUBE-LOAD-BALANCER", "KUBE-LOAD-BALANCER"),
                    MASQ,
                    NODE_PORTS,
                    ACCEPT,
                    ("ACCEPT", "KUBE-LOAD-BALANCER"),
                ],
                "KUBE-LOAD-BALANCER": [("KUBE-MARK-MASQ", "")],
            },
        },
    ),
    "TestOnlyLocalNodePorts": (
        {"type": "NodePort", "nodePort": 3001, "externalTrafficPolicy": "Local"},
        {HERE: NODE, THERE: "other-node"},
        {
            "servers": {f"TCP {NODE_IP}:3001": [HERE], "TCP 10.20.30.41:80": [HERE, THERE]},
            "sets": {"KUBE-NODE-PORT-TCP": ["3001"], "KUBE-NODE-PORT-LOCAL-TCP": ["3001"]},
            "chains": {
                "KUBE-SERVICES": [RETURN, MASQ, NODE_PORTS, ACCEPT],
                "KUBE-NODE-PORT": [
                    ("RETURN", "KUBE-NODE-PORT-LOCAL-TCP"),
                    ("KUBE-MARK-MASQ", "KUBE-NODE-PORT-TCP"),
                ],
            },
        },
    ),
    "TestHealthCheckNodePort": (
        {
            "type": "LoadBalancer",
            "nodePort": 3001,
            "externalTrafficPolicy": "Local",
            "healthCheckNodePort": 3000,
        },
        {},
        {"sets": {"KUBE-HEALTH-CHECK-NODE-PORT": ["3000"]}, "filter": {"KUBE-NODE-PORT": [HEALTH]}},
    ),
    "TestLoadBalancerSourceRanges": (
        {"type": "LoadBalancer", "ingress": LB_IP, "loadBalancerSourceRanges": ["10.0.0.0/8"]},
        {HERE: ""},
        {
            "servers": {f"TCP {LB_IP}:80": [HERE], "TCP 10.20.30.41:80": [HERE]},
            "sets": {
                "KUBE-LOAD-BALANCER": [f"{LB_IP},tcp:80"],
                "KUBE-LOAD-BALANCER-FW": [f"{LB_IP},tcp:80"],
                "KUBE-LOAD-BALANCER-SOURCE-CIDR": [f"{LB_IP},tcp:80,10.0.0.0/8"],
                "KUBE-LOAD-BALANCER-SOURCE-IP": [],
            },
            "filter": {
                "KUBE-PROXY-FIREWALL": [("KUBE-SOURCE-RANGES-FIREWALL", "KUBE-LOAD-BALANCER-FW")],
                "KUBE-SOURCE-RANGES-FIREWALL": [("RETURN", "KUBE-LOAD-BALANCER-SOURCE-CIDR"), ("DROP", "")],
                "KUBE-IPVS-OUT-FILTER": [("DROP", "")],
            },
        },
    ),
    "TestAcceptIPVSTraffic: an external IP": (
        {"externalIPs": ["5.6.7.8"]},
        {},
        {
            "chains": {
                "KUBE-SERVICES": [
                    RETURN,
                    MASQ,
                    ("KUBE-MARK-MASQ", "KUBE-EXTERNAL-IP"),
                    ("ACCEPT", "KUBE-EXTERNAL-IP"),
                    ("ACCEPT", "KUBE-EXTERNAL-IP"),
                    NODE_PORTS,
                    ACCEPT,
                ]
            }
        },
    ),
    "TestOnlyLocalLoadBalancing": (
        {"type": "LoadBalancer", "nodePort": 3001, "ingress": LB_IP, "externalTrafficPolicy": "Local"},
        {HERE: NODE, THERE: "other-node"},
        {
            "servers": {
                f"TCP {LB_IP}:80": [HERE],
                f"TCP {NODE_IP}:3001": [HERE],
                "TCP 10.20.30.41:80": [HERE, THERE],
            },
            "sets": {
                "KUBE-LOAD-BALANCER": [f"{LB_IP},tcp:80"],
                "KUBE-LOAD-BALANCER-LOCAL": [f"{LB_IP},tcp:80"],
                "KUBE-LOOP-BACK": [f"{HERE},tcp:80,{HERE}"],
            },
            "chains": {"KUBE-LOAD-BALANCER": [("RETURN", "KUBE-LOAD-BALANCER-LOCAL"), ("KUBE-MARK-MASQ", "")]},
        },
    ),
    "TestSessionAffinity": (
        {"sessionAffinity": "ClientIP", "externalIPs": ["50.60.70.81"]},
        {},
        {"persistent": 10800},
    ),
    "TestTestInternalTrafficPolicyE2E: local, and there is one here": (
        {"internalTrafficPolicy": "Local"},
        {HERE: NODE, THERE: "other-node"},
        {"servers": {"TCP 10.20.30.41:80": [HERE]}},
    ),
    "TestTestInternalTrafficPolicyE2E: local, and there is none here": (
        {"internalTrafficPolicy": "Local"},
        {HERE: "node0", THERE: "node1"},
        {"servers": {"TCP 10.20.30.41:80": []}},
    ),
}


def proxier(spec: Obj, endpoints: dict[str, str], **more: Any) -> Ruleset:
    rules = Ruleset(ProxyConfig(NODE, (NODE_IP,), 4, "10.0.0.0/8", **more))
    spec = dict(spec)
    ingress = spec.pop("ingress", "")
    protocol = spec.pop("protocol", "TCP")
    ports = [{"name": "p80", "port": 80, "protocol": protocol, "nodePort": spec.pop("nodePort", 0)}]
    service = {
        "metadata": {"namespace": "ns1", "name": "svc1"},
        "spec": {"clusterIP": CLUSTER_IP, "ports": ports, **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": ingress}] if ingress else []}},
    }
    rules.service("ns1", "svc1", service)
    rules.slice_(a_slice(endpoints, protocol))
    rules.sync()
    return rules


def a_slice(endpoints: dict[str, str], protocol: str = "TCP") -> Obj:
    labels = {"kubernetes.io/service-name": "svc1"}
    return {
        "metadata": {"namespace": "ns1", "name": "svc1-1", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "nodeName": node} for address, node in endpoints.items()],
        "ports": [{"name": "p80", "port": 80, "protocol": protocol}],
    }


def told(rules: tuple[str, ...]) -> list[tuple[str, str]]:
    """Of each rule its target, and the set that it asks."""
    found = []
    for rule in map(parse_rule, rules):
        asked = [match.value.split()[0] for match in rule.matches if match.option == "--match-set"]
        found.append((rule.target, asked[0] if asked else ""))
    return found


@pytest.mark.parametrize(("spec", "endpoints", "expected"), FACTS.values(), ids=FACTS.keys())
def test_upstreams_facts(spec, endpoints, expected):
    rules = proxier(spec, endpoints)
    found = {str(one): [real.address for real in one.servers] for one in rules.servers()}
    if "servers" in expected:
        assert found == expected["servers"]
    for name, members in expected.get("sets", {}).items():
        assert sorted(rules.sets()[name].members) == members, name
    for table, key in (("nat", "chains"), ("filter", "filter")):
        for chain, wanted in expected.get(key, {}).items():
            assert told(rules.tables()[table][chain]) == wanted, chain
    if "persistent" in expected:
        assert {one.persistent for one in rules.servers()} == {expected["persistent"]}


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"masquerade_all": True}, "dst,dst -j KUBE-MARK-MASQ"),
        ({}, "dst,dst ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ"),
        ({"local_cidr": ""}, "src,dst -j KUBE-MARK-MASQ"),
    ],
    ids=["everything", "from outside", "nobody knows what is outside"],
)
def test_what_is_masqueraded(more, rule):
    config = ProxyConfig(NODE, (NODE_IP,), 4, "10.0.0.0/8")._replace(**more)
    rules = Ruleset(config)
    tell(rules, "service", "web", {})
    rules.sync()
    assert rules.tables()["nat"]["KUBE-SERVICES"][1].endswith(f"--match-set KUBE-CLUSTER-IP {rule}")


def test_the_texts():
    rules = proxier({"sessionAffinity": "ClientIP", "type": "NodePort", "nodePort": 3001}, {HERE: NODE, THERE: ""})
    assert listed(rules.servers()) == (
        "IP Virtual Server version 1.2.1 (size=4096)\n"
        "Prot LocalAddress:Port Scheduler Flags\n"
        "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
        "TCP  10.20.30.41:80 rr persistent 10800\n"
        "  -> 10.180.0.1:80                Masq    1      0          0         \n"
        "  -> 10.180.1.1:80                Masq    1      0          0         \n"
        "TCP  100.101.102.103:3001 rr persistent 10800\n"
        "  -> 10.180.0.1:80                Masq    1      0          0         \n"
        "  -> 10.180.1.1:80                Masq    1      0          0         \n"
    )
    assert saved(rules.servers()[:1]) == (
        "-A -t 10.20.30.41:80 -s rr -p 10800\n"
        "-a -t 10.20.30.41:80 -r 10.180.0.1:80 -m -w 1\n"
        "-a -t 10.20.30.41:80 -r 10.180.1.1:80 -m -w 1\n"
    )
    chosen = [(name, one) for name, one in rules.sets().items() if one.members]
    assert saved_sets(chosen) == (
        "create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536\n"
        "add KUBE-LOOP-BACK 10.180.0.1,tcp:80,10.180.0.1\n"
        "create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536\n"
        "add KUBE-CLUSTER-IP 10.20.30.41,tcp:80\n"
        "create KUBE-NODE-PORT-TCP bitmap:port range 0-65535\n"
        "add KUBE-NODE-PORT-TCP 3001\n"
        "create KUBE-IPVS-IPS hash:ip family inet hashsize 1024 maxelem 65536\n"
        "add KUBE-IPVS-IPS 10.20.30.41\n"
    )
    assert rules.addresses() == (CLUSTER_IP,)


def test_a_real_server_with_connections_stays_with_weight_0():
    rules = proxier({}, {HERE: NODE, THERE: ""})
    rules.used = {(f"TCP {CLUSTER_IP}:80", f"{THERE}:80")}
    rules.slice_(a_slice({HERE: NODE}))
    assert rules.sync().written == (f"TCP {CLUSTER_IP}:80",)
    (server,) = rules.servers()
    assert [(real.address, real.weight) for real in server.servers] == [(HERE, 1), (THERE, 0)]
    assert {server.turn(number).address for number in range(4)} == {HERE}
    rules.expire()
    assert len(rules.servers()[0].servers) == 2
    rules.used = ()
    rules.expire()
    assert len(rules.servers()[0].servers) == 1
    # One that comes back counts again at once.
    rules.slice_(a_slice({HERE: NODE, THERE: ""}))
    rules.sync()
    assert [real.weight for real in rules.servers()[0].servers] == [1, 1]


@given(st.lists(CHANGES, max_size=25))
@settings(max_examples=100, deadline=None)
def test_kept_current_is_made_anew(changes):
    kept = Ruleset(CONFIG)
    services: dict[str, Any] = {}
    slices: dict[tuple[str, int], Any] = {}
    for what, name, how in changes:
        tell(kept, what, name, how)
        if what == "service":
            services[name] = how
        elif what == "no service":
            services.pop(name, None)
        elif what == "slice":
            slices[name, how[0]] = how
        elif what == "no slice":
            slices.pop((name, how), None)
    kept.sync()
    fresh = Ruleset(CONFIG)
    for name, how in services.items():
        tell(fresh, "service", name, how)
    for (name, _part), how in slices.items():
        tell(fresh, "slice", name, how)
    fresh.sync()
    for what in ("servers", "addresses", "sets", "tables"):
        assert getattr(kept, what)() == getattr(fresh, what)()
    names = {
        one.target for chains in fresh.tables().values() for rules in chains.values() for one in map(parse_rule, rules)
    }
    known = {chain for chains in fresh.tables().values() for chain in chains}
    assert {name for name in names if name.startswith("KUBE-")} <= known
    assert all(len(named(name, 6)) <= 31 for name in fresh.sets())
