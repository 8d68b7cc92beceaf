"""Which tunnels a cluster needs: the modes of all pools together, unless Felix is told otherwise.

Models      felix/calc/encapsulation_resolver.go, felix/dataplane/linux/int_dataplane.go (ConfigureDefaultMTUs,
            determinePodMTU)
Leaves out  that Felix restarts when it changes
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj

OFF = ("", "Never")
MODES = (*OFF, "Always", "CrossSubnet")


class Encapsulation(NamedTuple):
    """What is on, and whether Felix has routes of pools without a tunnel to program."""

    ipip: bool
    vxlan: bool
    vxlan6: bool
    plain: bool


class EncapsulationCalculator:
    """The pools that are known, by CIDR. `program_routes`: what of cluster routes is Felix' (of FelixConfiguration)."""

    def __init__(
        self, *, program_routes: str = "EnabledIPIPOnly", ipip: bool | None = None, vxlan: bool | None = None
    ) -> None:
        self._program_routes, self._ipip, self._vxlan = program_routes, ipip, vxlan
        self._modes: dict[str, tuple[bool, bool]] = {}

    def pool(self, spec: Obj) -> None:
        """A pool is new, or has changed. Raises: ValueError, it has a mode that there is not."""
        for field in ("ipipMode", "vxlanMode"):
            if (spec.get(field) or "") not in MODES:
                name = field[0].upper() + field[1:]
                raise ValueError(f'invalid {name} "{spec[field]}" for {spec["cidr"]}')
        on = tuple((spec.get(field) or "") not in OFF for field in ("ipipMode", "vxlanMode"))
        self._modes[spec["cidr"]] = (on[0], on[1])

    def remove(self, cidr: str) -> None:
        self._modes.pop(cidr, None)

    def result(self) -> Encapsulation:
        modes = self._modes
        ipip = any(ipip for ipip, _vxlan in modes.values())
        vxlan = any(vxlan and ":" not in cidr for cidr, (_ipip, vxlan) in modes.items())
        vxlan6 = any(vxlan and ":" in cidr for cidr, (_ipip, vxlan) in modes.items())
        plain = any(not any(mode) for mode in modes.values())
        return Encapsulation(
            ipip if self._ipip is None else self._ipip,
            vxlan if self._vxlan is None else self._vxlan,
            vxlan6,
            plain and self._program_routes in ("Enabled", "EnabledNoEncapOnly"),
        )


# What a tunnel's headers take of a packet.
OVERHEADS = {"ipip": 20, "vxlan": 50, "vxlan_v6": 70, "wireguard": 60, "wireguard_v6": 80}
AKS = 100  # Azure's network takes packets of 1,400 bytes on machines that say 1,500
NO_INTERFACE = 1460  # the host's MTU when none of its interfaces tells one


def default_mtus(
    host: int, *, provider: str = "", encrypt_hosts: bool = False, given: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The MTU of each kind of tunnel, from that of the machine; what the operator gives stays.

    >>> default_mtus(1500)["vxlan"], default_mtus(1500, provider="AKS", encrypt_hosts=True)["wireguard"]
    (1450, 1340)
    """
    azure = AKS if provider == "AKS" and encrypt_hosts else 0
    found = {}
    for kind, overhead in OVERHEADS.items():
        extra = azure if kind.startswith("wireguard") else 0
        found[kind] = (given or {}).get(kind) or host - overhead - extra
    return found


def pod_mtu(host: int, enabled: Iterable[str], mtus: Mapping[str, int]) -> int:
    """The MTU of Pods' interfaces: the least of the tunnels that are on, without any the machine's own."""
    return min((mtus[kind] for kind in enabled if mtus[kind]), default=host)
