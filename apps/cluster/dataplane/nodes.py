"""A node's network namespace, and those of its Pods: interfaces, routes, tables, who listens.

Models      ip-link, ip-address, ip-route and iptables-save of a node with kube-proxy and calico-node; the namespace
            that the calico CNI plugin makes for a Pod (eth0, 169.254.1.1)
Leaves out  that a program listens is read off its containerPorts (without any, off the target ports of Services that
            choose the Pod); hostPort; what else runs on a machine
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.dataplane import routes
from apps.cluster.dataplane.facts import MTU, Facts, Workload
from apps.cluster.network.machine import IPIP_BYTES, VXLAN_BYTES, Interface, Machine, Route
from apps.cluster.proxy import InKernel

Obj = dict[str, Any]

KUBELET_PORT, PROXY_HEALTH_PORT, API_PORT, BGP_PORT = 10250, 10256, 6443, 179
LOOPBACK = Interface("lo", "loopback", ("127.0.0.1/8",), 65536)
VIRTUAL = "kube-ipvs0"
GATEWAY = "169.254.1.1"  # nobody has it: the host's end of the veth pair answers ARP for it


def segment(facts: Facts, node: str) -> str:
    """The Ethernet that a machine is plugged into."""
    return "lan" if facts.subnets == 1 else f"lan-{facts.address(node).split('.')[2]}"


def interfaces(facts: Facts, node: str, *, calico: bool, virtual: Sequence[str] = ()) -> dict[str, Interface]:
    """`calico`: whether calico-node has ever run since the machine was switched on; `virtual`: what kube-ipvs0 has."""
    address = facts.address(node)
    found = {
        "lo": LOOPBACK,
        "eth0": Interface("eth0", "ethernet", (f"{address}/{facts.length()}",), MTU, ("", segment(facts, node))),
    }
    if calico:
        for kind in facts.tunnels:
            own = facts.tunnel_address(node, kind)
            remote = {}
            if kind == "vxlan":
                others = (other for other in facts.nodes if other != node)
                remote = {facts.tunnel_address(other, kind): facts.address(other) for other in others}
            device, overhead = routes.DEVICES[kind], IPIP_BYTES if kind == "ipip" else VXLAN_BYTES
            found[device] = Interface(device, kind, (f"{own}/32",) if own else (), MTU - overhead, remote=remote)
    for workload in facts.by_node.get(node, ()):
        name = workload.interface
        found[name] = Interface(name, "veth", (), facts.pod_mtu, (workload.key, "eth0"), proxy_arp=True)
    if virtual:
        found[VIRTUAL] = Interface(VIRTUAL, "dummy", tuple(f"{address}/32" for address in virtual), MTU)
    return found


def own_routes(facts: Facts, node: str) -> list[Route]:
    """What a machine has without Kubernetes."""
    address, length = facts.address(node), facts.length()
    gateway = routes.gateway_of(address, length)
    return [
        Route("0.0.0.0/0", "eth0", gateway, by="dhcp", source=""),
        Route(f"{gateway.rpartition('.')[0]}.0/{length}", "eth0", source=address),
    ]


def by_kube_proxy(made: InKernel) -> dict[str, dict[str, tuple[str, ...]]]:
    """The tables of iptables in a kernel that only kube-proxy has written in, in whichever mode."""
    return {table: {**made.jumps.get(table, {}), **chains} for table, chains in made.tables.items()}


# ---- Pods ----------------------------------------------------------------------------------------


def pod_machine(facts: Facts, workload: Workload, *, up: bool = True) -> Machine:
    """A Pod's network namespace, as the CNI plugin makes it."""
    eth0 = Interface("eth0", "veth", (f"{workload.ip}/32",), facts.pod_mtu, (workload.node, workload.interface))
    return Machine(
        workload.key,
        "pod",
        {"lo": LOOPBACK, "eth0": eth0},
        (Route("0.0.0.0/0", "eth0", GATEWAY), Route(f"{GATEWAY}/32", "eth0")),
        listens=listens(facts, workload.pod),
        up=up,
    )


def listens(facts: Facts, pod: Obj) -> frozenset[tuple[str, int]]:
    """On what ports the containers of a Pod that run listen."""
    running = {
        status["name"]
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
        if "running" in (status.get("state") or {})
    }
    containers = [one for one in pod["spec"].get("containers") or () if one["name"] in running]
    ports = [port for container in containers for port in container.get("ports") or ()]
    if ports:
        return frozenset((port.get("protocol", "TCP").lower(), int(port["containerPort"])) for port in ports)
    if not containers:
        return frozenset()
    return frozenset(_asked_of(facts, pod))


def _asked_of(facts: Facts, pod: Obj) -> set[tuple[str, int]]:
    """The target ports of Services that choose the Pod."""
    found = set()
    namespace, labels = pod["metadata"].get("namespace"), pod["metadata"].get("labels") or {}
    for service in facts.table("services").values():
        chosen = service["spec"].get("selector")
        if service["metadata"].get("namespace") != namespace or not chosen:
            continue
        if all(labels.get(name) == value for name, value in chosen.items()):
            for port in service["spec"].get("ports") or ():
                target = port.get("targetPort", port["port"])
                if isinstance(target, int):
                    found.add((port.get("protocol", "TCP").lower(), target))
    return found


def host_listens(facts: Facts, node: str, *, kubelet: bool, proxy: bool, calico: bool) -> set[tuple[str, int]]:
    """On what ports a machine's own programs listen, those of Pods on its network among them."""
    found = set()
    if kubelet:
        found.add(("tcp", KUBELET_PORT))
    if proxy:
        found.add(("tcp", PROXY_HEALTH_PORT))
        for service in facts.table("services").values():
            port = service["spec"].get("healthCheckNodePort")
            if port:
                found.add(("tcp", int(port)))
    if calico:
        found.add(("tcp", BGP_PORT))
    for pod in facts.table("pods").values():
        if pod["spec"].get("hostNetwork") and pod["spec"].get("nodeName") == node:
            found |= listens(facts, pod)
            if (pod["metadata"].get("labels") or {}).get("component") == "kube-apiserver":
                found.add(("tcp", API_PORT))
    return found
