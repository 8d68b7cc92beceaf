"""What is in Felix' ipsets: addresses of the endpoints that a selector chooses, with a named port where one is asked.

Models      felix/labelindex (SelectorAndNamedPortIndex), felix/ipsets
Leaves out  the endpoints of Services in policies; networks of NetworkSets
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico import selector
from apps.cluster.cni.calico.felix.scanner import SetData


class Endpoint(NamedTuple):
    """A workload: its labels with those that its profiles hand down, its addresses, and its ports that have a name."""

    labels: Mapping[str, str]
    addresses: tuple[str, ...]
    ports: tuple[tuple[str, str, int], ...] = ()  # name, protocol in lower case, number


def endpoint_of(workload: Obj, profiles: Mapping[str, Obj]) -> Endpoint:
    """A WorkloadEndpoint with what its profiles, by name, add to it."""
    labels: dict[str, str] = {}
    for name in workload["spec"].get("profiles") or ():
        labels |= (profiles.get(name, {}).get("spec") or {}).get("labelsToApply") or {}
    ports = workload["spec"].get("ports") or ()
    return Endpoint(
        {**labels, **(workload["metadata"].get("labels") or {})},
        tuple(net.partition("/")[0] for net in workload["spec"].get("ipNetworks") or ()),
        tuple((port["name"], str(port["protocol"]).lower(), port["port"]) for port in ports if port.get("name")),
    )


def members(data: SetData, endpoints: Iterable[Endpoint], family: int) -> frozenset[str]:
    """As ipset prints them: `192.168.1.2`, `192.168.1.2,tcp:80`."""
    chosen = selector.parse(data.selector)
    found: set[str] = set()
    for endpoint in endpoints if not data.service else ():
        if not chosen.matches(endpoint.labels):
            continue
        mine = [address for address in endpoint.addresses if (":" in address) == (family == 6)]
        if not data.port:
            found.update(mine)
            continue
        for name, protocol, number in endpoint.ports:
            if name == data.port and data.protocol in ("any", protocol):
                found.update(f"{address},{protocol}:{number}" for address in mine)
    return frozenset(found)
