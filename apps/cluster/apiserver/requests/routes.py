"""Addresses: which resource, of which group and version, in which namespace, by which name.

Models      endpoints/request/requestinfo.go, the routes of endpoints/installer.go
Leaves out  proxies
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import generic
from apps.cluster.apiserver.requests import forms
from apps.cluster.apiserver.requests.messages import Attributes, Request

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

COLLECTION = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}
WATCH = "watch"  # as the first part of an address, it is the deprecated way to ask for a watch
OBJECT = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
# Kinds that only answer: nothing of them is ever stored.
CREATE_ONLY = frozenset(
    {
        "bindings",
        "tokenreviews",
        "selfsubjectreviews",
        "localsubjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "subjectaccessreviews",
    }
)
# Subresources, and the verbs that each has.
SUBRESOURCES: dict[str, tuple[str, ...]] = {
    "status": ("get", "update", "patch"),
    "scale": ("get", "update", "patch"),
    "ephemeralcontainers": ("get", "update", "patch"),
    "resize": ("get", "update", "patch"),
    "approval": ("get", "update", "patch"),
    "finalize": ("update",),
    "binding": ("create",),
    "eviction": ("create",),
    "token": ("create",),
    "log": ("get",),
}


class Route(NamedTuple):
    attributes: Attributes
    info: ResourceInfo


def parse(request: Request) -> Attributes:
    """What the request is about, known or not."""
    path = request.path
    parts = [part for part in path.split("/") if part]
    method = request.method.upper()
    plain = Attributes(method.lower(), path)
    if len(parts) < 3 or parts[0] not in ("api", "apis"):
        return plain
    if parts[0] == "apis":
        if len(parts) < 4:
            return plain
        group, version, *rest = parts[1:]
    else:
        group, version, *rest = "", *parts[1:]
    watched = rest[0] == WATCH and len(rest) > 1
    rest = rest[watched:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    resource, name, subresource = rest[0], "", ""
    if len(rest) > 1:
        name = rest[1]
        subresource = "/".join(rest[2:])
    verb = (OBJECT if name and not subresource else {**COLLECTION, **OBJECT}).get(method, method.lower())
    if subresource:
        verb = {**OBJECT, "POST": "create"}.get(method, method.lower())
    elif not name:
        verb = COLLECTION.get(method, {"PUT": "update", "PATCH": "patch"}.get(method, method.lower()))
    watch = request.params().get("watch")
    if verb == "list" and watch is not None and watch[0].lower() not in ("0", "false"):
        verb = "watch"
    if watched and method == "GET":
        verb = WATCH
    return Attributes(verb, path, group, version, resource, subresource, namespace, name, True)


def asked_name(request: Request, attributes: Attributes) -> str:
    """The name that the authorizers are told: of a list or watch, the one that its fieldSelector asks for."""
    if attributes.name or attributes.verb not in ("list", WATCH):
        return attributes.name
    for term in (request.params().get("fieldSelector") or [""])[0].split(","):
        field, equals, name = term.partition("=")
        name = name.removeprefix("=")
        if equals and field == "metadata.name" and name not in (".", "..") and not set(name) & set("/%"):
            return name
    return ""


def find(server: APIServer, attributes: Attributes) -> ResourceInfo | None:
    """The resource behind an address; None when its group and version are served and it is not.

    Raises:
        LookupError: nothing of that group and version is served.
    """
    group, version, resource = attributes.group, attributes.version, attributes.resource
    form = forms.of(group, version, resource)
    if form:
        return server.infos[forms.FORMS[form].resource]
    info = server.infos.get(resource if group == "" else f"{resource}.{group}") or server.infos.get(resource)
    if info is not None and server.customs.knows(info.plural):
        info = server.customs.served(group, version, resource)
        if info is None:
            raise LookupError(resource)
        return info
    if info is not None and (info.group, info.version) == (group, version) and info.resource == resource:
        return info
    if (group, version) not in server.versions():
        raise LookupError(f"{group}/{version}")
    return None


def check(server: APIServer, attributes: Attributes, method: str) -> ResourceInfo:
    """Raises: StatusError 404, 405; LookupError, the address leads nowhere at all."""
    info = find(server, attributes)
    if info is None:
        raise generic(404)
    verb, subresource = attributes.verb, attributes.subresource
    if subresource:
        if subresource not in info.subresources or subresource not in SUBRESOURCES:
            raise generic(404)
        if verb not in SUBRESOURCES[subresource]:
            raise generic(405)
        return info
    if info.plural in CREATE_ONLY:
        if verb != "create":
            raise generic(405)
        return info
    if attributes.name and attributes.namespace == "" and info.namespaced:
        raise generic(404)
    if not info.namespaced and attributes.namespace and info.plural != "namespaces":
        raise generic(404)
    allowed = OBJECT if attributes.name else COLLECTION
    if method not in allowed:
        raise generic(405)
    if verb == "create" and info.namespaced and not attributes.namespace:
        raise generic(405)
    if verb == "deletecollection" and info.plural in ("namespaces", "services") and info.plural == "namespaces":
        raise generic(405)
    return info
