"""Whole documents: the index of OpenAPI v3, one document a version, and the one document of v2.

Models      k8s.io/kube-openapi pkg/handler3 and pkg/handler, apiserver pkg/server/routes/openapi.go
Leaves out  /logs
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from apps.cluster.api.openapi import custom, swagger
from apps.cluster.api.openapi.definitions import META, PACKAGES, name_of
from apps.cluster.api.openapi.operations import GVK, Resource
from apps.cluster.api.openapi.paths import discovery, paths
from apps.cluster.api.openapi.schemas import REF_V3, closure, schema

Obj = dict[str, Any]
TITLE = {"title": "Kubernetes", "version": "v1.36.2"}
SECURITY = {
    "BearerToken": {
        "description": "A bearer token.",
        "in": "header",
        "name": "authorization",
        "type": "apiKey",
    }
}
# Kinds that subresources of another group speak.
SPOKEN: dict[GVK, str] = {
    ("autoscaling", "v1", "Scale"): name_of("autoscaling/v1", "Scale"),
    ("policy", "v1", "Eviction"): name_of("policy/v1", "Eviction"),
    ("authentication.k8s.io", "v1", "TokenRequest"): name_of("authentication.k8s.io/v1", "TokenRequest"),
    ("", "v1", "Binding"): name_of("v1", "Binding"),
}
OPENID = {
    ".well-known/openid-configuration": ("getServiceAccountIssuerOpenIDConfiguration", "application/json", "WellKnown"),
    "openid/v1/jwks": ("getServiceAccountIssuerOpenIDKeyset", "application/jwk-set+json", "openid"),
}


class API(NamedTuple):
    """What a server serves: its resources, and the definitions of the custom kinds among them."""

    resources: Sequence[Resource]
    customs: Sequence[Obj] = ()

    def versions(self) -> list[tuple[str, str]]:
        return sorted({(one.kind[0], one.kind[1]) for one in self.resources})

    def of(self, group: str, version: str) -> list[Resource]:
        return [one for one in self.resources if one.kind[:2] == (group, version)]


def keys(api: API) -> list[str]:
    """The documents of v3 there are: "api/v1", "apis/apps/v1", "apis/apps", "version" …"""
    found = {*OPENID, "api", "apis", "version"}
    for group, version in api.versions():
        if group == "":
            found.add(f"api/{version}")
            continue
        found.add(f"apis/{group}/{version}")
        if f"{group}/{version}" in PACKAGES:
            found.add(f"apis/{group}")
    return sorted(found)


def v3(api: API, key: str) -> Obj | None:
    """One document of v3; None when there is none of that name."""
    parts = key.split("/")
    names: set[str] = set()
    if key in OPENID:
        return _document(_openid(key), names)
    if key == "version":
        return _document(_version(), {"io.k8s.apimachinery.pkg.version.Info"})
    if key in ("api", "apis"):
        return _document(*_groups(key))
    if parts[0] == "apis" and len(parts) == 2 and key in keys(api):
        return _document(discovery(parts[1], ""), {f"{META}APIGroup"})
    group, version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else ("", "")
    if parts[0] == "apis" and len(parts) == 3:
        group, version = parts[1], parts[2]
    resources = api.of(group, version) if version else []
    if not resources:
        return None
    if resources[0].custom:
        return _custom(api, resources)
    found, names = _asked(resources, group, version)
    own = [{"group": "", "version": "v1"}] + ([{"group": group, "version": version}] if group else [])
    return _document(found, names, own)


def _asked(resources: Iterable[Resource], group: str, version: str) -> tuple[Obj, set[str]]:
    """The addresses of a built-in version, and the definitions that they speak of or that lists are of."""
    found = dict(discovery(group, version))
    names = {f"{META}APIResourceList"}
    for resource in resources:
        if "delete" in resource.verbs:
            names |= {f"{META}{kind}" for kind in ("DeleteOptions", "Patch", "Status", "WatchEvent")}
        found |= paths(resource, SPOKEN)
        names.add(resource.definition)
        if "list" in resource.verbs:
            names.add(f"{resource.definition}List")
        names.update(SPOKEN[sub.kind] for sub in resource.subs if sub.kind in SPOKEN)
    return found, names


def _document(found: Obj, names: Iterable[str], own: list[Obj] | None = None, more: Obj | None = None) -> Obj:
    schemas = {name: schema(name, groups=own) for name in closure(names)}
    schemas = dict(sorted({**schemas, **(more or {})}.items()))
    return {
        "openapi": "3.0.0",
        "info": TITLE,
        "paths": dict(sorted(found.items())),
        "components": {**({"schemas": schemas} if schemas else {}), "securitySchemes": SECURITY},
    }


def _custom(api: API, resources: list[Resource]) -> Obj:
    """The document of a version that custom kinds make."""
    group, version, _ = resources[0].kind
    found: Obj = {}
    names = {f"{META}ObjectMeta", f"{META}ListMeta", f"{META}DeleteOptions", f"{META}Status", f"{META}Patch"}
    more: Obj = {}
    for resource in resources:
        found |= paths(resource, SPOKEN)
        names.update(SPOKEN[sub.kind] for sub in resource.subs if sub.kind in SPOKEN)
    for crd, served in _versions(api.customs):
        if (crd["spec"]["group"], served["name"]) == (group, version):
            more |= custom.schemas(crd, served)
    return _document(found, names, [{"group": "", "version": "v1"}, {"group": group, "version": version}], more)


def _versions(customs: Iterable[Obj]) -> list[tuple[Obj, Obj]]:
    return [(crd, one) for crd in customs for one in crd["spec"].get("versions") or () if one.get("served")]


def _openid(key: str) -> Obj:
    id_, media, tag = OPENID[key]
    content = {media: {"schema": {"type": "string"}}}
    answers = {"200": {"content": content, "description": "OK"}, "401": {"description": "Unauthorized"}}
    told = "What a verifier of ServiceAccount tokens needs."
    return {f"/{key}/": {"get": {"description": told, "operationId": id_, "responses": answers, "tags": [tag]}}}


def _version() -> Obj:
    content = {"application/json": {"schema": {"$ref": f"{REF_V3}io.k8s.apimachinery.pkg.version.Info"}}}
    answers = {"200": {"content": content, "description": "OK"}, "401": {"description": "Unauthorized"}}
    told = "Tell the version of the server."
    id_ = "getCodeVersion"
    return {"/version/": {"get": {"description": told, "operationId": id_, "responses": answers, "tags": ["version"]}}}


def _groups(key: str) -> tuple[Obj, set[str]]:
    """The addresses that list the versions of the core, and the groups."""
    kind = "APIVersions" if key == "api" else "APIGroupList"
    media = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
    content = {one: {"schema": {"$ref": f"{REF_V3}{META}{kind}"}} for one in media}
    answers = {"200": {"content": content, "description": "OK"}, "401": {"description": "Unauthorized"}}
    told = "Tell the versions there are." if key == "api" else "List the groups there are."
    id_, tag = ("getCoreAPIVersions", "core") if key == "api" else ("getAPIVersions", "apis")
    operation = {"description": told, "operationId": id_, "responses": answers, "tags": [tag]}
    return {f"/{key}/": {"get": operation}}, {f"{META}{kind}"}


def v2(api: API) -> Obj:
    """The one document of v2."""
    found: Obj = {}
    names: set[str] = {"io.k8s.apimachinery.pkg.version.Info"}
    more: Obj = {}
    for group, version in api.versions():
        resources = api.of(group, version)
        if resources[0].custom:
            for resource in resources:
                found |= paths(resource, SPOKEN)
            continue
        asked, spoken = _asked(resources, group, version)
        found |= asked
        names |= spoken
        if group:
            found |= discovery(group, "")
            names.add(f"{META}APIGroup")
    for key in ("api", "apis"):
        asked, spoken = _groups(key)
        found |= asked
        names |= spoken
    found |= _version()
    for key in OPENID:
        found |= _openid(key)
    for crd, served in _versions(api.customs):
        more |= custom.schemas(crd, served, v2=True)
    own = [{"group": group, "version": version} for group, version in api.versions()]
    definitions = {name: schema(name, True, own) for name in closure(names)}
    return {
        "swagger": "2.0",
        "info": TITLE,
        "paths": {path: swagger.path_item(item) for path, item in sorted(found.items())},
        "definitions": dict(sorted({**definitions, **more}.items())),
        "securityDefinitions": SECURITY,
        "security": [{"BearerToken": []}],
    }


def encoded(document: Obj) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def digest(body: bytes) -> str:
    """The hash that an index gives of a document, and its ETag."""
    return hashlib.sha512(body).hexdigest().upper()


def index(api: API, digests: dict[str, str]) -> Obj:
    """The index of v3: where each document is."""
    return {
        "paths": {key: {"serverRelativeURL": f"/openapi/v3/{key}?hash={digests[key]}"} for key in keys(api)},
    }
