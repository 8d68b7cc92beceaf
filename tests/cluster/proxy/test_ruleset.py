"""A rule set that was kept current is the one that would be made from nothing; and it holds what it promises."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.network.iptables.evaluate import Host, every_way
from apps.cluster.network.iptables.rule import BUILT_IN, parse_rule
from apps.cluster.network.packet import Packet
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.iptables import Ruleset

CONFIG = ProxyConfig("worker-1", ("10.0.0.11",), 4, "192.168.0.0/16")
Obj = dict[str, Any]


def a_service(name: str, number: int, **spec: Any) -> Obj:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    if spec.get("type", "ClusterIP") != "ClusterIP":
        ports[0]["nodePort"] = 30000 + number
    made = {"clusterIP": f"10.96.0.{number + 10}", "ports": ports, **spec}
    return {"metadata": {"namespace": "default", "name": name}, "spec": made}


def a_slice(name: str, part: int, endpoints: list[tuple[int, str, bool]]) -> Obj:
    return {
        "metadata": {
            "namespace": "default",
            "name": f"{name}-{part}",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [f"192.168.{part}.{at}"], "nodeName": node, "conditions": {"ready": ready}}
            for at, node, ready in endpoints
        ],
        "ports": [
            {"name": "http", "port": 8080, "protocol": "TCP"},
            {"name": "dns", "port": 5353, "protocol": "UDP"},
        ],
    }


NAMES = ("api", "db", "web")
SPECS: tuple[Obj, ...] = (
    {},
    {"type": "NodePort"},
    {"type": "NodePort", "externalTrafficPolicy": "Local"},
    {"internalTrafficPolicy": "Local"},
    {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000},
    {"sessionAffinity": "ClientIP"},
    {"externalIPs": ["203.0.113.7"]},
)
ENDPOINTS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(["worker-1", "worker-2"]), st.booleans()),
    max_size=6,
    unique_by=lambda one: one[0],
)
CHANGES = st.one_of(
    st.tuples(st.just("service"), st.sampled_from(NAMES), st.sampled_from(SPECS)),
    st.tuples(st.just("no service"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("slice"), st.sampled_from(NAMES), st.tuples(st.integers(0, 1), ENDPOINTS)),
    st.tuples(st.just("no slice"), st.sampled_from(NAMES), st.integers(0, 1)),
    st.tuples(st.just("sync"), st.just(""), st.none()),
)


def tell(rules: Ruleset, what: str, name: str, how: Any) -> None:
    if what == "service":
        rules.service("default", name, a_service(name, NAMES.index(name), **how))
    elif what == "no service":
        rules.service("default", name, None)
    elif what == "slice":
        rules.slice_(a_slice(name, *how))
    elif what == "no slice":
        rules.slice_(a_slice(name, how, []), deleted=True)
    else:
        rules.sync()


@given(st.lists(CHANGES, max_size=25))
@settings(max_examples=150, deadline=None)
def test_kept_current_is_made_anew(changes):
    kept = Ruleset(CONFIG._replace(large=8))
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
    fresh = Ruleset(CONFIG._replace(large=8))
    for name, how in services.items():
        tell(fresh, "service", name, how)
    for (name, _part), how in slices.items():
        tell(fresh, "slice", name, how)
    fresh.sync()
    assert kept.tables() == fresh.tables()


@given(st.lists(CHANGES, max_size=15))
@settings(max_examples=60, deadline=None)
def test_every_rule_is_understood_and_leads_somewhere(changes):
    rules = Ruleset(CONFIG)
    for change in changes:
        tell(rules, *change)
    rules.sync()
    tables, jumps = rules.tables(), rules.jumps()
    for table, chains in tables.items():
        for lines in (*chains.values(), *jumps[table].values()):
            for line in lines:
                rule = parse_rule(line)
                if rule.target.startswith("KUBE-"):
                    assert rule.target in chains, line
        assert all(len(chain) <= 28 for chain in chains)
        assert not set(chains) & set(BUILT_IN[table])


def test_what_a_sync_says_it_did():
    rules = Ruleset(CONFIG)
    tell(rules, "service", "web", {})
    tell(rules, "slice", "web", (0, [(1, "worker-1", True), (2, "worker-2", True)]))
    tell(rules, "service", "db", {})
    first = rules.sync()
    assert first.full
    assert not rules.pending
    tell(rules, "slice", "web", (0, [(1, "worker-1", True)]))
    assert rules.pending
    second = rules.sync()
    assert not second.full
    assert second.services == (("default", "web"),)
    assert [name[:9] for name in second.deleted] == ["KUBE-SEP-", "KUBE-SEP-"]  # one endpoint, two ports
    assert second.conntrack_cleanup  # one of the ports is UDP's
    assert len(second.written) == 4


def test_one_of_three_endpoints_gets_a_third():
    rules = Ruleset(CONFIG)
    tell(rules, "service", "web", {})
    tell(rules, "slice", "web", (0, [(at, "worker-2", True) for at in (1, 2, 3)]))
    rules.sync()
    tables = {table: {**rules.jumps()[table], **chains} for table, chains in rules.tables().items()}
    packet = Packet("192.168.9.9", "10.96.0.12", "tcp", 80)
    ways = list(every_way(tables, "nat", "PREROUTING", packet, Host()))
    assert [way.packet.destination for _weight, way in ways] == ["192.168.0.1", "192.168.0.2", "192.168.0.3"]
    assert all(way.packet.port == 8080 and way.packet.dnat for _weight, way in ways)
    assert [round(weight, 6) for weight, _way in ways] == [0.333333] * 3
    inside, outside = (
        ways[0][1].packet,
        every_way(tables, "nat", "PREROUTING", packet._replace(source="10.0.0.99"), Host()),
    )
    assert inside.mark == 0
    assert all(way.packet.mark == 0x4000 for _weight, way in outside)  # what comes from outside has to come back
