"""What fields the built-in kinds have: Go order, JSON names, types, patch strategies.

The tables are the JSON files beside this module, one an API group, written by `generate.py` from the types of
Kubernetes 1.36 and read when a kind of that group is first asked for. Four things walk them: strict decoding,
strategic merge patch, server side defaulting of zero values and the pod-template-hash, which prints the Go structs
field by field.
"""

from __future__ import annotations

import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

# apiVersion -> table. A version that is not here has no built-in kinds in 1.36.
API_VERSIONS = {
    "v1": "core",
    "apps/v1": "apps",
    "batch/v1": "batch",
    "autoscaling/v1": "autoscalingv1",
    "autoscaling/v2": "autoscaling",
    "admissionregistration.k8s.io/v1": "admissionregistration",
    "certificates.k8s.io/v1": "certificates",
    "coordination.k8s.io/v1": "coordination",
    "discovery.k8s.io/v1": "discovery",
    "events.k8s.io/v1": "events",
    "flowcontrol.apiserver.k8s.io/v1": "flowcontrol",
    "networking.k8s.io/v1": "networking",
    "node.k8s.io/v1": "node",
    "policy/v1": "policy",
    "rbac.authorization.k8s.io/v1": "rbac",
    "resource.k8s.io/v1": "resource",
    "scheduling.k8s.io/v1": "scheduling",
    "storage.k8s.io/v1": "storage",
    "authentication.k8s.io/v1": "authentication",
    "authorization.k8s.io/v1": "authorization",
    "apiregistration.k8s.io/v1": "apiregistration",
}
GO_PACKAGE = {"autoscaling": "v2"}  # every other package calls itself v1
INTEGERS = {"int32": 31, "int64": 63, "int": 63, "uint32": 32, "uint64": 64}
LEAVES = {"Quantity", "IntOrString", "RawExtension", "Time", "MicroTime", "Duration", "FieldsV1"}
LEAF_GO = {
    "Quantity": "resource.Quantity",
    "IntOrString": "intstr.IntOrString",
    "RawExtension": "runtime.RawExtension",
    "Time": "v1.Time",
    "MicroTime": "v1.MicroTime",
    "Duration": "v1.Duration",
    "FieldsV1": "v1.FieldsV1",
}


class Type:
    """One Go type. `kind` says how to walk it; `go` is how Go prints its name.

    kind: struct ptr slice map string bool int float bytes, or a leaf of LEAVES.
    """

    __slots__ = ("bits", "elem", "go", "kind", "named", "struct_ref")

    def __init__(self, kind: str, go: str, elem: Type | None = None, named: str = "", bits: int = 0) -> None:
        self.kind = kind
        self.go = go
        self.elem = elem
        self.named = named
        self.bits = bits
        self.struct_ref: tuple[str, str] | None = None

    @property
    def struct(self) -> Struct:
        assert self.struct_ref is not None
        return struct(*self.struct_ref)


class Field:
    """One field of a struct."""

    __slots__ = ("embedded", "go", "json", "merge_key", "omitempty", "omitzero", "strategies", "type")

    def __init__(self, table: str, line: str) -> None:
        parts = line.split(" ")
        self.go = parts[0]
        self.embedded = parts[1] == ","
        self.json = "" if self.embedded else parts[1]
        self.type = parse_type(table, parts[2])
        self.omitempty = "o" in parts[3]
        self.omitzero = "z" in parts[3]
        self.strategies: tuple[str, ...] = ()
        self.merge_key = ""
        if len(parts) > 4:
            self.strategies = () if parts[4] == "-" else tuple(parts[4].split(","))
            self.merge_key = "" if parts[5] == "-" else parts[5]


class Struct:
    """One Go struct: `fields` in Go order, `by_json` with what is embedded flattened as encoding/json does."""

    def __init__(self, table: str, name: str, lines: list[str]) -> None:
        self.table = table
        self.name = name
        self.go = f"{GO_PACKAGE.get(table, 'v1')}.{name}"
        self._lines = lines

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return tuple(Field(self.table, line) for line in self._lines)

    @cached_property
    def by_json(self) -> dict[str, Field]:
        found: dict[str, Field] = {}
        for field in self.fields:
            if field.embedded:
                inner = field.type.elem if field.type.kind == "ptr" else field.type
                assert inner is not None
                found.update(inner.struct.by_json)
            else:
                found[field.json] = field
        return found

    def patch_field(self, name: str) -> tuple[Struct | None, tuple[str, ...], str]:
        """What a strategic merge asks of a field (`apimachinery.patch.PatchSchema`)."""
        field = self.by_json.get(name)
        if field is None:
            return None, (), ""
        inner: Type | None = field.type
        while inner is not None and inner.kind in ("ptr", "slice"):
            inner = inner.elem
        below = inner.struct if inner is not None and inner.kind == "struct" else None
        return below, field.strategies, field.merge_key

    @cached_property
    def present(self) -> tuple[Field, ...]:
        """Fields that are written even when zero (no omitempty, no omitzero)."""
        return tuple(field for field in self.by_json.values() if not field.omitempty and not field.omitzero)


@cache
def table(name: str) -> dict[str, Any]:
    """One JSON file: `{"structs": {name: [line, …]}, "names": {name: type}}`."""
    loaded: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return loaded


@cache
def struct(table_name: str, name: str) -> Struct:
    return Struct(table_name, name, table(table_name)["structs"][name])


def kind(api_version: str, kind_name: str) -> Struct | None:
    """The struct of a built-in kind, or None.

    >>> kind("apps/v1", "Deployment").by_json["spec"].type.go
    'v1.DeploymentSpec'
    """
    name = API_VERSIONS.get(api_version)
    if name is None or kind_name not in table(name)["structs"]:
        return None
    found = struct(name, kind_name)
    return found if "metadata" in found.by_json else None


MAP = re.compile(r"map\[([\w.]+)\](.+)$")


@cache
def parse_type(table_name: str, text: str) -> Type:
    """`"*int32"`, `"[]Container"`, `"map[string]Quantity"`, `"meta.ObjectMeta"` as a Type."""
    if text.startswith("*"):
        elem = parse_type(table_name, text[1:])
        return Type("ptr", "*" + elem.go, elem)
    if text.startswith("[]"):
        if text == "[]byte":
            return Type("bytes", "[]uint8")
        elem = parse_type(table_name, text[2:])
        return Type("slice", "[]" + elem.go, elem)
    mapped = MAP.match(text)
    if mapped:
        key, elem = parse_type(table_name, mapped[1]), parse_type(table_name, mapped[2])
        return Type("map", f"map[{key.go}]{elem.go}", elem, named=key.go)
    if text in LEAVES:
        return Type(text, LEAF_GO[text])
    if text in INTEGERS:
        return Type("int", text, bits=INTEGERS[text])
    if text in ("string", "bool"):
        return Type(text, text)
    if text in ("float64", "float32"):
        return Type("float", text)
    if text.startswith("types."):
        return Type("string", text)
    owner, _, name = text.rpartition(".")
    return _named(owner or table_name, name)


@cache
def _named(table_name: str, name: str) -> Type:
    data = table(table_name)
    go = f"{GO_PACKAGE.get(table_name, 'v1')}.{name}"
    if name in data["structs"]:
        found = Type("struct", go)
        found.struct_ref = (table_name, name)
        return found
    under = parse_type(table_name, data["names"][name])
    found = Type(under.kind, go, under.elem, under.named, under.bits)
    found.struct_ref = under.struct_ref
    return found
