"""What a kube-proxy of any mode has heard: the ports of Services, and their endpoints.

Models      pkg/proxy/servicechangetracker.go, as the proxiers of all modes use it
"""

from __future__ import annotations

from typing import Any

from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.service_ports import PortName, ServicePort, service_ports
from apps.cluster.proxy.tracking import Changes, EndpointsMap, ServiceName

Obj = dict[str, Any]


class Listening:
    """`service` and `slice_` are heard; what a mode makes of it is its own."""

    def __init__(self, config: ProxyConfig) -> None:
        self.config = config
        self.endpoints = EndpointsMap(config.node, config.family)
        self._services: dict[ServiceName, dict[PortName, ServicePort]] = {}
        self._changed: set[ServiceName] = set()
        self._synced = False

    def service(self, namespace: str, name: str, obj: Obj | None) -> None:
        """A Service as it is now; None when it is gone."""
        key = (namespace, name)
        ports = service_ports(obj, self.config.family)
        if ports != self._services.get(key, {}):
            self._changed.add(key)
        if ports:
            self._services[key] = ports
        else:
            self._services.pop(key, None)

    def slice_(self, obj: Obj, *, deleted: bool = False) -> None:
        """An EndpointSlice as it is now, or was when it was deleted."""
        self.endpoints.hear(obj, deleted=deleted)

    @property
    def pending(self) -> bool:
        """Whether a sync has something to do."""
        return bool(self._changed) or self.endpoints.pending or not self._synced

    def _take(self) -> tuple[list[ServiceName], Changes]:
        """The Services that changed since the last sync, or whose endpoints did, in the order of their names."""
        heard = self.endpoints.take()
        changed = sorted(self._changed | heard.services)
        self._changed = set()
        return changed, heard
