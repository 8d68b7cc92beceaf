"""Discovery: which groups, versions and resources there are; and the small addresses beside them.

Models      apiserver pkg/endpoints/discovery (and aggregated), pkg/server/routes
Leaves out  OpenAPI
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apiserver.requests import health
from apps.cluster.apiserver.requests.forms import FORMS
from apps.cluster.apiserver.requests.messages import Request, Response
from apps.cluster.apiserver.requests.routes import CREATE_ONLY, SUBRESOURCES

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.26.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}
# The order in which the groups were installed is the order in which they are told.
GROUPS = (
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)
# Kinds that subresources speak, where it is not the parent's.
SUB_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "attach": ("", "v1", "PodAttachOptions"),
    "exec": ("", "v1", "PodExecOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
    "proxy": ("", "v1", "ProxyOptions"),
}
SUB_VERBS = {
    "attach": ["create", "get"],
    "exec": ["create", "get"],
    "portforward": ["create", "get"],
    "proxy": ["create", "delete", "get", "patch", "update"],
    **{name: sorted(verbs) for name, verbs in SUBRESOURCES.items()},
}


def answer(server: APIServer, request: Request) -> Response | None:
    """The answer to an address that names no resource; None when there is none."""
    path = request.path.rstrip("/") or "/"
    if request.method.upper() not in ("GET", "HEAD"):
        return None
    if path == "/version":
        return Response(200, VERSION, indent=2)
    if (healthy := health.answer(server, request)) is not None:
        return healthy
    if path == "/":
        return Response(200, {"paths": _paths(server)}, indent=2)
    aggregated = "apidiscovery.k8s.io" in request.header("Accept").partition(",")[0]
    if path == "/api":
        return _aggregated(server, [""]) if aggregated else Response(200, _legacy())
    if path == "/apis":
        groups = _groups(server)
        if aggregated:
            return _aggregated(server, groups)
        listed = [_group(server, group) for group in groups]
        return Response(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})
    parts = path.strip("/").split("/")
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in _groups(server):
        return Response(200, {"kind": "APIGroup", "apiVersion": "v1", **_group(server, parts[1])})
    if parts[0] == "api" and len(parts) == 2:
        return _resources(server, "", parts[1])
    if parts[0] == "apis" and len(parts) == 3:
        return _resources(server, parts[1], parts[2])
    return None


def _legacy() -> Obj:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.10:6443"}],
    }


def _groups(server: APIServer) -> list[str]:
    served = {group for group, _ in server.versions()} - {""}
    return [group for group in GROUPS if group in served] + sorted(served - set(GROUPS))


def _versions(server: APIServer, group: str) -> list[str]:
    return sorted({version for there, version in server.versions() if there == group}, key=_priority)


def _priority(version: str) -> tuple[int, int, int, str]:
    """v2, v1, v1beta1, v1alpha1, and names that follow no pattern last."""
    number, _, rest = version[1:].partition("beta")
    kind = 1
    if not rest and "alpha" in version:
        number, _, rest = version[1:].partition("alpha")
        kind = 2
    elif not rest:
        kind = 0
    if not version.startswith("v") or not number.isdecimal():
        return 3, 0, 0, version
    return kind, -int(number), -int(rest or 0), version


def _group(server: APIServer, group: str) -> Obj:
    versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in _versions(server, group)]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _paths(server: APIServer) -> list[str]:
    paths = ["/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/apis/"]
    for group in _groups(server):
        paths.append(f"/apis/{group}")
        paths += [f"/apis/{group}/{version}" for version in _versions(server, group)]
    return [*sorted(paths), "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]


def _infos(server: APIServer, group: str, version: str) -> list[ResourceInfo]:
    found = {info.resource: info for info in server.infos.values() if (info.group, info.version) == (group, version)}
    form = FORMS.get(f"{group}/{version}")
    if form is not None:
        found[form.resource] = server.infos[form.resource]
    return [found[name] for name in sorted(found)]


def _storage_hash(info: ResourceInfo) -> str:
    """What tells a client that the stored version has changed."""
    digest = hashlib.sha256(f"{info.group}/{info.version}/{info.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _verbs(info: ResourceInfo) -> list[str]:
    if info.plural in CREATE_ONLY:
        return ["create"]
    if info.plural == "componentstatuses":
        return ["get", "list"]
    return [verb for verb in ALL_VERBS if verb != "deletecollection" or info.plural != "namespaces"]


def _resources(server: APIServer, group: str, version: str) -> Response | None:
    infos = _infos(server, group, version)
    if not infos:
        return None
    resources: list[Obj] = []
    for info in infos:
        entry: Obj = {
            "name": info.resource,
            "singularName": info.singular,
            "namespaced": info.namespaced,
            "kind": info.kind,
            "verbs": _verbs(info),
        }
        if info.short_names:
            entry["shortNames"] = list(info.short_names)
        if info.categories:
            entry["categories"] = list(info.categories)
        if info.plural not in CREATE_ONLY and info.plural != "componentstatuses":
            entry["storageVersionHash"] = _storage_hash(info)
        resources.append(entry)
        resources += [_subresource(info, name) for name in sorted(info.subresources)]
    api_version = f"{group}/{version}" if group else version
    body: Obj = {"kind": "APIResourceList"}
    if group:
        body["apiVersion"] = "v1"
    return Response(200, {**body, "groupVersion": api_version, "resources": resources})


def _subresource(info: ResourceInfo, name: str) -> Obj:
    group, version, kind = SUB_KINDS.get(name, ("", "", info.kind))
    entry: Obj = {"name": f"{info.resource}/{name}", "singularName": "", "namespaced": info.namespaced}
    if version and (group, version) != (info.group, info.version):
        entry |= {"group": group, "version": version} if group else {"version": version}
    if name == "proxy":
        kind = {"nodes": "NodeProxyOptions", "pods": "PodProxyOptions", "services": "ServiceProxyOptions"}[info.plural]
    entry |= {"kind": kind, "verbs": SUB_VERBS.get(name, ["get", "patch", "update"])}
    return entry


def _aggregated(server: APIServer, groups: list[str]) -> Response:
    items = []
    for group in groups:
        versions = []
        for version in _versions(server, group):
            listed = []
            for info in _infos(server, group, version):
                listed.append(_discovered(info, group, version))
            versions.append({"version": version, "resources": listed, "freshness": "Current"})
        items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    body: Obj = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }
    tag = hashlib.sha512(json.dumps(body, separators=(",", ":")).encode()).hexdigest().upper()
    headers = {"Cache-Control": "public", "Content-Type": AGGREGATED, "Etag": f'"{tag}"', "Vary": "Accept"}
    return Response(200, body, headers)


def _discovered(info: ResourceInfo, group: str, version: str) -> Obj:
    entry: Obj = {
        "resource": info.resource,
        "responseKind": {"group": "", "version": "", "kind": info.kind},
        "scope": "Namespaced" if info.namespaced else "Cluster",
        "singularResource": info.singular,
        "verbs": _verbs(info),
    }
    if info.short_names:
        entry["shortNames"] = list(info.short_names)
    if info.categories:
        entry["categories"] = list(info.categories)
    below = []
    for name in sorted(info.subresources):
        sub_group, sub_version, kind = SUB_KINDS.get(name, ("", "", info.kind))
        if name == "proxy":
            kind = {"nodes": "NodeProxyOptions", "pods": "PodProxyOptions", "services": "ServiceProxyOptions"}[
                info.plural
            ]
        below.append(
            {
                "subresource": name,
                "responseKind": {"group": sub_group, "version": sub_version if sub_group else "", "kind": kind},
                "verbs": SUB_VERBS.get(name, ["get", "patch", "update"]),
            }
        )
    if below:
        entry["subresources"] = below
    return entry
