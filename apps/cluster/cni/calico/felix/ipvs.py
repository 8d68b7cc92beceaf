"""Where kube-proxy works by IPVS: what it sends on passes INPUT and OUTPUT instead of FORWARD, and loses its interface.

INPUT marks a packet with the workload that it came from; OUTPUT reads the mark, and has the packet pass the policies of
both ends as FORWARD would.

Models      felix/rules/static.go (StaticFilterInputForwardCheckChain, StaticFilterOutputForwardEndpointMarkChain),
            dispatch.go (endpointMarkDispatchChains), epmark.go
Leaves out  that two interfaces of one hash keep the marks of who came first; host endpoints
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.cluster.cni.calico.felix.dispatch import divided
from apps.cluster.cni.calico.felix.endpoints import Chains
from apps.cluster.cni.calico.felix.names import ENDPOINT, limited, set_name
from apps.cluster.cni.calico.felix.rules import Marks

THIS_HOST = "this-host"
NODE_PORTS = "30000:32767"
SET, FROM, SET_ONE = "cali-set-endpoint-mark", "cali-from-endpoint-mark", "cali-sm-"
_UNKNOWN = '-m comment --comment "Unknown {}" --jump DROP'


def fnv(name: str) -> int:
    """FNV-1 in 32 bits.

    >>> hex(fnv("a")), hex(fnv(""))
    ('0x50c5d7e', '0x811c9dc5')
    """
    found = 0x811C9DC5
    for byte in name.encode():
        found = found * 0x01000193 & 0xFFFFFFFF ^ byte
    return found


def endpoint_marks(interfaces: Iterable[str], marks: Marks) -> dict[str, int]:
    """The mark of each interface, by its hash; the next one where that is somebody's."""
    low = marks.endpoint & -marks.endpoint
    room = marks.endpoint // low + 1
    taken = {0, marks.other // low}
    found = {}
    for name in sorted(interfaces):
        place = next((at % room for at in range(fnv(name), fnv(name) + room) if at % room not in taken), None)
        if place is not None:
            taken.add(place)
            found[name] = place * low
    return found


def input_rules(marks: Marks) -> list[str]:
    """In cali-INPUT: what IPVS will send on goes no way of this machine's."""
    return [
        f"--jump MARK --set-mark 0/{marks.endpoint:#x}",
        "--jump cali-forward-check",
        f"-m mark ! --mark 0/{marks.endpoint:#x} --jump RETURN",
    ]


def output_rule(marks: Marks) -> str:
    return f"-m mark ! --mark 0/{marks.endpoint:#x} --goto cali-forward-endpoint-mark"


def chains(interfaces: Iterable[str], marks: Marks, family: int) -> Chains:
    here = f"-m set --match-set {set_name(THIS_HOST, family)} dst"
    to_node_port = f"-m multiport --destination-ports {NODE_PORTS} {here} --goto {SET}"
    said = '-m comment --comment "To kubernetes NodePort service"'
    accepted = f"-m mark --mark {marks.accept:#x}/{marks.accept:#x}"
    other = f"{marks.other:#x}/{marks.endpoint:#x}"
    found: Chains = {
        "cali-forward-check": (
            "-m conntrack --ctstate RELATED,ESTABLISHED --jump RETURN",
            f"{said} -p tcp {to_node_port}",
            f"{said} -p udp {to_node_port}",
            f'-m comment --comment "To kubernetes service" {here.replace("--match-set", "! --match-set")} --jump {SET}',
        ),
        "cali-forward-endpoint-mark": (
            f"-m mark ! --mark {other} --jump {FROM}",
            "--out-interface cali+ --jump cali-to-wl-dispatch",
            "--jump cali-to-hep-forward",
            f"--jump MARK --set-mark 0/{marks.endpoint:#x}",
            f'-m comment --comment "Policy explicitly accepted packet." {accepted} --jump ACCEPT',
        ),
    }
    by_name = endpoint_marks(interfaces, marks)
    reads = [
        f"-m mark --mark {mark:#x}/{marks.endpoint:#x} --goto {limited(ENDPOINT['egress'], name)}"
        for name, mark in by_name.items()
    ]
    found[FROM] = (*reads, _UNKNOWN.format("interface"))
    found |= {
        limited(SET_ONE, name): (f"--jump MARK --set-mark {mark:#x}/{marks.endpoint:#x}",)
        for name, mark in by_name.items()
    }
    found |= divided(by_name, SET, "--in-interface", SET_ONE, infix="-wep")
    unknown = _UNKNOWN.format("endpoint").replace("--jump DROP", "--in-interface cali+ --jump DROP")
    found[SET] = (
        *found[SET],
        unknown,
        f'-m comment --comment "Non-Cali endpoint mark" --jump MARK --set-mark {other}',
    )
    return found
