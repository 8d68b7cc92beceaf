"""What the API server said at one moment, sorted for those who program kernels: Pods by node, pools, blocks, addresses.

Models      what Felix' calculation graph and confd make of the datastore before they write anything
Leaves out  Pods whose node is gone but whose object is not count as being there; IPv6
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from apps.cluster.cni.calico.conversion import interface_name
from apps.cluster.cni.calico.felix.encapsulation import default_mtus, pod_mtu
from apps.cluster.cni.calico.felix.forwarding import NodeRules
from apps.cluster.cni.calico.felix.tables import Calculation
from apps.cluster.machines import Machine
from apps.cluster.network.addresses import number, prefix, within
from apps.cluster.proxy import IPVS

Obj = dict[str, Any]
Objects = Mapping[str, Mapping[str, Obj]]

BLOCK_LENGTH = 26
MTU = 1500  # of the machines' own interfaces
ADDRESS = "projectcalico.org/IPv4Address"
TUNNEL_ADDRESSES = {"ipip": "projectcalico.org/IPv4IPIPTunnelAddr", "vxlan": "projectcalico.org/IPv4VXLANTunnelAddr"}
POOLS = "ippools.crd.projectcalico.org"
FELIX_SETTINGS = "felixconfigurations.crd.projectcalico.org"
# programClusterRoutes of a FelixConfiguration: of pools without a tunnel, of pools with IP-in-IP.
PROGRAMS = {
    "Enabled": (True, True),
    "EnabledIPIPOnly": (False, True),
    "EnabledNoEncapOnly": (True, False),
    "Disabled": (False, False),
}
# How `Config.encapsulation` is written in an IPPool: ipipMode, vxlanMode.
MODES = {
    "ipip": ("Always", "Never"),
    "ipip-cross-subnet": ("CrossSubnet", "Never"),
    "vxlan": ("Never", "Always"),
    "vxlan-cross-subnet": ("Never", "CrossSubnet"),
    "none": ("Never", "Never"),
}


class Pool(NamedTuple):
    """An IPPool. Modes are Never, Always or CrossSubnet."""

    name: str
    cidr: str
    ipip: str = "Never"
    vxlan: str = "Never"
    nat_outgoing: bool = True

    @property
    def tunnel(self) -> str:
        """ipip, vxlan or ""."""
        return "ipip" if self.ipip != "Never" else "vxlan" if self.vxlan != "Never" else ""


class Workload(NamedTuple):
    """A Pod with a network of its own."""

    key: str  # namespace/name
    node: str
    ip: str
    pod: Obj

    @property
    def interface(self) -> str:
        """The host's end of its veth pair."""
        namespace, _, name = self.key.partition("/")
        return interface_name(namespace, name)


class Facts:
    """Of one moment. `claims`: block -> node, as far as Calico's IPAM tells."""

    def __init__(
        self,
        objects: Objects,
        machines: Mapping[str, Machine],
        *,
        pod_subnet: str,
        encapsulation: str,
        cluster_routes: str,
        subnets: int,
        proxy_mode: str,
        claims: Mapping[str, str],
    ) -> None:
        self.objects = objects
        self.machines = machines
        self._pod_subnet, self._encapsulation, self.subnets = pod_subnet, encapsulation, subnets
        self._cluster_routes, self._proxy_mode = cluster_routes, proxy_mode
        self._claims = claims

    def table(self, resource: str) -> Mapping[str, Obj]:
        return self.objects.get(resource, {})

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Nodes that have registered, and whose machine is known."""
        return tuple(name for name in self.table("nodes") if name in self.machines)

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        """By namespace/name."""
        found = {}
        for key, pod in self.table("pods").items():
            spec, status = pod["spec"], pod.get("status") or {}
            ip = status.get("podIP")
            ended = status.get("phase") in ("Succeeded", "Failed")
            if ip and spec.get("nodeName") and not spec.get("hostNetwork") and not ended:
                found[key] = Workload(key, spec["nodeName"], ip, pod)
        return found

    @cached_property
    def by_node(self) -> dict[str, list[Workload]]:
        found: dict[str, list[Workload]] = {}
        for workload in self.workloads.values():
            found.setdefault(workload.node, []).append(workload)
        return found

    @cached_property
    def by_ip(self) -> dict[str, Workload]:
        return {workload.ip: workload for workload in self.workloads.values()}

    # ---- Calico --------------------------------------------------------------------------------

    @cached_property
    def pools(self) -> tuple[Pool, ...]:
        there = self.table(POOLS)
        if not there:
            ipip, vxlan = MODES[self._encapsulation]
            return (Pool("default-ipv4-ippool", self._pod_subnet, ipip, vxlan),)
        return tuple(
            Pool(
                name,
                obj["spec"]["cidr"],
                obj["spec"].get("ipipMode") or "Never",
                obj["spec"].get("vxlanMode") or "Never",
                bool(obj["spec"].get("natOutgoing")),
            )
            for name, obj in there.items()
            if ":" not in str(obj["spec"].get("cidr", ":"))
        )

    def by_felix(self, pool: Pool) -> bool:
        """Whether Felix programs the routes to other nodes of a pool: VXLAN's always, others' when it is told to."""
        if pool.tunnel == "vxlan":
            return True
        told = self.table(FELIX_SETTINGS).get("default", {}).get("spec", {}).get("programClusterRoutes")
        if told in PROGRAMS:
            return PROGRAMS[told][bool(pool.tunnel)]
        return self._cluster_routes == "felix"

    @cached_property
    def felix(self) -> Calculation:
        """What every Felix makes of it."""
        pools = {
            pool.name: {
                "metadata": {"name": pool.name},
                "spec": {
                    "cidr": pool.cidr,
                    "ipipMode": pool.ipip,
                    "vxlanMode": pool.vxlan,
                    "natOutgoing": pool.nat_outgoing,
                },
            }
            for pool in self.pools
        }
        rules = NodeRules(ipvs=self._proxy_mode == IPVS)
        return Calculation({**self.objects, POOLS: {**self.table(POOLS)} or pools}, rules=rules)

    def pool_of(self, address: str) -> Pool | None:
        return next((pool for pool in self.pools if within(address, pool.cidr)), None)

    @cached_property
    def tunnels(self) -> tuple[str, ...]:
        """The tunnel devices that every node has: ipip, vxlan."""
        return tuple(kind for kind in ("ipip", "vxlan") if any(pool.tunnel == kind for pool in self.pools))

    @cached_property
    def pod_mtu(self) -> int:
        return pod_mtu(MTU, self.tunnels, default_mtus(MTU))

    @cached_property
    def blocks(self) -> dict[str, str]:
        """Block -> the node that it is affine to: as IPAM tells, and otherwise by who has the first Pod in it."""
        found = {block: node for block, node in self._claims.items() if node in self.table("nodes")}
        for workload in self.workloads.values():
            if self.block_of(workload.ip, found) not in found:
                found[block_of(workload.ip)] = workload.node
        return found

    def block_of(self, address: str, blocks: Mapping[str, str] | None = None) -> str:
        """The block that an address is of: pools may have blocks of other sizes than the usual one."""
        there = self.blocks if blocks is None else blocks
        candidates = (block_of(address, length) for length in self._lengths)
        return next((block for block in candidates if block in there), block_of(address))

    @cached_property
    def _lengths(self) -> list[int]:
        """Of blocks that are not of the usual size."""
        return sorted({int(block.rpartition("/")[2]) for block in self._claims} - {BLOCK_LENGTH}, reverse=True)

    def blocks_of(self, node: str) -> list[str]:
        return [block for block, owner in self.blocks.items() if owner == node]

    def address(self, node: str) -> str:
        return self.machines[node].address

    def length(self) -> int:
        """The prefix of the nodes' networks."""
        return 24 if self.subnets > 1 else 16

    def same_subnet(self, one: str, other: str) -> bool:
        return prefix(f"{self.address(one)}/{self.length()}") == prefix(f"{self.address(other)}/{self.length()}")

    def tunnel_address(self, node: str, kind: str) -> str:
        """Of tunl0 or vxlan.calico; "" when the node has none yet."""
        annotations = self.table("nodes").get(node, {}).get("metadata", {}).get("annotations") or {}
        told = annotations.get(TUNNEL_ADDRESSES[kind])
        if told:
            return str(told)
        return next((block.partition("/")[0] for block in self.blocks_of(node)), "")

    # ---- Services ------------------------------------------------------------------------------

    def service_at(self, address: str) -> tuple[str, Obj] | None:
        """The Service that has an address: its cluster IP, an external one, or a load balancer's."""
        for key, service in self.table("services").items():
            spec = service["spec"]
            given = (service.get("status") or {}).get("loadBalancer", {}).get("ingress") or ()
            mine = {spec.get("clusterIP"), *(spec.get("externalIPs") or ()), *(one.get("ip") for one in given)}
            if address in mine:
                return key, service
        return None

    def service_on(self, node_port: int) -> tuple[str, Obj] | None:
        """The Service that has a node port."""
        for key, service in self.table("services").items():
            if node_port and any(port.get("nodePort") == node_port for port in service["spec"].get("ports") or ()):
                return key, service
        return None

    def slices_of(self, key: str) -> list[Obj]:
        namespace, _, name = key.partition("/")
        return [
            slice_
            for slice_ in self.table("endpointslices").values()
            if slice_["metadata"].get("namespace") == namespace
            and (slice_["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
        ]


def block_of(address: str, length: int = BLOCK_LENGTH) -> str:
    """
    >>> block_of("192.168.0.130"), block_of("192.168.0.130", 30)
    ('192.168.0.128/26', '192.168.0.128/30')
    """
    value, _family = number(address)
    value &= ~((1 << (32 - length)) - 1)
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}/{length}"
