"""The chains of a node that lead to those of its workloads, and the addresses that packets leave the cluster with.

Models      felix/rules/static.go, dispatch.go, nat.go
Leaves out  host endpoints and failsafe ports (their chains are empty here); the raw and mangle tables; floating
            addresses; WireGuard; service loops
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from apps.cluster.cni.calico.felix import ipvs
from apps.cluster.cni.calico.felix.dispatch import divided
from apps.cluster.cni.calico.felix.endpoints import VXLAN_PORT, Chains
from apps.cluster.cni.calico.felix.names import ENDPOINT, set_name
from apps.cluster.cni.calico.felix.rules import Marks

FROM, TO = "cali-from-wl-dispatch", "cali-to-wl-dispatch"
DEVICES = {"ipip": "tunl0", "vxlan": "vxlan.calico", "vxlan_v6": "vxlan-v6.calico"}
HOST_ENDPOINTS = ("cali-from-hep-forward", "cali-to-hep-forward", "cali-from-host-endpoint")
POOLS, MASQUERADED = "network-ip-pools", "masq-ipam-pools"
HOSTS, VXLAN_HOSTS = "all-hosts-net", "all-vxlan-net"


class NodeRules(NamedTuple):
    """What of a node matters here: which tunnels it has, and what becomes of packets from its Pods to itself."""

    tunnels: tuple[str, ...] = ()  # ipip, vxlan, vxlan_v6
    nat_outgoing: bool = True
    to_host: str = "ACCEPT"  # DefaultEndpointToHostAction; ACCEPT in Calico's manifests
    marks: Marks = Marks()
    random_fully: bool = True  # what kernels of today can do
    ipvs: bool = False  # kube-proxy's mode: there is a kube-ipvs0


def dispatch(interfaces: Iterable[str]) -> Chains:
    """From the interface that a packet came in by, or goes out by, to what its workload has to say."""
    names = list(interfaces)
    unknown = ('-m comment --comment "Unknown interface" --jump DROP',)
    return {
        **divided(names, FROM, "--in-interface", ENDPOINT["egress"], last=unknown),
        **divided(names, TO, "--out-interface", ENDPOINT["ingress"], last=unknown),
    }


def filter_table(node: NodeRules, interfaces: Iterable[str], family: int = 4) -> Chains:
    marks = node.marks
    every = marks.accept | marks.passed | marks.matched | marks.block
    accepted = f"-m mark --mark {marks.accept:#x}/{marks.accept:#x}"
    names = list(interfaces)
    return {
        **dispatch(names),
        **(ipvs.chains(names, marks, family) if node.ipvs else {}),
        "cali-FORWARD": (
            f"--jump MARK --set-mark 0/{every & ~marks.accept:#x}",
            f"-m mark --mark 0/{marks.accept:#x} --jump cali-from-hep-forward",
            f"--in-interface cali+ --jump {FROM}",
            f"--out-interface cali+ --jump {TO}",
            "--jump cali-to-hep-forward",
            "--jump cali-cidr-block",
        ),
        "cali-INPUT": (
            *_tunnelled(node, family),
            *(ipvs.input_rules(marks) if node.ipvs else ()),
            "--in-interface cali+ --goto cali-wl-to-host",
            f"{accepted} --jump ACCEPT",
            f"--jump MARK --set-mark 0/{every:#x}",
            "--jump cali-from-host-endpoint",
            f'-m comment --comment "Host endpoint policy accepted packet." {accepted} --jump ACCEPT',
        ),
        "cali-OUTPUT": _output(node, family),
        "cali-wl-to-host": (
            f"--jump {FROM}",
            f'-m comment --comment "Configured DefaultEndpointToHostAction" --jump {node.to_host}',
        ),
        **dict.fromkeys((*HOST_ENDPOINTS, "cali-to-host-endpoint"), ()),
        "cali-cidr-block": (),
    }


def _output(node: NodeRules, family: int) -> tuple[str, ...]:
    """What the machine's own programs send: a node reaches its Pods whatever their policies say."""
    accepted = f"-m mark --mark {node.marks.accept:#x}/{node.marks.accept:#x}"
    rules = [f"{accepted} --jump ACCEPT", *([ipvs.output_rule(node.marks)] if node.ipvs else [])]
    rules.append("--out-interface cali+ --jump RETURN")
    local = "-m addrtype --src-type LOCAL"
    if family == 4 and "ipip" in node.tunnels:
        known = f"-m set --match-set {set_name(HOSTS, 4)} dst"
        rules.append(
            f'-m comment --comment "Allow IPIP packets to other Calico hosts" -p 4 {known} {local} --jump ACCEPT'
        )
    if ("vxlan" if family == 4 else "vxlan_v6") in node.tunnels:
        port = f"-p 17 -m multiport --destination-ports {VXLAN_PORT}"
        known = f"-m set --match-set {set_name(VXLAN_HOSTS, family)} dst"
        words = f'-m comment --comment "Allow IPv{family} VXLAN packets to other allowed hosts"'
        rules.append(f"{words} {port} {local} {known} --jump ACCEPT")
    every = node.marks.accept | node.marks.passed | node.marks.matched | node.marks.block
    said = '-m comment --comment "Host endpoint policy accepted packet."'
    return (
        *rules,
        f"--jump MARK --set-mark 0/{every:#x}",
        "-m conntrack ! --ctstate DNAT --jump cali-to-host-endpoint",
        f"{said} {accepted} --jump ACCEPT",
    )


def _tunnelled(node: NodeRules, family: int) -> list[str]:
    """What comes wrapped up is taken from nodes of the cluster only."""
    found = []
    if family == 4 and "ipip" in node.tunnels:
        known = f"-m set --match-set {set_name(HOSTS, 4)} src -m addrtype --dst-type LOCAL"
        found.append(f'-m comment --comment "Allow IPIP packets from Calico hosts" -p 4 {known} --jump ACCEPT')
        found.append('-m comment --comment "Drop IPIP packets from non-Calico hosts" -p 4 --jump DROP')
    if ("vxlan" if family == 4 else "vxlan_v6") in node.tunnels:
        port = f"-p 17 -m multiport --destination-ports {VXLAN_PORT}"
        known = f"-m set --match-set {set_name(VXLAN_HOSTS, family)} src -m addrtype --dst-type LOCAL"
        words = f"IPv{family} VXLAN packets from"
        found.append(f'-m comment --comment "Allow {words} allowed hosts" {port} {known} --jump ACCEPT')
        local = "-m addrtype --dst-type LOCAL"
        found.append(f'-m comment --comment "Drop {words} non-allowed hosts" {port} {local} --jump DROP')
    return found


def forward_end(marks: Marks) -> tuple[str, ...]:
    """What stands at the end of the kernel's own FORWARD chain: what policy has accepted is let through."""
    accepted = f"-m mark --mark {marks.accept:#x}/{marks.accept:#x}"
    return (
        f'-m comment --comment "Policy explicitly accepted packet." {accepted} --jump ACCEPT',
        f"--jump MARK --set-mark {marks.accept:#x}/{marks.accept:#x}",
    )


def nat_table(node: NodeRules, family: int = 4) -> Chains:
    """Pods of pools with natOutgoing leave the cluster with their node's address; tunnels carry their own."""
    outgoing = (
        f"-m set --match-set {set_name(MASQUERADED, family)} src -m set ! --match-set {set_name(POOLS, family)} dst"
    )
    fully = " --random-fully" if node.random_fully else ""
    rules = ["--jump cali-fip-snat", "--jump cali-nat-outgoing"]
    for tunnel in node.tunnels:
        if (tunnel == "vxlan_v6") == (family == 6):
            local = "-m addrtype ! --src-type LOCAL --limit-iface-out -m addrtype --src-type LOCAL"
            # a source port that is VXLAN's would have the answer taken for a tunnel's packet
            if ("vxlan" if family == 4 else "vxlan_v6") in node.tunnels:
                ports = f"--to-ports {VXLAN_PORT + 1}-65535"
                rules.append(f"-p 17 --out-interface {DEVICES[tunnel]} {local} --jump MASQUERADE {ports}{fully}")
            rules.append(f"--out-interface {DEVICES[tunnel]} {local} --jump MASQUERADE{fully}")
    return {
        "cali-PREROUTING": ("--jump cali-fip-dnat",),
        "cali-OUTPUT": ("--jump cali-fip-dnat",),
        "cali-fip-dnat": (),
        "cali-POSTROUTING": tuple(rules),
        "cali-nat-outgoing": (f"{outgoing} --jump MASQUERADE{fully}",) if node.nat_outgoing else (),
        "cali-fip-snat": (),
    }


def jumps() -> dict[str, Chains]:
    """The rules in the kernel's own chains that lead to Felix': before all others."""
    return {
        "filter": {hook: (f"--jump cali-{hook}",) for hook in ("INPUT", "FORWARD", "OUTPUT")},
        "nat": {hook: (f"--jump cali-{hook}",) for hook in ("PREROUTING", "OUTPUT")},
    }


def ends(marks: Marks) -> dict[str, Chains]:
    """Those that stand after all others. Were Felix' own source translation first, kube-proxy's mark would stay on the
    packet, and on the one around it in a tunnel."""
    return {"filter": {"FORWARD": forward_end(marks)}, "nat": {"POSTROUTING": ("--jump cali-POSTROUTING",)}}
