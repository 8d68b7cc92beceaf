"""kube-proxy in iptables mode: whole rule sets, the packets that its tests send through them, the map of endpoints."""

from __future__ import annotations

from typing import Any

from apps.cluster.network.iptables.evaluate import Host, every_way, split_endpoint
from apps.cluster.network.iptables.rule import Tables
from apps.cluster.network.packet import Packet
from apps.cluster.proxy.config import ACCEPTED_ON_LOCALHOST, DROPPED_INVALID, ProxyConfig
from apps.cluster.proxy.iptables import Ruleset, names
from apps.cluster.proxy.tracking import EndpointsMap
from tests.fidelity.tables.registry import Row, adaptor, same

Obj = dict[str, Any]

NODE = "test-node"
NODE_IPS = ("192.168.0.2", "192.168.1.2", "192.168.99.11", "2001:db8::1", "2001:db8:1::2")
LOCAL = {4: "10.0.0.0/8", 6: "fd00:10::/64"}
# What the seven rows of TestNodePorts set, which the steps of its scenario do not repeat.
NODE_PORTS: tuple[Obj, ...] = (
    {},
    {"localhost_node_ports": False},
    {"localhost_node_ports": False, "node_port_addresses": ("192.168.0.0/24", "127.0.0.1/32")},
    {"localhost_node_ports": False, "node_port_addresses": ("192.168.0.0/24", "192.168.1.0/24", "2001:db8::/64")},
    {},
    {"localhost_node_ports": False},
    {"localhost_node_ports": False, "node_port_addresses": ("192.168.0.0/24", "192.168.1.0/24", "2001:db8::/64")},
)


def proxier(family: int = 4, **settings: Any) -> Ruleset:
    """As NewFakeProxier makes one."""
    counters = (ACCEPTED_ON_LOCALHOST, DROPPED_INVALID)
    config = ProxyConfig(NODE, NODE_IPS, family, LOCAL[family], random_fully=False, counters=counters, **settings)
    return Ruleset(config)


def tables_of(rules: Ruleset) -> Tables:
    """All tables, the jumps from the built-in chains included."""
    ours, jumps = rules.tables(), rules.jumps()
    return {table: {**jumps[table], **chains} for table, chains in ours.items()}


def flow(tables: Tables, row: Obj) -> tuple[str, bool]:
    """What becomes of a packet, as the upstream tests trace it: all endpoints that it may reach, or its end; and
    whether it would be masqueraded."""
    packet = Packet(row["sourceIP"], row["destIP"], (row.get("protocol") or "TCP").lower(), row["destPort"])
    host = Host(frozenset(NODE_IPS))
    outputs: list[str] = []
    masquerade = False
    for _weight, verdict in every_way(tables, "nat", "PREROUTING", packet, host):
        masquerade = masquerade or bool(verdict.packet.mark & 0x4000)
        if verdict.target == "DNAT":
            assert verdict.decided is not None
            outputs.append(verdict.decided.text.rpartition("--to-destination ")[2])
    if outputs:
        packet = packet._replace(destination=split_endpoint(outputs[0])[0])
    for chain in (names.SERVICES, names.EXTERNAL_SERVICES, names.NODE_PORTS, names.PROXY_FIREWALL):
        for _weight, verdict in every_way(tables, "filter", chain, packet, host):
            if verdict.target:
                outputs.append(verdict.target)
    return ", ".join(outputs), masquerade


def played(steps: list[Obj], **settings: Any) -> None:
    """Do the steps of a scenario, and hold what it expects against ours."""
    rules = proxier()
    for step in steps:
        if "new_proxier" in step:
            rules = proxier(6 if step["new_proxier"].get("ipv6") else 4, **settings)
        elif "service_add" in step:
            obj = step["service_add"]
            rules.service(obj["metadata"]["namespace"], obj["metadata"]["name"], obj)
        elif "endpointslice_add" in step:
            rules.slice_(step["endpointslice_add"])
        elif "endpointslice_delete" in step:
            rules.slice_(step["endpointslice_delete"], deleted=True)
        elif "packet_flows" in step:
            rules.sync()
            tables = tables_of(rules)
            for row in step["packet_flows"]:
                same(flow(tables, row), (row["output"], bool(row["masq"])), row["name"])
        elif "chain_after_sync" in step:
            rules.sync()
            asked = step["chain_after_sync"]
            lines = rules.tables()[asked["table"]].get(asked["chain"], ())
            same("".join(f"-A {asked['chain']} {line}\n" for line in lines), asked["expected"], asked["chain"])
        elif "full_rules_after_sync" in step:
            rules.sync()
            same(sorted(restored(rules)), sorted(step["full_rules_after_sync"].strip().splitlines()), "all rules")
            by_chain: dict[str, list[str]] = {}
            for line in step["full_rules_after_sync"].splitlines():
                if line.startswith("-A KUBE-S"):
                    by_chain.setdefault(line.split()[1], []).append(line)
            for chain, lines in by_chain.items():
                found = [line for line in restored(rules) if line.startswith(f"-A {chain} ")]
                if chain != names.SERVICES:
                    same(found, lines, chain)
        else:
            raise AssertionError(sorted(step))


def restored(rules: Ruleset) -> list[str]:
    """The lines that kube-proxy hands to iptables-restore."""
    lines = []
    for table, chains in rules.tables().items():
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in chains)]
        lines += [f"-A {chain} {rule}" for chain, found in chains.items() for rule in found]
        lines.append("COMMIT")
    return lines


@adaptor(
    "kubeproxy__scenario__TestClusterIPGeneral",
    "kubeproxy__scenario__TestLoadBalancer",
    "kubeproxy__scenario__TestNodePorts",
    "kubeproxy__scenario__TestOverallIPTablesRules",
    "kubeproxy__scenario__TestTerminatingEndpointsTrafficPolicyLocal",
)
def scenario(row: Row) -> None:
    number = int(row.title.rpartition(" ")[2]) - 1
    played(row["steps"], **(NODE_PORTS[number] if row.table.endswith("TestNodePorts") else {}))


@adaptor("kubeproxy__iptables__TestNodePorts")
def node_ports(row: Row) -> None:
    """One Service with a node port, asked for at every address of the machine."""
    six = row["family"] == "IPv6"
    settings = {"localhost_node_ports": bool(row["localhostNodePorts"])}
    if row["nodePortAddresses"]:
        settings["node_port_addresses"] = tuple(row["nodePortAddresses"])
    rules = proxier(6 if six else 4, **settings)
    spec = {
        "type": "NodePort",
        "clusterIP": "fd00:172:30::41" if six else "172.30.0.41",
        "ports": [{"name": "p80", "port": 80, "protocol": "TCP", "nodePort": 3001}],
    }
    rules.service("ns1", "svc1", {"metadata": {"namespace": "ns1", "name": "svc1"}, "spec": spec})
    one, two = ("fd00:10:180::1", "fd00:10:180::2:1") if six else ("10.180.0.1", "10.180.2.1")
    rules.slice_(slice_of([{"addresses": [one]}, {"addresses": [two], "nodeName": NODE}], "p80", six=six))
    rules.sync()
    tables = tables_of(rules)
    both = f"[{one}]:80, [{two}]:80" if six else f"{one}:80, {two}:80"
    node, other, localhost = (
        ("2001:db8::1", "2001:db8:1::2", "::1") if six else ("192.168.0.2", "192.168.1.2", "127.0.0.1")
    )
    client = "2600:5200::1" if six else "203.0.113.2"
    expected = {(client, node): True, (node, node): True, (client, other): bool(row["allowAltNodeIP"])}
    expected[localhost, localhost] = bool(row["localhostNodePorts"]) and not six
    for (source, destination), answered in expected.items():
        found = flow(tables, {"sourceIP": source, "destIP": destination, "destPort": 3001})
        same(found, (both, True) if answered else ("", False), f"{source} to {destination}")
    same(names.KUBELET_FIREWALL in tables["filter"], bool(row["expectFirewall"]), names.KUBELET_FIREWALL)


def slice_of(endpoints: list[Obj], port: str, number: int = 80, *, six: bool = False) -> Obj:
    labels = {"kubernetes.io/service-name": "svc1"}
    return {
        "metadata": {"namespace": "ns1", "name": "svc1-1", "labels": labels},
        "addressType": "IPv6" if six else "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": port, "port": number, "protocol": "TCP"}],
    }


@adaptor("kubeproxy__iptables__TestTerminatingEndpointsTrafficPolicyLocal")
def terminating(row: Row) -> None:
    rules = proxier()
    spec = {
        "type": "LoadBalancer",
        "clusterIP": "172.30.1.1",
        "externalTrafficPolicy": "Local",
        "healthCheckNodePort": 30000,
        "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
    }
    status = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}
    rules.service("ns1", "svc1", {"metadata": {"namespace": "ns1", "name": "svc1"}, "spec": spec, "status": status})
    rules.slice_(row["endpointslice"])
    rules.sync()
    for one in row["flowTests"]:
        same(flow(tables_of(rules), one), (one["output"], bool(one["masq"])), one["name"])
    rules.slice_(row["endpointslice"], deleted=True)
    rules.sync()
    for source, destination in (("10.0.0.2", "172.30.1.1"), ("203.0.113.2", "1.2.3.4")):
        found = flow(tables_of(rules), {"sourceIP": source, "destIP": destination, "destPort": 80})
        same(found, ("REJECT", False), "after the endpoints are gone")


@adaptor("kubeproxy__iptables__TestNoEndpointsMetric")
def no_endpoints(row: Row) -> None:
    rules = proxier()
    spec: Obj = {"clusterIP": "172.30.1.1", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 123}]}
    if row["internalTrafficPolicy"]:
        spec["internalTrafficPolicy"] = row["internalTrafficPolicy"]
    if row["externalTrafficPolicy"]:
        spec |= {"type": "NodePort", "externalTrafficPolicy": row["externalTrafficPolicy"]}
    rules.service("ns1", "svc1", {"metadata": {"namespace": "ns1", "name": "svc1"}, "spec": spec})
    ready = {"ready": True}
    endpoints = [
        {"addresses": [ep["ip"]], "nodeName": ep["nodeName"], "conditions": ready} for ep in row["endpoints"] or ()
    ]
    rules.slice_(slice_of(endpoints, ""))
    rules.sync()
    built = list(rules.built())
    inside = sum(one.no_local_internal for one in built)
    outside = sum(one.no_local_external for one in built)
    same(inside, row["expectedSyncProxyRulesNoLocalEndpointsTotalInternal"] or 0, "internal")
    same(outside, row["expectedSyncProxyRulesNoLocalEndpointsTotalExternal"] or 0, "external")


@adaptor("kubeproxy__iptables__TestUpdateEndpointsMap")
def update_endpoints_map(row: Row) -> None:
    known = EndpointsMap(NODE)
    before, after = row["previousEndpoints"] or [], row["currentEndpoints"] or []
    for slice_ in before:
        if slice_:
            known.hear(slice_)
    known.take()
    same(_by_port(known), _wanted(row["oldEndpoints"]), "before")
    for old, new in zip(before, after, strict=True):
        if new:
            known.hear(new)
        else:
            known.hear(old, deleted=True)
    changes = known.take()
    same(_by_port(known), _wanted(row["expectedResult"]), "after")
    same(changes.conntrack_cleanup, bool(row["expectedConntrackCleanupRequired"]), "conntrack")
    local = {f"{namespace}/{name}": count for (namespace, name), count in known.local_ready().items()}
    same(local, row["expectedLocalEndpoints"] or {}, "local")


def _by_port(known: EndpointsMap) -> dict[str, list[tuple[str, bool]]]:
    return {
        str(name): [(str(ep), ep.local) for ep in endpoints]
        for by_port in known.known.values()
        for name, endpoints in by_port.items()
    }


def _wanted(expected: Any) -> dict[str, list[tuple[str, bool]]]:
    return {
        name: sorted((one["endpoint"], bool(one.get("isLocal"))) for one in endpoints)
        for name, endpoints in (expected or {}).items()
    }
