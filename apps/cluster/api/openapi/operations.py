"""The operations of a resource's addresses, as OpenAPI v3 tells them: what they take and answer.

Models      kube-openapi pkg/builder3 (operations, parameters told once)
Leaves out  CBOR
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
PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
KINDS = {"t": "string", "b": "boolean", "i": "integer"}
PRETTY = "pretty t"
PATCH = "dryRun t,fieldManager t,fieldValidation t,force b"


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
    listed: str = ""  # the definition of its lists, where it is not the kind's with List


def camel(group: str) -> tuple[str, str]:
    """How a group is written in a tag and in an operation's name.

    >>> camel("rbac.authorization.k8s.io"), camel("")
    (('rbacAuthorization', 'RbacAuthorization'), ('core', 'Core'))
    """
    words = group.removesuffix(".k8s.io").replace("-", "").split(".") if group else ["core"]
    upper = "".join(word[:1].upper() + word[1:] for word in words)
    return upper[:1].lower() + upper[1:], upper


class Operations:
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

    def operation(
        self, id_: str, action: str, kind: GVK, told: str, answers: Obj, *, query: str = "", **more: Any
    ) -> Obj:
        group, version, name = kind
        out: Obj = {"description": told, "operationId": id_, **more}
        if query:
            out["parameters"] = query_of(query)
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
        shared = [_in_path(name, told) for name, told in names] + query_of(query)
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


def query_of(words: str) -> list[Obj]:
    out = []
    for word in words.split(","):
        name, letter = word.split(" ")
        out.append({"in": "query", "name": name, "schema": {"type": KINDS[letter], "uniqueItems": True}})
    return out


def _in_path(name: str, told: str) -> Obj:
    schema = {"type": "string", "uniqueItems": True}
    return {"description": told, "in": "path", "name": name, "required": True, "schema": schema}
