"""How the parts of an object are merged: field by field, key by key, item by item, or as one.

Models      sigs.k8s.io/structured-merge-diff schema, client-go applyconfigurations/internal (types.json)
Leaves out  types of another version than the one that is stored
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from apps.cluster.api import schema

Obj = dict[str, Any]
ABSENT: Any = object()


class Node:
    """How one value is merged. A leaf has no node: None stands for it.

    kind: struct (fields by name), map (keys), keyed (a list of maps), set (a list of scalars), any (JSON of no schema).
    """

    __slots__ = ("elem", "fields", "keys", "kind", "open", "zeros")

    def __init__(
        self, kind: str, *, elem: Node | None = None, keys: tuple[tuple[str, Any], ...] = (), open: bool = False
    ) -> None:
        self.kind = kind
        self.elem = elem
        self.keys = keys  # of a keyed list: name and default, None for no default
        self.open = open  # a struct that takes fields it does not know, as any JSON
        self.fields: dict[str, Node | None] = {}
        self.zeros: dict[str, Any] = {}  # what Go has in a field that was never set, where it is not absent

    def below(self, name: str) -> Node | None:
        """The node of a field or key."""
        if self.kind == "struct":
            found = self.fields.get(name, ABSENT)
            if found is not ABSENT:
                return found  # type: ignore[no-any-return]
            return ANY if self.open else None
        if self.kind == "map":
            return self.elem
        return ANY

    def declares(self, name: str) -> bool:
        """A field of a struct, as against a key of a map."""
        return self.kind == "struct" and name in self.fields


ANY = Node("any")
TABLES = {"autoscaling.v1": "autoscalingv1"}  # type prefix -> schema table, where it is not its first word


@cache
def _lines() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("types.json").read_text())
    return loaded


@cache
def named(name: str) -> Node:
    """The node of `core.v1.PodSpec`."""
    node = Node("struct")
    prefix, _, struct_name = name.rpartition(".")
    table = TABLES.get(prefix, prefix.partition(".")[0])
    known = schema.table(table)["structs"]
    lines = _lines()[name]
    if struct_name in known:
        found = schema.struct(table, struct_name)
        for field in found.by_json.values():
            node.fields[field.json] = None
            kind = field.type.kind
            if field.omitzero:
                continue
            if kind == "struct":
                node.zeros[field.json] = {}
            elif kind in ("Time", "MicroTime"):
                node.zeros[field.json] = None
            elif not field.omitempty:
                node.zeros[field.json] = _ZEROS.get(kind)
    for field_name, reference in lines.items():
        node.fields[field_name] = _parse(reference)
    return node


_ZEROS: dict[str, Any] = {"string": "", "bool": False, "int": 0, "float": 0, "IntOrString": 0, "Quantity": "0"}


@cache
def _parse(reference: str) -> Node | None:
    if not reference:
        return None
    if reference == "?":
        return ANY
    if reference.startswith("{}"):
        return Node("map", elem=_parse(reference[2:]))
    if reference.startswith("["):
        keys, _, rest = reference[1:].partition("]")
        if not keys:
            return Node("set")
        pairs = (key.partition("=") for key in keys.split(","))
        return Node("keyed", elem=_parse(rest), keys=tuple((name, text or None) for name, _, text in pairs))
    return named(reference)


@cache
def of_kind(api_version: str, kind: str) -> Node:
    """The node of a kind; for one without a schema its metadata is known and the rest is any JSON."""
    group, _, version = api_version.rpartition("/")
    name = f"{group.partition('.')[0] or 'core'}.{version}.{kind}"
    if api_version in schema.API_VERSIONS and name in _lines():
        return named(name)
    if kind == "APIService":
        return _api_service()
    return _definition() if kind == "CustomResourceDefinition" else untyped()


@cache
def untyped() -> Node:
    node = Node("struct", open=True)
    node.fields = {"apiVersion": None, "kind": None, "metadata": named("meta.v1.ObjectMeta")}
    return node


@cache
def _api_service() -> Node:
    """An APIService, of which client-go knows nothing either."""

    def struct(name: str) -> Node:
        node, found = Node("struct"), schema.struct("apiregistration", name)
        node.fields = dict.fromkeys(found.by_json)
        node.zeros = {field.json: _ZEROS.get(field.type.kind) for field in found.present}
        return node

    spec, status, node = struct("APIServiceSpec"), struct("APIServiceStatus"), Node("struct")
    spec.fields["service"] = struct("ServiceReference")
    status.fields["conditions"] = Node("keyed", elem=struct("APIServiceCondition"), keys=(("type", None),))
    node.fields = {**untyped().fields, "spec": spec, "status": status}
    node.zeros = {"metadata": {}, "spec": {}, "status": {}}
    return node


@cache
def _definition() -> Node:
    """A CustomResourceDefinition, of which client-go knows nothing."""
    conditions = Node("keyed", elem=Node("struct"), keys=(("type", None),))
    leaves = ("type", "status", "lastTransitionTime", "reason", "message", "observedGeneration")
    assert conditions.elem is not None
    conditions.elem.fields = dict.fromkeys(leaves)
    names = Node("struct")
    names.fields = dict.fromkeys(("plural", "singular", "shortNames", "kind", "listKind", "categories"))
    names.zeros = {"plural": "", "kind": ""}
    conversion = Node("struct")
    conversion.fields = {"strategy": None, "webhook": ANY}
    spec = Node("struct")
    spec.fields = {"group": None, "names": names, "scope": None, "versions": None, "conversion": conversion}
    spec.fields["preserveUnknownFields"] = None
    spec.zeros = {"group": "", "names": {}, "scope": "", "versions": None}
    status = Node("struct")
    status.fields = {"conditions": conditions, "acceptedNames": names, "storedVersions": None}
    status.zeros = {"conditions": None, "acceptedNames": {}, "storedVersions": None}
    node = Node("struct")
    node.fields = {**untyped().fields, "spec": spec, "status": status}
    node.zeros = {"metadata": {}, "spec": {}, "status": {}}
    return node


def structural(properties: Obj) -> Node:
    """The node of a custom kind, by its openAPIV3Schema."""
    node = _structural(properties)
    assert node is not None
    node.fields = {**node.fields, "apiVersion": None, "kind": None, "metadata": named("meta.v1.ObjectMeta")}
    return node


def _structural(found: Obj) -> Node | None:
    if found.get("x-kubernetes-int-or-string"):
        return None
    type_ = found.get("type", "")
    if type_ == "array":
        how = found.get("x-kubernetes-list-type", "atomic")
        items = found.get("items") or {}
        if how == "set":
            return Node("set")
        if how == "map":
            properties = items.get("properties") or {}
            keys = tuple(
                (key, (properties.get(key) or {}).get("default")) for key in found.get("x-kubernetes-list-map-keys", ())
            )
            return Node("keyed", elem=_structural(items), keys=keys)
        return None
    if type_ == "object" or "properties" in found:
        if found.get("x-kubernetes-map-type") == "atomic":
            return None
        open_ = bool(found.get("x-kubernetes-preserve-unknown-fields"))
        if "properties" in found or found.get("x-kubernetes-embedded-resource"):
            node = Node("struct", open=open_)
            node.fields = {name: _structural(below) for name, below in (found.get("properties") or {}).items()}
            return node
        extra = found.get("additionalProperties")
        if isinstance(extra, dict):
            return Node("map", elem=_structural(extra))
        return ANY if open_ else Node("map")
    return ANY if found.get("x-kubernetes-preserve-unknown-fields") else None
