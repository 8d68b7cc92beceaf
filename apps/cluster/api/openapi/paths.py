"""What can be asked of a resource, as OpenAPI v3 tells it: its addresses, and the operations of each.

Models      apiserver pkg/endpoints/installer.go (the routes)
Leaves out  the deprecated /watch/ addresses
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.cluster.api.openapi.definitions import META
from apps.cluster.api.openapi.operations import BUILT_IN, GVK, PRETTY, Operations, Resource, Sub, camel
from apps.cluster.api.openapi.schemas import REF_V3

Obj = dict[str, Any]
STREAMS = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
STATUS = f"{META}Status"
# Query parameters: name and type.
LIST = (
    "allowWatchBookmarks b,continue t,fieldSelector t,labelSelector t,limit i,resourceVersion t,"
    "resourceVersionMatch t,sendInitialEvents b,shardSelector t,timeoutSeconds i,watch b"
)
DELETE = (
    "dryRun t,gracePeriodSeconds i,ignoreStoreReadErrorWithClusterBreakingPotential b,orphanDependents b,"
    "propagationPolicy t"
)
CHOSEN = ",".join(one for one in LIST.split(",") if one not in ("allowWatchBookmarks b", "watch b"))
WRITE = "dryRun t,fieldManager t,fieldValidation t"
CONNECT = {
    "attach": ("container t,stderr b,stdin b,stdout b,tty b", ("get", "post")),
    "exec": ("command t,container t,stderr b,stdin b,stdout b,tty b", ("get", "post")),
    "portforward": ("ports i", ("get", "post")),
    "proxy": ("path t", ("delete", "get", "head", "options", "patch", "post", "put")),
}
LOG = (
    "container t,follow b,insecureSkipTLSVerifyBackend b,limitBytes i,previous b,sinceSeconds i,stream t,"
    "tailLines i,timestamps b"
)
CREATES = ("binding", "eviction", "token")


class _Paths(Operations):
    """Every address of one resource."""

    def all(self) -> dict[str, Obj]:
        resource = self.resource
        kind = resource.kind
        name, verbs, base = resource.definition, resource.verbs, kind[2]
        watched = "watch" in verbs
        lists: Obj = {}
        if "list" in verbs:
            told = f"List {'or watch ' if watched else ''}{base} objects."
            media = self.media if resource.custom else (*self.media, *STREAMS)
            answers = self.answers(resource.listed or name + "List", 200, media=media)
            list_ = self.operation(f"list{self.prefix}{self.scoped}", "list", kind, told, answers, query=LIST)
            if resource.namespaced:
                id_ = f"list{self.prefix}{base}ForAllNamespaces"
                self.put(self.everywhere, {"get": self.operation(id_, "list", kind, told, answers, query=LIST)}, ())
            lists["get"] = list_
        if "create" in verbs:
            id_ = f"create{self.prefix}{self.scoped}"
            answers = self.answers(name, 200, 201, 202)
            lists["post"] = self.operation(
                id_, "post", kind, f"Create a {base}.", answers, query=WRITE, requestBody=self.body(name)
            )
        if "deletecollection" in verbs:
            id_ = f"delete{self.prefix}Collection{self.scoped}"
            told = f"Delete every {base} that the selectors choose."
            answers = self.answers(STATUS, 200)
            more = {} if resource.custom else {"requestBody": self.body(f"{META}DeleteOptions", required=False)}
            query = LIST if resource.custom else ",".join(sorted({*CHOSEN.split(","), *DELETE.split(",")}))
            lists["delete"] = self.operation(id_, "deletecollection", kind, told, answers, query=query, **more)
        if lists:
            self.put(self.collection, lists, self.in_path())
        ones = self._one(name)
        if ones:
            self.put(self.one, ones, self.in_path(base))
        for sub in resource.subs:
            self._sub(sub)
        return self.found

    def _one(self, name: str) -> Obj:
        kind, verbs = self.resource.kind, self.resource.verbs
        base, scoped = kind[2], self.prefix + self.scoped
        out: Obj = {}
        if "delete" in verbs:
            answers = self.answers(name if self.resource.shown else STATUS, 200, 202)
            body = self.body(f"{META}DeleteOptions", required=False)
            out["delete"] = self.operation(
                f"delete{scoped}", "delete", kind, f"Delete a {base}.", answers, query=DELETE, requestBody=body
            )
        if "get" in verbs:
            query = "resourceVersion t" if self.resource.custom else ""
            answers = self.answers(name, 200)
            out["get"] = self.operation(f"read{scoped}", "get", kind, f"Read a {base}.", answers, query=query)
        if "patch" in verbs:
            out["patch"] = self.patch(name, f"patch{scoped}", kind, f"Change parts of a {base}.")
        if "update" in verbs:
            answers = self.answers(name, 200, 201)
            out["put"] = self.operation(
                f"replace{scoped}", "put", kind, f"Replace a {base}.", answers, query=WRITE, requestBody=self.body(name)
            )
        return out

    def _sub(self, sub: Sub) -> None:
        kind, verbs = sub.kind, sub.verbs
        base = self.resource.kind[2]
        scoped = self.prefix + self.scoped + sub.name[:1].upper() + sub.name[1:]
        path = f"{self.one}/{sub.name}"
        if sub.name in CONNECT:
            self._connect(sub, path)
            return
        name = self.resource.definition if kind == self.resource.kind else self.names[kind]
        about = f"{sub.name} of a {base}"
        names = self.in_path(base if kind == self.resource.kind else kind[2])
        if sub.name == "log":
            text: Obj = {
                "200": {
                    "content": {one: {"schema": {"type": "string"}} for one in sorted((*self.media, "text/plain"))},
                    "description": "OK",
                }
            }
            read = self.operation(f"read{scoped}", "get", kind, f"Read the {about}.", text)
            self.put(path, {"get": read}, names, f"{LOG},{PRETTY}")
            return
        out: Obj = {}
        if sub.name in CREATES:
            answers = self.answers(name, 200, 201, 202)
            out["post"] = self.operation(
                f"create{scoped}",
                "post",
                kind,
                f"Create the {about}.",
                answers,
                query=WRITE,
                requestBody=self.body(name),
            )
        if "get" in verbs:
            out["get"] = self.operation(f"read{scoped}", "get", kind, f"Read the {about}.", self.answers(name, 200))
        if "patch" in verbs:
            out["patch"] = self.patch(name, f"patch{scoped}", kind, f"Change the {about}.")
        if "update" in verbs:
            answers = self.answers(name, 200, 201)
            out["put"] = self.operation(
                f"replace{scoped}",
                "put",
                kind,
                f"Replace the {about}.",
                answers,
                query=WRITE,
                requestBody=self.body(name),
            )
        self.put(path, out, names)

    def _connect(self, sub: Sub, path: str) -> None:
        query, methods = CONNECT[sub.name]
        base = self.resource.kind[2]
        title = sub.name[:1].upper() + sub.name[1:]
        for tail in ("", "WithPath") if sub.name == "proxy" else ("",):
            operations = {}
            for method in methods:
                id_ = f"connect{self.prefix}{method.capitalize()}{self.scoped}{title}{tail}"
                told = f"Connect to the {sub.name} of a {base}."
                answers = {"200": {"content": {"*/*": {"schema": {"type": "string"}}}, "description": "OK"}}
                operations[method] = self.operation(id_, "connect", sub.kind, told, answers)
            names = self.in_path(sub.kind[2])
            if tail:
                names = (*names, ("path", "The path to ask for."))
            self.put(path + ("/{path}" if tail else ""), operations, names, query)


def paths(resource: Resource, names: dict[GVK, str]) -> dict[str, Obj]:
    """The addresses of a resource. `names` gives the definitions of kinds that its subresources speak."""
    return _Paths(resource, names).all()


def discovery(group: str, version: str, media: Iterable[str] = BUILT_IN) -> dict[str, Obj]:
    """The address that lists the resources of a version, or without one the versions of a group."""
    lower, upper = camel(group)
    root = "/apis" if group else "/api"
    if version:
        path = f"{root}/{group}/{version}/" if group else f"{root}/{version}/"
        id_, tag = f"get{upper}{version[:1].upper() + version[1:]}APIResources", f"{lower}_{version}"
        told, kind = "List the resources of this version.", "APIResourceList"
    else:
        path = f"{root}/{group}/" if group else f"{root}/"
        id_, tag = f"get{upper}API{'Group' if group else 'Versions'}", lower
        told = "Tell about this group." if group else "Tell the versions there are."
        kind = "APIGroup" if group else "APIVersions"
    content = {one: {"schema": {"$ref": f"{REF_V3}{META}{kind}"}} for one in sorted(media)}
    answers = {"200": {"content": content, "description": "OK"}, "401": {"description": "Unauthorized"}}
    return {path: {"get": {"description": told, "operationId": id_, "responses": answers, "tags": [tag]}}}
