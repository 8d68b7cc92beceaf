"""What is served under a group and version: resources, subresources and their verbs, as discovery and OpenAPI tell it.

Models      apiserver pkg/endpoints/installer.go (registerResourceHandlers),
            apiextensions-apiserver pkg/apiserver/customresource_discovery_controller.go
Leaves out  nothing known
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apiserver.requests.forms import FORMS
from apps.cluster.apiserver.requests.routes import CREATE_ONLY, SUBRESOURCES

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

DEFINITIONS = "customresourcedefinitions"
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
ENDING_VERBS = ("delete", "deletecollection", "get", "list", "watch")  # of a kind whose definition is being deleted
WRITE_VERBS = ("get", "patch", "update")
# Kinds that subresources speak, where it is not the parent's.
SUB_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "attach": ("", "v1", "PodAttachOptions"),
    "exec": ("", "v1", "PodExecOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
}
PROXIES = {"nodes": "NodeProxyOptions", "pods": "PodProxyOptions", "services": "ServiceProxyOptions"}
SUB_VERBS: dict[str, tuple[str, ...]] = {
    "attach": ("create", "get"),
    "exec": ("create", "get"),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
    **{name: tuple(sorted(verbs)) for name, verbs in SUBRESOURCES.items()},
}


class Sub(NamedTuple):
    """A subresource and the kind that it speaks."""

    name: str
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...]


def infos(server: APIServer, group: str, version: str) -> list[ResourceInfo]:
    """The resources of a version, by name: custom kinds once their definition is established."""
    found: dict[str, ResourceInfo] = {}
    for info in server.infos.values():
        if server.customs.knows(info.plural):
            custom = server.customs.served(group, version, info.resource) if info.group == group else None
            if custom is not None:
                found[info.resource] = custom
        elif (info.group, info.version) == (group, version):
            found[info.resource] = info
    form = FORMS.get(f"{group}/{version}")
    if form is not None:
        found[form.resource] = server.infos[form.resource]
    return [found[name] for name in sorted(found)]


def verbs(server: APIServer, info: ResourceInfo) -> tuple[str, ...]:
    if server.customs.knows(info.plural):
        crd = server.tables[DEFINITIONS][info.plural]
        ending = is_true((crd.get("status") or {}).get("conditions"), "Terminating")
        return ENDING_VERBS if ending else CUSTOM_VERBS
    if info.plural in CREATE_ONLY:
        return ("create",)
    if info.plural == "componentstatuses":
        return ("get", "list")
    return tuple(verb for verb in ALL_VERBS if verb != "deletecollection" or info.plural != "namespaces")


def subresources(info: ResourceInfo, custom: bool = False) -> list[Sub]:
    """By name; of a custom kind, status first."""
    names = sorted(info.subresources, reverse=custom)
    return [_sub(info, name) for name in names]


def _sub(info: ResourceInfo, name: str) -> Sub:
    group, version, kind = SUB_KINDS.get(name, (info.group, info.version, info.kind))
    if name == "proxy":
        group, version, kind = "", "v1", PROXIES[info.plural]
    return Sub(name, group, version, kind, SUB_VERBS.get(name, WRITE_VERBS))
