"""What can be asked of a resource, as OpenAPI v3 tells it: its addresses, and the operations of each.

Models      apiserver pkg/endpoints/installer.go (the routes), kube-openapi pkg/builder3 (their operations)
Leaves out  the deprecated /watch/ addresses; CBOR
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from apps.cluster.api.openapi.definitions import META
from apps.cluster.api.openapi.schemas import REF_V3

Obj = dict[str, Any]
GVK = tuple[str, str, str]
BUILT_IN = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
CUSTOM = ("application/json", "application/yaml")
STREAMS = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
STATUS = f"{META}Status"
KINDS = {"t": "string", "b": "boolean", "i": "integer"}
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
PATCH = f"{WRITE},force b"
PRETTY = "pretty t"
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


class Sub(NamedTuple):
    """A subresource: `kind` is what it speaks."""

    name: str
    kind: GVK
    verbs: tuple[str, ...]


class Resource(NamedTuple):
    """A resource in one version, and the name of its kind's definition. `shown`: a deletion answers with the object."""

    kind: GVK
    definition: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]
    subs: tuple[Sub, ...] = ()
    shown: bool = False
    custom: bool = False


def camel(group: str) -> tuple[str, str]:
    """How a group is written in a tag and in an operation's name.

    >>> camel("rbac.authorization.k8s.io"), camel("")
    (('rbacAuthorization', 'RbacAuthorization'), ('core', 'Core'))
    """
    words = group.removesuffix(".k8s.io").replace("-", "").split(".") if group else ["core"]
    upper = "".join(word[:1].upper() + word[1:] for word in words)
    return upper[:1].lower() + upper[1:], upper


class _Paths:
    """The addresses of one resource under way."""

    def __init__(self, resource: Resource, names: dict[GVK, str]) -> None:
        self.resource = resource
        self.names = names
        group, version, kind = resource.kind
        lower, upper = camel(group)
        self.tag = f"{lower}_{version}"
        self.prefix = upper + version[:1].upper() + version[1:]
        self.scoped = ("Namespaced" if resource.namespaced else "") + kind
        self.media = CUSTOM if resource.custom else BUILT_IN
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        self.everywhere = f"{root}/{resource.plural}"
        self.collection = (
            f"{root}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else self.everywhere
        )
        self.one = f"{self.collection}/{{name}}"
        self.found: dict[str, Obj] = {}

    # ---- pieces ------------------------------------------------------------------------------------

    def operation(
        self, id_: str, action: str, kind: GVK, told: str, answers: Obj, *, query: str = "", **more: Any
    ) -> Obj:
        group, version, name = kind
        out: Obj = {"description": told, "operationId": id_, **more}
        if query:
            out["parameters"] = _query(query)
        out["responses"] = {**answers, "401": {"description": "Unauthorized"}}
        out["tags"] = [self.tag]
        out["x-kubernetes-action"] = action
        out["x-kubernetes-group-version-kind"] = {"group": group, "kind": name, "version": version}
        return out

    def content(self, definition: str, media: Iterable[str] = ()) -> Obj:
        ref = {"$ref": REF_V3 + definition}
        return {one: {"schema": ref} for one in sorted(media or self.media)}

    def answers(self, definition: str, *codes: int, media: Iterable[str] = ()) -> Obj:
        words = {200: "OK", 201: "Created", 202: "Accepted"}
        return {str(code): {"content": self.content(definition, media), "description": words[code]} for code in codes}

    def body(self, definition: str, *, required: bool = True) -> Obj:
        out: Obj = {"content": self.content(definition, CUSTOM if self.resource.custom else ("*/*",))}
        return {**out, "required": True} if required else out

    def patch(self, definition: str, id_: str, kind: GVK, told: str) -> Obj:
        types = tuple(one for one in PATCHES if not (self.resource.custom and "strategic" in one))
        body = {"content": self.content(f"{META}Patch", types), "required": True}
        answers = self.answers(definition, 200) if self.resource.custom else self.answers(definition, 200, 201)
        return self.operation(id_, "patch", kind, told, answers, query=PATCH, requestBody=body)

    def put(self, path: str, operations: Obj, names: tuple[tuple[str, str], ...], query: str = PRETTY) -> None:
        """An address. What all its operations take is told once, beside them."""
        shared = [_in_path(name, told) for name, told in names] + _query(query)
        taken = [
            {one["name"]: one for one in operation.get("parameters", ())} for _, operation in sorted(operations.items())
        ]
        common = [one for name, one in taken[0].items() if all(name in there for there in taken[1:])] if taken else []
        for operation in operations.values():
            own = [one for one in operation.get("parameters", ()) if one not in common]
            if own:
                operation["parameters"] = own
            else:
                operation.pop("parameters", None)
        shared = sorted([*shared, *common], key=lambda one: (one["name"], one["in"]))
        out = dict(sorted({**operations, **({"parameters": shared} if shared else {})}.items()))
        self.found[path] = out

    def in_path(self, kind: str = "") -> tuple[tuple[str, str], ...]:
        named = (("name", f"The name of the {kind}."),) if kind else ()
        return (*named, ("namespace", "The namespace to look in.")) if self.resource.namespaced else named

    # ---- addresses ---------------------------------------------------------------------------------

    def all(self) -> dict[str, Obj]:
        resource = self.resource
        kind = resource.kind
        name, verbs, base = resource.definition, resource.verbs, kind[2]
        watched = "watch" in verbs
        lists: Obj = {}
        if "list" in verbs:
            told = f"List {'or watch ' if watched else ''}{base} objects."
            media = self.media if resource.custom else (*self.media, *STREAMS)
            answers = self.answers(name + "List", 200, media=media)
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


def _query(words: str) -> list[Obj]:
    out = []
    for word in words.split(","):
        name, letter = word.split(" ")
        out.append({"in": "query", "name": name, "schema": {"type": KINDS[letter], "uniqueItems": True}})
    return out


def _in_path(name: str, told: str) -> Obj:
    schema = {"type": "string", "uniqueItems": True}
    return {"description": told, "in": "path", "name": name, "required": True, "schema": schema}


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
