"""Endpoints that changed: which Services have others than when kube-proxy last looked.

Models      pkg/proxy/endpointschangetracker.go (EndpointsMap, ConntrackCleanupRequired, LocalReadyEndpoints)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.proxy.endpoints import Endpoint, endpoints_of, service_of
from apps.cluster.proxy.service_ports import PortName

Obj = dict[str, Any]
ServiceName = tuple[str, str]  # namespace, name


class Changes(NamedTuple):
    services: frozenset[ServiceName]
    conntrack_cleanup: bool  # a UDP port's endpoints changed: its old flows would go on to where nobody is


class EndpointsMap:
    """Out of the slices heard of: Service -> port -> endpoints."""

    def __init__(self, node: str, family: int = 4) -> None:
        self.node, self.family = node, family
        self.known: dict[ServiceName, dict[PortName, list[Endpoint]]] = {}
        self._slices: dict[ServiceName, dict[str, Obj]] = {}
        self._before: dict[ServiceName, dict[PortName, list[Endpoint]]] = {}  # of what changed: as last taken

    def hear(self, obj: Obj, *, deleted: bool = False) -> None:
        """An EndpointSlice as it is now, or was when it was deleted."""
        key = service_of(obj)
        if key is None:
            return
        slices = self._slices.setdefault(key, {})
        name = obj["metadata"]["name"]
        if deleted:
            known = slices.pop(name, None)
        else:
            known, slices[name] = slices.get(name), obj
        if not deleted and known is not None and _same(known, obj):
            return
        found = endpoints_of(slices.values(), self.node, self.family)
        if not slices:
            del self._slices[key]
        self._before.setdefault(key, self.known.get(key, {}))
        if found:
            self.known[key] = found
        else:
            self.known.pop(key, None)

    def endpoints(self, key: ServiceName) -> dict[PortName, list[Endpoint]]:
        return self.known.get(key, {})

    @property
    def pending(self) -> bool:
        return bool(self._before)

    def take(self) -> Changes:
        """What changed since this was last asked."""
        before, self._before = self._before, {}
        udp = any(name.protocol == "UDP" for key, old in before.items() for name in (*old, *self.known.get(key, {})))
        return Changes(frozenset(before), udp)

    def local_ready(self) -> dict[ServiceName, int]:
        """How many ready endpoints each Service has on this node, by address: what a health check node port tells."""
        here = {
            key: {ep.address for endpoints in by_port.values() for ep in endpoints if ep.ready and ep.local}
            for key, by_port in self.known.items()
        }
        return {key: len(addresses) for key, addresses in here.items() if addresses}


def _same(old: Obj, new: Obj) -> bool:
    return old.get("endpoints") == new.get("endpoints") and old.get("ports") == new.get("ports")
