"""Small worlds: two nodes with Pods, a client outside, kube-proxy's rules on both, joined by routes or by a tunnel."""

from __future__ import annotations

from typing import Any

from apps.cluster.network.machine import Interface, Machine, Route, World
from apps.cluster.proxy import iptables, ipvs, nftables
from apps.cluster.proxy.config import ProxyConfig

NODES = {"worker-1": ("10.0.0.11", "192.168.1.0/26"), "worker-2": ("10.0.0.12", "192.168.2.0/26")}
CLIENT = "10.0.0.99"
ROUTER = "10.0.0.1"  # nobody's: what has to go through it gets nowhere
PODS = {
    "web-1": ("worker-1", "192.168.1.1"),
    "web-2": ("worker-2", "192.168.2.1"),
    "web-3": ("worker-2", "192.168.2.2"),
    "curl": ("worker-1", "192.168.1.9"),
}
POD_CIDR = "192.168.0.0/16"
PORT = 8080


def interface_of(pod: str) -> str:
    return f"cali{pod.replace('-', '')}"


MODES: dict[str, Any] = {"iptables": iptables.Ruleset, "nftables": nftables.Ruleset, "ipvs": ipvs.Ruleset}


def ruleset(node: str, services: list[dict[str, Any]], backends: list[str], mode: str = "iptables") -> Any:
    rules = MODES[mode](ProxyConfig(node, (NODES[node][0],), 4, POD_CIDR, service_cidrs=("10.96.0.0/12",)))
    for service in services:
        name = service["metadata"]["name"]
        rules.service("default", name, service)
        rules.slice_(
            {
                "metadata": {
                    "namespace": "default",
                    "name": f"{name}-x",
                    "labels": {"kubernetes.io/service-name": name},
                },
                "addressType": "IPv4",
                "endpoints": [{"addresses": [PODS[pod][1]], "nodeName": PODS[pod][0]} for pod in backends],
                "ports": [
                    {"name": "", "port": PORT, "protocol": "TCP"},
                    {"name": "u", "port": PORT, "protocol": "UDP"},
                ],
            }
        )
    rules.sync()
    return rules


def a_service(name: str, address: str, **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"}]
    if spec.get("type", "ClusterIP") != "ClusterIP":
        ports[0]["nodePort"] = 30080
    status = spec.pop("status", {})
    return {"metadata": {"namespace": "default", "name": name}, "spec": {"clusterIP": address, "ports": ports, **spec},
            "status": status}  # fmt: skip


def world(
    services: list[dict[str, Any]],
    *,
    backends: tuple[str, ...] = ("web-1", "web-2", "web-3"),
    tunnel: str = "",  # "", ipip or vxlan
    mtu: int = 1500,
    mode: str = "iptables",  # kube-proxy's
) -> World:
    """Everything plugged into one segment."""
    machines: dict[str, Machine] = {}
    segment: dict[str, tuple[str, str]] = {CLIENT: ("client", "eth0")}
    for name, (address, block) in NODES.items():
        segment[address] = (name, "eth0")
        _other, (other_address, other_block) = next((n, at) for n, at in NODES.items() if n != name)
        interfaces = {
            "lo": Interface("lo", "loopback", ("127.0.0.1/8",), 65536),
            "eth0": Interface("eth0", "ethernet", (f"{address}/24",), 1500, ("", "lan")),
        }
        routes = [Route("0.0.0.0/0", "eth0", ROUTER), Route("10.0.0.0/24", "eth0", source=address)]
        routes += [Route(block, kind="blackhole", by="bird")]
        if tunnel:
            device = "tunl0" if tunnel == "ipip" else "vxlan.calico"
            gateway = other_address if tunnel == "ipip" else other_block.partition("/")[0]
            own = block.partition("/")[0] + "/32"
            less = 20 if tunnel == "ipip" else 50
            remote = {} if tunnel == "ipip" else {gateway: other_address}
            interfaces[device] = Interface(device, tunnel, (own,), 1500 - less, remote=remote)
            routes.append(Route(other_block, device, gateway, by="bird", on_link=True))
        else:
            routes.append(Route(other_block, "eth0", other_address, by="bird"))
        for pod, (node, ip) in PODS.items():
            if node == name:
                cali = interface_of(pod)
                interfaces[cali] = Interface(cali, "veth", (), mtu, (pod, "eth0"), proxy_arp=True)
                routes.append(Route(f"{ip}/32", cali, by="80"))
        rules = ruleset(name, services, list(backends), mode)
        machine = Machine(name, "node", interfaces, tuple(routes), forwards=True)
        if mode == "nftables":
            machines[name] = machine._replace(nft=(rules.table(),))
        else:
            tables = {table: {**rules.jumps()[table], **chains} for table, chains in rules.tables().items()}
            machines[name] = machine._replace(tables=tables)
        if mode == "ipvs":
            dummy = Interface("kube-ipvs0", "dummy", tuple(f"{at}/32" for at in rules.addresses()))
            machines[name] = machines[name]._replace(
                interfaces={**interfaces, "kube-ipvs0": dummy},
                sets={name: one.members for name, one in rules.sets().items()},
                virtual=rules.servers(),
            )
    for pod, (node, ip) in PODS.items():
        eth0 = Interface("eth0", "veth", (f"{ip}/32",), mtu, (node, interface_of(pod)))
        routes = (Route("169.254.1.1/32", "eth0"), Route("0.0.0.0/0", "eth0", "169.254.1.1"))
        listens = frozenset({("tcp", PORT), ("udp", PORT)}) if pod in backends else frozenset()
        lo = Interface("lo", "loopback", ("127.0.0.1/8",), 65536)
        machines[pod] = Machine(pod, "pod", {"lo": lo, "eth0": eth0}, routes, listens=listens)
    eth0 = Interface("eth0", "ethernet", (f"{CLIENT}/24",), 1500, ("", "lan"))
    machines["client"] = Machine("client", "client", {"eth0": eth0}, (
        Route("10.0.0.0/24", "eth0", source=CLIENT),
        Route("10.96.0.0/16", "eth0", NODES["worker-1"][0]),
        Route("198.51.100.0/24", "eth0", NODES["worker-1"][0]),
    ))  # fmt: skip
    return World(machines, {"lan": segment})
