"""calico/node's start: the first IP pools, as its environment says, and the node's own addresses.

Models      node/pkg/lifecycle/startup (configureIPPools, configureIPsAndSubnets; autodetection: kubernetes-internal-ip)
Leaves out  finding an address by interface, network or reachability; another pool than 192.168.0.0/16 when the
            machine is in it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv6Address, ip_interface, ip_network
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico import selector

DEFAULT_CIDR = "192.168.0.0/16"
BLOCK_SIZES = {4: (26, 20, 32), 6: (122, 116, 128)}  # what it is, at least, at most
MODES = {
    "": "Never",
    "off": "Never",
    "never": "Never",
    "crosssubnet": "CrossSubnet",
    "cross-subnet": "CrossSubnet",
    "always": "Always",
}
NO = ("false", "0", "no", "n", "f")
_POD_SUBNET = re.compile(r"podSubnet: (.*)")


class StartupError(Exception):
    """calico/node ends itself with this."""


def first_pools(
    environment: Mapping[str, str],
    pools: Iterable[Obj] = (),
    kubeadm: str = "",
    below: Callable[[int], int] = lambda bound: 0,
) -> list[Obj]:
    """The pools that it makes: one a family that has none. `kubeadm` is a ClusterConfiguration, whose podSubnet counts;
    `below(n)` draws a number for the prefix of an IPv6 pool that nobody named.

    Raises:
        StartupError: a variable says what cannot be.
    """
    named: dict[int, str] = {
        4: environment.get("CALICO_IPV4POOL_CIDR", ""),
        6: environment.get("CALICO_IPV6POOL_CIDR", ""),
    }
    if environment.get("NO_DEFAULT_POOLS", "").lower() == "true":
        if any(named.values()):
            raise StartupError("NO_DEFAULT_POOLS is set, and CALICO_IPV4POOL_CIDR or CALICO_IPV6POOL_CIDR too")
        return []
    for cidr in _pod_subnets(kubeadm):
        version = ip_network(cidr, strict=False).version
        named[version] = named[version] or cidr
    present = {ip_network(pool["spec"]["cidr"], strict=False).version for pool in pools}
    found: list[Obj] = []
    for family, cidr in named.items():
        if cidr != "none":
            pool = _pool(environment, family, cidr or (DEFAULT_CIDR if family == 4 else local_prefix(below)))
            found += [] if family in present else [pool]
    return found


def _pod_subnets(kubeadm: str) -> list[str]:
    match = _POD_SUBNET.search(kubeadm)
    found: dict[int, str] = {}
    for cidr in match[1].split(",") if match else ():
        try:
            found.setdefault(ip_network(cidr.strip(), strict=False).version, cidr.strip())
        except ValueError:
            break
    return list(found.values())


def local_prefix(below: Callable[[int], int]) -> str:
    """A /48 of unique local addresses, forty bits of it drawn."""
    return f"{IPv6Address(0xFD << 120 | below(1 << 40) << 80)}/48"


def _pool(environment: Mapping[str, str], family: int, cidr: str) -> Obj:
    def told(name: str, default: str = "") -> str:
        return environment.get(f"CALICO_IPV{family}POOL_{name}", default)

    def yes(name: str, default: bool) -> bool:
        text = environment.get(f"CALICO_IPV{family}POOL_{name}")
        return default if text is None else text.lower() not in NO

    chosen = told("NODE_SELECTOR")
    try:
        network = ip_network(cidr, strict=False)
        selector.parse(chosen)
    except selector.InvalidSelector as error:
        raise StartupError(f"Invalid IPv{family} pool NodeSelector: {error}") from None
    except ValueError:
        network = None
    if network is None or network.version != family:
        raise StartupError(f"Invalid CIDR specified in CALICO_IPV{family}POOL_CIDR '{cidr}'")
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "IPPool",
        "metadata": {"name": f"default-ipv{family}-ippool"},
        "spec": {
            "cidr": str(network),
            "blockSize": _block_size(family, told("BLOCK_SIZE")),
            "ipipMode": _mode("IPIP", told("IPIP")) if family == 4 else "Never",
            "vxlanMode": _mode("VXLAN", told("VXLAN")),
            "natOutgoing": yes("NAT_OUTGOING", family == 4),
            "nodeSelector": chosen or "all()",
            "disableBGPExport": yes("DISABLE_BGP_EXPORT", False),
        },
    }


def _block_size(family: int, text: str) -> int:
    default, least, most = BLOCK_SIZES[family]
    if not text:
        return default
    if not text.isdigit() or not least <= int(text) <= most:
        raise StartupError(f"Invalid blocksize {text} for version {family}")
    return int(text)


def _mode(what: str, text: str) -> str:
    if text.lower() not in MODES:
        raise StartupError(f"Unrecognized {what} mode specified in CALICO_POOL_{what} '{text}'")
    return MODES[text.lower()]


class Interface(NamedTuple):
    name: str
    addresses: tuple[str, ...]  # each with its length


def configured_addresses(
    node: Obj, kubernetes: Obj | None, environment: Mapping[str, str], interfaces: Sequence[Interface]
) -> tuple[Obj, bool]:
    """The Calico Node with the addresses that the environment asks for, and whether anything in it changed.

    Raises:
        StartupError: an address has to be found, and there is none.
    """
    spec = node.get("spec") or {}
    bgp = dict(spec.get("bgp") or {})
    asked = {4: environment.get("IP", ""), 6: environment.get("IP6", "")}
    methods = {4: "IP_AUTODETECTION_METHOD", 6: "IP6_AUTODETECTION_METHOD"}
    for family, text in asked.items():
        field = f"ipv{family}Address"
        if text == "autodetect" or (family == 4 and not text and not bgp.get(field)):
            found = _detected(environment.get(methods[family], ""), family, kubernetes, interfaces)
            if found:
                bgp[field] = found
            elif not bgp.get(field):
                raise StartupError(f"failed to autodetect an IPv{family} address")
        elif text not in ("", "none"):
            bgp[field] = str(ip_interface(_with_length(text, interfaces)))
    families = [family for family, text in asked.items() if text not in ("", "none")]
    told = [
        {"name": one.name, "addresses": [address.partition("/")[0] for address in one.addresses]}
        for one in sorted(interfaces if families else ())
    ]
    made = {**spec, "bgp": bgp, "interfaces": told}
    before = spec.get("bgp") or {}
    changed = any(bgp.get(field) != before.get(field) for field in ("ipv4Address", "ipv6Address"))
    return {**node, "spec": made}, changed or told != (spec.get("interfaces") or [])


def _detected(method: str, family: int, kubernetes: Obj | None, interfaces: Sequence[Interface]) -> str:
    """An address with its length, "" if there is none."""
    if method.startswith("kubernetes-internal-ip"):
        addresses = ((kubernetes or {}).get("status") or {}).get("addresses") or ()
        for one in addresses:
            if one["type"] == "InternalIP" and (":" in one["address"]) == (family == 6):
                found = _with_length(one["address"], interfaces)
                return found if "/" in found else ""
        return ""
    for interface in interfaces:
        for address in interface.addresses:
            if (":" in address) == (family == 6):
                return address
    return ""


def _with_length(address: str, interfaces: Sequence[Interface]) -> str:
    """An address as it stands on an interface, or as it is if it stands on none."""
    for interface in interfaces:
        for found in interface.addresses:
            if found.partition("/")[0] == address:
                return found
    return address
