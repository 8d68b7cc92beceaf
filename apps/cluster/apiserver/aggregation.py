"""The aggregation layer: groups of the API that another server answers, behind an APIService.

Models      k8s.io/kube-aggregator (apiserver/handler_proxy.go)
Leaves out  the proxied connection and its certificates: a request reaches the server behind at once or not at all
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.status import StatusError

Obj = dict[str, Any]
Tables = Mapping[str, Mapping[str, Obj]]


class Backend(Protocol):
    """A server behind an APIService. Of each resource: its name, its kind, whether it is in namespaces."""

    resources: tuple[tuple[str, str, bool], ...]

    def answer(self, resource: str, namespace: str, label_selector: str) -> list[Obj]: ...

    def columns(self, items: list[Obj]) -> list[Obj]: ...

    def cells(self, item: Obj) -> list[Any]: ...

    def missing(self, resource: str, namespace: str, name: str) -> StatusError: ...


class Aggregation:
    """Who answers for which group and version. What is registered here is code, not state: it is never saved."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._backends: dict[str, Backend] = {}

    def register(self, group: str, version: str, backend: Backend) -> None:
        """`backend` answers while an APIService leads to it."""
        self._backends[f"{version}.{group}"] = backend

    def backend(self, group: str, version: str) -> Backend | None:
        return self._backends.get(f"{version}.{group}")

    def list(self, group: str, version: str, resource: str, namespace: str, label_selector: str) -> list[Obj]:
        """What the server behind says.

        Raises:
            StatusError: 404, no APIService; 503, it is not available. Worded as client-go words them.
        """
        asked = f"(get {resource}.{group})"
        service = self._tables.get("apiservices", {}).get(f"{version}.{group}")
        if service is None:
            raise StatusError(404, "NotFound", f"the server could not find the requested resource {asked}")
        backend = self._backends.get(f"{version}.{group}")
        if backend is None or not is_true((service.get("status") or {}).get("conditions"), "Available"):
            told = f"the server is currently unable to handle the request {asked}"
            raise StatusError(503, "ServiceUnavailable", told)
        return backend.answer(resource, namespace, label_selector)
