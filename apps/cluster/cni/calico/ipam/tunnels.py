"""Addresses of tunnels: each node has one of its own pools' addresses on tunl0, vxlan.calico and WireGuard's device.

Models      node/pkg/allocateip (reconcileTunnelAddrs, ensureHostTunnelAddress, removeHostTunnelAddr)
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.ipam.allocator import IPAM
from apps.cluster.cni.calico.ipam.block import AlreadyAssigned
from apps.cluster.cni.calico.ipam.pools import TUNNEL, chosen, pool_of
from apps.cluster.cni.calico.ipam.requests import NotAssigned

ENCAPSULATED = ("Always", "CrossSubnet")


class Tunnel(NamedTuple):
    """One kind: the attribute that its addresses are known by, its handle, where in a Node it stands."""

    attribute: str
    handle: str
    path: tuple[str, ...]
    family: int
    mode: str = ""  # the field of an IPPool that has to be on
    key: str = ""  # the field of a Node's status that has to be there


TUNNELS = {
    one.attribute: one
    for one in (
        Tunnel(
            "wireguardTunnelAddress",
            "wireguard-tunnel-addr",
            ("wireguard", "interfaceIPv4Address"),
            4,
            key="wireguardPublicKey",
        ),
        Tunnel(
            "wireguardV6TunnelAddress",
            "wireguard-v6-tunnel-addr",
            ("wireguard", "interfaceIPv6Address"),
            6,
            key="wireguardPublicKeyV6",
        ),
        Tunnel("ipipTunnelAddress", "ipip-tunnel-addr", ("bgp", "ipv4IPIPTunnelAddr"), 4, "ipipMode"),
        Tunnel("vxlanTunnelAddress", "vxlan-tunnel-addr", ("ipv4VXLANTunnelAddr",), 4, "vxlanMode"),
        Tunnel("vxlanV6TunnelAddress", "vxlan-v6-tunnel-addr", ("ipv6VXLANTunnelAddr",), 6, "vxlanMode"),
    )
}


def reconcile(ipam: IPAM, node: Obj, pools: Iterable[Obj]) -> Obj:
    """The Calico Node with the tunnel addresses that its pools ask for, and without those that none asks for."""
    pools = list(pools)
    for tunnel in TUNNELS.values():
        cidrs = enabled_pools(node, pools, tunnel)
        node = ensure(ipam, node, cidrs, tunnel) if cidrs else remove(ipam, node, tunnel)
    return node


def enabled_pools(node: Obj, pools: Iterable[Obj], tunnel: Tunnel) -> list[str]:
    """The pools that this node needs such a tunnel for."""
    if tunnel.key and not (node.get("status") or {}).get(tunnel.key):
        return []
    labels = node["metadata"].get("labels") or {}
    found = []
    for obj in pools:
        pool = pool_of(obj)
        if pool.family != tunnel.family or not pool.enabled or TUNNEL not in pool.uses:
            continue
        if chosen(pool.node_selector, labels) and (not tunnel.mode or obj["spec"].get(tunnel.mode) in ENCAPSULATED):
            found.append(str(pool.network))
    return found


def address_of(node: Obj, tunnel: Tunnel) -> str:
    inside = node.get("spec") or {}
    for name in tunnel.path[:-1]:
        inside = inside.get(name) or {}
    return inside.get(tunnel.path[-1]) or ""


def _with(node: Obj, tunnel: Tunnel, address: str) -> Obj:
    """The Node with an address, or without one; a part of its spec that gets empty is left out."""
    spec = dict(node.get("spec") or {})
    inside = spec
    if len(tunnel.path) == 2:
        inside = dict(spec.get(tunnel.path[0]) or {})
        spec[tunnel.path[0]] = inside
    inside.pop(tunnel.path[-1], None)
    if address:
        inside[tunnel.path[-1]] = address
    if not inside and inside is not spec:
        del spec[tunnel.path[0]]
    return {**node, "spec": spec}


def _handle(node: Obj, tunnel: Tunnel) -> str:
    return f"{tunnel.handle}-{node['metadata']['name']}"


def ensure(ipam: IPAM, node: Obj, cidrs: Sequence[str], tunnel: Tunnel) -> Obj:
    """Keep the address if it is the node's and of one of these pools; else have another one."""
    name, address, handle = node["metadata"]["name"], address_of(node, tunnel), _handle(node, tunnel)
    attributes = {"node": name, "type": tunnel.attribute}
    stale = not address
    if address:
        try:
            who = ipam.owner_of(address)
        except NotAssigned:
            stale = True
        else:
            if who.attrs.get("type") == tunnel.attribute and who.attrs.get("node") == name:
                if any(ip_address(address) in ip_network(cidr, strict=False) for cidr in cidrs):
                    return node
                stale = True  # of a pool that it is not to be of any more
            elif not who.attrs and who.handle is None:
                # From a time when tunnel addresses had neither: take it again, with both.
                ipam.release(address)
                try:
                    ipam.assign(address, name, handle=handle, attributes=attributes)
                except AlreadyAssigned:
                    pass
                else:
                    return node
    if stale:
        release(ipam, handle)
    family = ip_network(cidrs[0], strict=False).version
    got = ipam.auto_assign(name, family=family, handle=handle, attributes=attributes, pools=cidrs, use=TUNNEL)
    got.check()
    return _with(node, tunnel, got.addresses[0].partition("/")[0])


def release(ipam: IPAM, handle: str) -> bool:
    try:
        ipam.release_by_handle(handle)
    except NotAssigned:
        return False
    return True


def remove(ipam: IPAM, node: Obj, tunnel: Tunnel) -> Obj:
    """Without the address, which is released if it is the node's own: by its handle, or an old one that has none."""
    address, handle = address_of(node, tunnel), _handle(node, tunnel)
    if not release(ipam, handle) and address:
        try:
            who = ipam.owner_of(address)
        except NotAssigned:
            pass
        else:
            if who.handle is None and not who.attrs:
                ipam.release(address)
    return _with(node, tunnel, "") if address else node
