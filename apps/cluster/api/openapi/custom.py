"""The schemas of custom kinds: a CustomResourceDefinition's own, and around it what every kind has.

Models      apiextensions-apiserver pkg/controller/openapi (builder, v2/conversion.go)
Leaves out  unfolding of anyOf and allOf in v2 schemas
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.openapi.definitions import META
from apps.cluster.api.openapi.schemas import REF_V2, REF_V3
from apps.cluster.api.openapi.words import about_field

Obj = dict[str, Any]
JUNCTORS = ("allOf", "oneOf", "anyOf", "not")


def name_of(group: str, version: str, kind: str) -> str:
    """
    >>> name_of("stable.example.com", "v1", "CronTab")
    'com.example.stable.v1.CronTab'
    """
    return ".".join([*reversed(group.split(".")), version, kind])


def schemas(crd: Obj, version: Obj, v2: bool = False) -> dict[str, Obj]:
    """The definitions of a kind in one of its versions, and of its list."""
    spec = crd["spec"]
    group, names = spec["group"], spec["names"]
    kind = names["kind"]
    list_kind = names.get("listKind") or f"{kind}List"
    name = name_of(group, version["name"], kind)
    ref = REF_V2 if v2 else REF_V3
    own = (version.get("schema") or {}).get("openAPIV3Schema")
    one = _kind(own, bool(spec.get("preserveUnknownFields")), v2)
    one["x-kubernetes-group-version-kind"] = [{"group": group, "kind": kind, "version": version["name"]}]
    selectable = version.get("selectableFields")
    if selectable:
        paths = [{"fieldPath": field["jsonPath"].removeprefix(".")} for field in selectable]
        one["x-kubernetes-selectable-fields"] = paths
    many: Obj = {
        "description": f"A list of {kind} objects.",
        "properties": {
            **_type_meta(f"{META}{kind}List"),
            "items": {
                "description": about_field(f"{META}{kind}List", "items"),
                "items": {"$ref": ref + name},
                "type": "array",
            },
            "metadata": _ref(f"{META}ListMeta", about_field(f"{META}{kind}List", "metadata"), v2),
        },
        "required": ["items"],
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": group, "kind": list_kind, "version": version["name"]}],
    }
    if selectable:
        many["x-kubernetes-selectable-fields"] = paths
    return {name: one, name_of(group, version["name"], list_kind): many}


def _kind(own: Obj | None, preserve: bool, v2: bool) -> Obj:
    if own is None or (v2 and (preserve or own.get("x-kubernetes-preserve-unknown-fields"))):
        return {"type": "object"}
    out = _published(own, v2)
    properties = dict(out.get("properties") or {})
    properties.update(_type_meta(META), metadata=_ref(f"{META}ObjectMeta", about_field(META, "metadata"), v2))
    return {**out, "properties": dict(sorted(properties.items()))}


def _type_meta(owner: str) -> Obj:
    return {name: {"description": about_field(owner, name), "type": "string"} for name in ("apiVersion", "kind")}


def _ref(name: str, told: str, v2: bool) -> Obj:
    if v2:
        return {"$ref": REF_V2 + name, "description": told}
    return {"allOf": [{"$ref": REF_V3 + name}], "description": told}


def _published(schema: Obj, v2: bool) -> Obj:
    """A schema as it is told to clients: what v2 cannot say is left out, and embedded objects get their metadata."""
    out = dict(schema)
    if v2:
        out = _for_v2(out)
    if out.get("properties"):
        out["properties"] = {name: _published(below, v2) for name, below in sorted(out["properties"].items())}
    if isinstance(out.get("items"), dict):
        out["items"] = _published(out["items"], v2)
    if isinstance(out.get("additionalProperties"), dict):
        out["additionalProperties"] = _published(out["additionalProperties"], v2)
    if out.get("x-kubernetes-embedded-resource") and not (v2 and out.get("x-kubernetes-preserve-unknown-fields")):
        whole = {**out.get("properties", {}), **_type_meta(META)}
        whole["metadata"] = _ref(f"{META}ObjectMeta", about_field(META, "metadata"), v2)
        out["properties"] = dict(sorted(whole.items()))
        required = list(out.get("required") or ())
        out["required"] = required + [name for name in ("kind", "apiVersion") if name not in required]
    return out


def _for_v2(schema: Obj) -> Obj:
    out = {name: value for name, value in schema.items() if name not in JUNCTORS}
    nullable = out.pop("nullable", False)
    free = out.get("x-kubernetes-preserve-unknown-fields")
    if nullable or free:
        out.pop("items", None)
        out.pop("properties", None)
    if nullable or (out.get("type") == "array" and "items" not in out) or (free and out.get("type") == "object"):
        out.pop("type", None)
    loose = {name for name, below in (out.get("properties") or {}).items() if below.get("nullable")}
    inner = out.get("additionalProperties")
    if isinstance(inner, dict) and inner.get("nullable"):
        out.pop("required", None)
    elif loose and out.get("required"):
        out["required"] = [name for name in out["required"] if name not in loose]
        if not out["required"]:
            del out["required"]
    return out
