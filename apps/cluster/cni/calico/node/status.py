"""What a CalicoNodeStatus tells of BIRD's routes: where each came from.

Models      node/pkg/status/populators/route.go
Leaves out  the sessions and the agent in it
"""

from __future__ import annotations

import re
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj

_SESSION = re.compile(r"(Global|Node|Mesh)_(.+)")
_PROTOCOLS = {"kernel": "Kernel", "static": "Static", "direct": "Direct"}
_VIA = re.compile(r"(?P<dest>\S*)\s*via\s(?P<gateway>\S*)\s*on\s(?P<iface>.*)\s\[(?P<learnt>\S*)\s.*\]")
_DEV = re.compile(r"(?P<dest>\S*)\s*dev\s(?P<iface>.*)\s\[(?P<learnt>\S*)\s.*\]")
_NOWHERE = re.compile(r"(?P<dest>\S*)\s*(?P<iface>blackhole|unreachable)\s\[(?P<learnt>\S*)\s.*\]")


class Route(NamedTuple):
    destination: str
    gateway: str
    interface: str
    learnt: str  # the protocol of BIRD that it came from
    primary: bool  # BIRD's choice among those to the same destination

    def as_object(self) -> Obj:
        """Raises: ValueError, the protocol is none of Calico's."""
        return {
            "type": "FIB" if self.primary else "RIB",
            "destination": self.destination,
            "gateway": self.gateway,
            "interface": self.interface,
            "learnedFrom": _source(self),
        }


def _source(route: Route) -> Obj:
    for prefix, source in _PROTOCOLS.items():
        if route.learnt.startswith(prefix):
            return {"sourceType": source}
    match = _SESSION.fullmatch(route.learnt)
    if match is None:
        raise ValueError(f"not a valid line: session name '{route.learnt}' is not a correct format")
    address = match[2].replace("_", ":" if ":" in route.destination else ".")
    return {"peerIP": address, "sourceType": "NodeMesh" if match[1] == "Mesh" else "BGPPeer"}


def read(line: str, before: str = "") -> Route | None:
    """A line of `show route`; one without a destination is about that of the line before.

    >>> read("192.168.162.128/26 blackhole [static1 20:10:56] * (200)").learnt
    'static1'
    """
    match = _VIA.search(line) or _DEV.search(line) or _NOWHERE.search(line)
    if match is None or not (match["dest"] or before):
        return None
    found = match.groupdict()
    return Route(found["dest"] or before, found.get("gateway") or "N/A", found["iface"], found["learnt"], "] *" in line)
