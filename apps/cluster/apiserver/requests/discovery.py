"""Discovery: which groups, versions and resources there are; and the small addresses beside them.

Models      apiserver pkg/endpoints/discovery (and aggregated), pkg/server/routes
Leaves out  nothing known
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apiserver.requests import aggregated, health, openapi, served
from apps.cluster.apiserver.requests.messages import Request, Response
from apps.cluster.apiserver.requests.routes import CREATE_ONLY

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "k8sdocs: a model of Kubernetes",
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


# Addresses beside those of groups and of health.
PATHS = (
    "/.well-known/openid-configuration",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/",
    "/flagz",
    "/metrics",
    "/metrics/slis",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/",
    "/openid/v1/jwks",
    "/statusz",
    "/version",
)


def answer(server: APIServer, request: Request) -> Response | None:
    """The answer to an address that names no resource; None when there is none."""
    path = request.path.rstrip("/") or "/"
    if request.method.upper() not in ("GET", "HEAD"):
        return None
    if path == "/version":
        return Response(200, VERSION, indent=2)
    if (healthy := health.answer(server, request)) is not None:
        return healthy
    if path.startswith("/openapi/"):
        return openapi.answer(server, request)
    if path == "/":
        return Response(200, {"paths": _paths(server)}, indent=2)
    whole = _wants_whole(request.header("Accept"))
    if path == "/api":
        return _aggregated(server, request, [""]) if whole else Response(200, _legacy())
    if path == "/apis":
        groups = _groups(server)
        if whole:
            return _aggregated(server, request, groups)
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


def _wants_whole(accept: str) -> bool:
    """Whether the first form that is accepted and known is aggregated discovery, which is v2 alone."""
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        if media not in ("application/json", "application/yaml", "application/*", "*/*"):
            continue
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        if "as" not in given:
            return False
        if (given.get("g"), given.get("v"), given["as"]) == ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"):
            return True
    return False


def _legacy() -> Obj:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.10:6443"}],
    }


def _groups(server: APIServer) -> list[str]:
    own = {group for group, _ in server.versions()} - {""}
    behind = [group for group, _ in dict.fromkeys(aggregated.groups(server)) if group not in own]
    return [*(group for group in GROUPS if group in own), *sorted(own - set(GROUPS)), *dict.fromkeys(behind)]


def _versions(server: APIServer, group: str) -> list[str]:
    own = {version for there, version in server.versions() if there == group}
    return sorted(own, key=_priority) or [version for there, version in aggregated.groups(server) if there == group]


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
    """Every address that is no resource."""
    paths = list(PATHS)
    for address in ("healthz", "livez", "readyz"):
        paths += [f"/{address}", *(f"/{address}/{check}" for check in health.checks(address))]
    for group in _groups(server):
        paths.append(f"/apis/{group}")
        paths += [f"/apis/{group}/{version}" for version in _versions(server, group)]
    return sorted(paths)


def _storage_hash(server: APIServer, info: ResourceInfo) -> str:
    """What tells a client that the stored version has changed."""
    stored = server.infos[info.plural]
    digest = hashlib.sha256(f"{stored.group}/{stored.version}/{stored.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _resources(server: APIServer, group: str, version: str) -> Response | None:
    infos = served.infos(server, group, version)
    if not infos:
        return aggregated.resources(server, group, version)
    resources: list[Obj] = []
    for info in infos:
        custom = server.customs.knows(info.plural)
        entry: Obj = {
            "name": info.resource,
            "singularName": info.singular,
            "namespaced": info.namespaced,
            "kind": info.kind,
            "verbs": list(served.verbs(server, info)),
        }
        if info.short_names:
            entry["shortNames"] = list(info.short_names)
        if info.categories:
            entry["categories"] = list(info.categories)
        if info.plural not in CREATE_ONLY and info.plural != "componentstatuses":
            entry["storageVersionHash"] = _storage_hash(server, info)
        resources.append(entry)
        resources += [_subresource(info, sub, group, version) for sub in served.subresources(info, custom)]
    api_version = f"{group}/{version}" if group else version
    body: Obj = {"kind": "APIResourceList"}
    if group:
        body["apiVersion"] = "v1"
    return Response(200, {**body, "groupVersion": api_version, "resources": resources})


def _subresource(info: ResourceInfo, sub: served.Sub, group: str, version: str) -> Obj:
    entry: Obj = {"name": f"{info.resource}/{sub.name}", "singularName": "", "namespaced": info.namespaced}
    if sub.kind != info.kind and (sub.group, sub.version) != (group, version):
        entry |= {"group": sub.group, "version": sub.version}
    return entry | {"kind": sub.kind, "verbs": list(sub.verbs)}


def _aggregated(server: APIServer, request: Request, groups: list[str]) -> Response:
    items = []
    for group in groups:
        versions = aggregated.versions(server, group)
        for version in [] if versions else _versions(server, group):
            listed = [_discovered(server, info, group, version) for info in served.infos(server, group, version)]
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
    if request.header("If-None-Match") == headers["Etag"]:
        return Response(304, None, headers)
    return Response(200, body, headers)


def _discovered(server: APIServer, info: ResourceInfo, group: str, version: str) -> Obj:
    custom = server.customs.knows(info.plural)
    own = {"group": group, "version": version} if custom else {"group": "", "version": ""}
    entry: Obj = {
        "resource": info.resource,
        "responseKind": {**own, "kind": info.kind},
        "scope": "Namespaced" if info.namespaced else "Cluster",
        "singularResource": info.singular,
        "verbs": list(served.verbs(server, info)),
    }
    if info.short_names:
        entry["shortNames"] = list(info.short_names)
    if info.categories:
        entry["categories"] = list(info.categories)
    below = []
    for sub in served.subresources(info, custom):
        other = sub.kind != info.kind and sub.group
        kind = {"group": sub.group, "version": sub.version} if other else own
        below.append({"subresource": sub.name, "responseKind": {**kind, "kind": sub.kind}, "verbs": list(sub.verbs)})
    if below:
        entry["subresources"] = below
    return entry
