"""IP pools in BIRD's filters: what goes out to peers, what into the kernel, through which tunnel, and who programs it.

Models      confd/pkg/backends/calico/bgp_processor.go (processIPPools, clusterRoutePolicy,
            processWireguardPeerFilter)
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.bird.datastore import Datastore

ENCAPSULATED = ("Always", "CrossSubnet")


class Programs(NamedTuple):
    """Of which pools BIRD programs the routes to other nodes; of the rest Felix does."""

    ipip: bool
    plain: bool

    def pool(self, pool: Obj) -> bool:
        if uses_vxlan(pool):
            return False
        return self.ipip if uses_ipip(pool) else self.plain


_PROGRAMS = {
    "Disabled": Programs(ipip=False, plain=False),
    "Enabled": Programs(ipip=True, plain=True),
    "EnabledIPIPOnly": Programs(ipip=True, plain=False),
    "EnabledNoEncapOnly": Programs(ipip=False, plain=True),
}


class PoolFilters(NamedTuple):
    """Statements about the pools: not told to peers, told to peers, into the kernel or not."""

    disabled: list[str]
    enabled: list[str]
    kernel: list[str]


def programs(store: Datastore) -> Programs:
    default = _PROGRAMS["EnabledNoEncapOnly"]
    return _PROGRAMS.get(store.defaults.get("programClusterRoutes") or "", default)


def uses_ipip(pool: Obj) -> bool:
    return pool.get("ipipMode") in ENCAPSULATED


def uses_vxlan(pool: Obj) -> bool:
    return pool.get("vxlanMode") in ENCAPSULATED


def pool_filters(store: Datastore, node: str, family: int) -> PoolFilters:
    bird = programs(store)
    subnet = store.nodes[node].networks[family == 6]
    found = PoolFilters([], [], [])
    for pool in store.pools:
        network = ip_network(pool["cidr"], strict=False)
        if network.version != family:
            continue
        cidr = str(network)
        if pool.get("disableBGPExport"):
            found.disabled.append(f"  if (net ~ {cidr}) then {{ reject; }} # BGP export is disabled.")
        else:
            found.enabled.append(f"  if (net ~ {cidr}) then {{ accept; }}")
        if uses_vxlan(pool):
            found.kernel.append(f"  if (net ~ {cidr}) then {{ reject; }} # VXLAN routes are handled by Felix.")
        elif not bird.pool(pool):
            found.kernel.append(f"  if (net ~ {cidr}) then {{ reject; }} # Cluster routes are handled by Felix.")
        elif family == 4:  # of IPv6, what is not rejected is accepted at the end anyway
            found.kernel.append(f"  if (net ~ {cidr}) then {{ {_tunnel(pool, subnet)}accept; }}")
    kernel = found.kernel if family == 6 or subnet else []
    return PoolFilters(sorted(found.disabled), sorted(found.enabled), sorted(kernel))


def _tunnel(pool: Obj, subnet: str) -> str:
    """krt_tunnel is an addition of Calico's BIRD: the device through which the kernel's route goes."""
    if pool.get("ipipMode") == "Always":
        return 'krt_tunnel="tunl0"; '
    if pool.get("ipipMode") == "CrossSubnet":
        near = f"defined(bgp_next_hop)&&(bgp_next_hop ~ {subnet})"
        return f'if ({near}) then krt_tunnel=""; else krt_tunnel="tunl0"; '
    return ""


def own_tunnels(store: Datastore) -> list[str]:
    """Routes through tunnels that Felix programmed stay on the node."""
    patterns = ["*.cali", "*.calico", *([] if programs(store).ipip else ["tunl0"])]
    either = " || ".join(f'(ifname ~ "{pattern}")' for pattern in patterns)
    return ["if (defined(ifname)) then {", f"  if ({either}) then {{", "    reject;", "  }", "}"]


def wireguard_peers(store: Datastore, node: str, family: int) -> list[str]:
    """Between nodes that both run WireGuard, Felix programs the routes."""
    six = family == 6
    if not store.nodes[node].wireguard[six]:
        return []
    others = [one for one in store.nodes.values() if one.name != node and one.wireguard[six] and one.addresses[six]]
    return sorted(
        f"  if (defined(bgp_next_hop) && bgp_next_hop = {one.addresses[six]}) then {{ reject; }}"
        " # WireGuard routes handled by Felix."
        for one in others
    )
