"""Groups that another server answers: in discovery, and its resources themselves.

Models      kube-aggregator pkg/apiserver (handler_proxy.go, handler_discovery.go, handler_apis.go)
Leaves out  writes and watches of what another server has
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.api.printers import row_object
from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.status import generic
from apps.cluster.apiserver.aggregation import Backend
from apps.cluster.apiserver.authentication import Actor
from apps.cluster.apiserver.requests import presenting
from apps.cluster.apiserver.requests.messages import ADMIN, Attributes, Request, Response

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
VERBS = ("get", "list")
TEXT = {
    "Cache-Control": "no-cache, private",
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
}


def groups(server: APIServer) -> list[tuple[str, str]]:
    """Groups and versions of the APIServices that lead to a Service, the most important group first."""
    found = [
        service["spec"]
        for service in server.tables.get("apiservices", {}).values()
        if service["spec"].get("service") is not None
    ]
    found.sort(key=lambda spec: (-spec.get("groupPriorityMinimum", 0), spec["group"], -spec.get("versionPriority", 0)))
    return [(spec["group"], spec["version"]) for spec in found]


def _backend(server: APIServer, group: str, version: str) -> Backend | None:
    """Who answers; None while nobody does."""
    service = server.tables.get("apiservices", {}).get(f"{version}.{group}") or {}
    available = is_true((service.get("status") or {}).get("conditions"), "Available")
    return server.aggregation.backend(group, version) if available else None


def kinds(server: APIServer, group: str, version: str) -> tuple[tuple[str, str, bool], ...]:
    """The resources of a version: name, kind, whether in namespaces; none while nobody answers."""
    backend = _backend(server, group, version)
    return backend.resources if backend is not None else ()


def knows(server: APIServer, group: str, version: str) -> bool:
    return (group, version) in groups(server)


def resources(server: APIServer, group: str, version: str) -> Response | None:
    """The resources of a version; None when no other server has it."""
    if not knows(server, group, version):
        return None
    backend = _backend(server, group, version)
    if backend is None:
        return _unavailable()
    listed = [
        {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": list(VERBS)}
        for name, kind, namespaced in backend.resources
    ]
    body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/{version}", "resources": listed}
    return Response(200, body)


def versions(server: APIServer, group: str) -> list[Obj]:
    """The versions of a group in aggregated discovery: stale while nobody answers."""
    out: list[Obj] = []
    for there, version in groups(server):
        if there != group:
            continue
        backend = _backend(server, group, version)
        if backend is None:
            out.append({"version": version, "freshness": "Stale"})
            continue
        listed = [
            {
                "resource": name,
                "responseKind": {"group": "", "version": "", "kind": kind},
                "scope": "Namespaced" if namespaced else "Cluster",
                "singularResource": "",
                "verbs": list(VERBS),
            }
            for name, kind, namespaced in backend.resources
        ]
        out.append({"version": version, "resources": listed, "freshness": "Current"})
    return out


def answer(server: APIServer, request: Request, attributes: Attributes) -> Response | None:
    """What the other server says; None when none has that version.

    Raises:
        StatusError: 403, 404, 405.
    """
    group, version, resource = attributes.group, attributes.version, attributes.resource
    if not knows(server, group, version):
        return None
    user = request.user or ADMIN
    actor = Actor("kubectl") if user == ADMIN else Actor("kubectl", "", user.name, user.groups)
    verb, namespace, name = attributes.verb, attributes.namespace, attributes.name
    server.authorizer.check(actor, verb, group, resource, attributes.subresource, namespace, name)
    backend = _backend(server, group, version)
    if backend is None:
        return _unavailable()
    kind = next((kind for one, kind, _ in backend.resources if one == resource), "")
    if not kind or attributes.subresource:
        raise generic(404)
    if verb not in VERBS:
        raise generic(405)
    selector = (request.params().get("labelSelector") or [""])[0]
    items = backend.answer(resource, namespace, "" if name else selector)
    items = sorted(items, key=lambda item: (item["metadata"].get("namespace", ""), item["metadata"]["name"]))
    form = presenting.negotiate(request)
    if name:
        items = [item for item in items if item["metadata"]["name"] == name]
        if not items:
            raise backend.missing(resource, namespace, name)
    if form.as_ == "table":
        return Response(200, _table(backend, items, form.include_object))
    if name:
        return Response(200, items[0])
    listed = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
    body = {"kind": f"{kind}List", "apiVersion": f"{group}/{version}", "metadata": {}, "items": listed}
    return Response(200, body)


def _table(backend: Backend, items: list[Obj], include: str) -> Obj:
    rows = [{"cells": backend.cells(item), "object": row_object(item, include)} for item in items]
    head: Obj = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}}
    return {**head, "columnDefinitions": backend.columns(items) or None, "rows": rows or None}


def _unavailable() -> Response:
    return Response(503, "service unavailable\n", dict(TEXT))
