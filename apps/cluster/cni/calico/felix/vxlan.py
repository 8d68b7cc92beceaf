"""Whether the VXLAN device that is there will do, or has to be made anew.

Models      felix/dataplane/linux/vxlan_mgr.go (vxlanLinksIncompat)
"""

from __future__ import annotations

from typing import NamedTuple


class VXLANDevice(NamedTuple):
    vni: int = 0
    port: int = 0
    parent: int = 0  # index of the interface that packets leave through
    source: str = ""
    group: str = ""
    l2miss: bool = False
    gbp: bool = False
    flow_based: bool = False
    mac: str = ""


def incompatible(one: VXLANDevice, other: VXLANDevice) -> str:
    """How two devices differ in what cannot be changed, "" if they do not. What one leaves open does not count."""
    for what, mine, theirs, open_ in (
        ("flow-based mode", one.flow_based, other.flow_based, False),
        ("vni", one.vni, other.vni, False),
        ("vtep (external) interface", one.parent, other.parent, False),
        ("vtep (external) IP", one.source, other.source, True),
        ("group address", one.group, other.group, True),
        ("l2miss", one.l2miss, other.l2miss, False),
        ("port", one.port, other.port, True),
        ("gbp", one.gbp, other.gbp, False),
        ("vtep mac addr", one.mac, other.mac, True),
    ):
        if mine != theirs and not (open_ and not (mine and theirs)):
            return f"{what}: {_told(mine)} vs {_told(theirs)}"
    return ""


def _told(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
