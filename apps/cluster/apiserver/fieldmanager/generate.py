"""Reads from client-go how the fields of built-in kinds are merged, and writes types.json beside it.

Run by hand when the modelled version changes; the site never runs it:

    python apps/cluster/apiserver/fieldmanager/generate.py <checkout of k8s.io/client-go>

Only what differs from a leaf is kept: a field that is missing from a type's line is a leaf (a scalar, or a list or map
that is replaced whole). What a field may be otherwise:

    core.v1.PodSpec        a struct, field by field
    {} or {}Type           a map, key by key
    [name]Type             a list of maps, item by item, told apart by these keys; `protocol=TCP` has a default
    []                     a list of scalars that is a set
    ?                      any JSON: maps key by key, everything else a leaf
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

WHERE = "applyconfigurations/internal/internal.go"
PREFIXES = ("io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", "io.k8s.apimachinery.pkg.")


def short(name: str) -> str:
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def is_any(type_: dict[str, Any]) -> bool:
    """The shape that the generator gives to what has no schema."""
    return type_.get("scalar") == "untyped" and "map" in type_ and "list" in type_


def reference(type_: dict[str, Any], named: dict[str, Any]) -> str:
    """One field's type in the notation above; "" for a leaf."""
    if "namedType" in type_:
        target = named[type_["namedType"]]
        if type_.get("elementRelationship") == "atomic":
            return ""
        if is_any(target):
            return "?" if type_["namedType"] == "__untyped_deduced_" else ""
        fields = target.get("map", {})
        if "map" not in target or fields.get("elementRelationship") == "atomic":
            return reference(target, named) if "list" in target else ""
        if "fields" not in fields:
            return reference(target, named)
        return short(type_["namedType"])
    if is_any(type_):
        return "?"
    if "list" in type_:
        items = type_["list"]
        if items["elementRelationship"] == "atomic":
            return ""
        keys = items.get("keys") or ()
        element = items["elementType"]
        if not keys:
            return "[]"
        target = named[element["namedType"]]
        defaults = {field["name"]: field["default"] for field in target["map"]["fields"] if "default" in field}
        listed = [f"{key}={defaults[key]}" if defaults.get(key) not in (None, "", 0) else key for key in keys]
        return f"[{','.join(listed)}]{reference(element, named)}"
    if "map" in type_:
        if type_["map"].get("elementRelationship") == "atomic":
            return ""
        return "{}" + reference(type_["map"]["elementType"], named)
    return ""


def main(checkout: str) -> None:
    source = (Path(checkout) / WHERE).read_text()
    text = source.split("typed.YAMLObject(`", 1)[1].rsplit("`)", 1)[0]
    named = {type_["name"]: type_ for type_ in yaml.safe_load(text)["types"]}
    out: dict[str, dict[str, str]] = {}
    for name, type_ in sorted(named.items()):
        fields = type_.get("map", {}).get("fields")
        version = short(name).split(".")[1:2]
        if fields is None or (version != ["v1"] and version != ["v2"]):
            continue
        found = {field["name"]: reference(field["type"], named) for field in fields}
        out[short(name)] = {field: ref for field, ref in found.items() if ref}
    used = {ref.rpartition("]")[2].rpartition("}")[2] for fields in out.values() for ref in fields.values()} - {"", "?"}
    assert used <= set(out), sorted(used - set(out))
    lines = [f"{json.dumps(name)}: {json.dumps(fields, separators=(',', ':'))}" for name, fields in out.items()]
    Path(__file__).with_name("types.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
