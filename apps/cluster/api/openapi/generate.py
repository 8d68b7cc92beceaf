"""Reads the definitions of the kinds from Kubernetes' OpenAPI documents and writes the JSON files of `definitions/`.

Run by hand when the modelled version changes; the site never runs it:

    python apps/cluster/api/openapi/generate.py <Kubernetes source>

Only facts are kept, no descriptions. A definition is a list of lines; the first may be about the whole (`# …`), each
other is a field: its name (with `!` when required), its type (`[]` a list, `{}` a map, else a name), and then

    =…  the default, in JSON            lt:… lk:…  list type, list map keys
    mt:…  map type                      ps:… pk:…  patch strategy and merge key
    e:…|…  the values it may have, which only the Go sources tell

Required fields come first, in the order in which they are told. Lists of kinds follow from the kinds and are not kept.
metrics.k8s.io is not in those documents: its file is kept by hand.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

VERSIONS = (
    "api__v1",
    "apis__admissionregistration.k8s.io__v1",
    "apis__apiextensions.k8s.io__v1",
    "apis__apiregistration.k8s.io__v1",
    "apis__apps__v1",
    "apis__authentication.k8s.io__v1",
    "apis__authorization.k8s.io__v1",
    "apis__autoscaling__v1",
    "apis__autoscaling__v2",
    "apis__batch__v1",
    "apis__certificates.k8s.io__v1",
    "apis__coordination.k8s.io__v1",
    "apis__discovery.k8s.io__v1",
    "apis__events.k8s.io__v1",
    "apis__flowcontrol.apiserver.k8s.io__v1",
    "apis__networking.k8s.io__v1",
    "apis__node.k8s.io__v1",
    "apis__policy__v1",
    "apis__rbac.authorization.k8s.io__v1",
    "apis__resource.k8s.io__v1",
    "apis__scheduling.k8s.io__v1",
    "apis__storage.k8s.io__v1",
    "api",
    "apis",
    "apis__apps",
    "version",
)
SCHEMAS = "#/components/schemas/"
FUNCTION = re.compile(r"^func schema_(\w+)_(\w+)\(ref .*?\n(.*?)^\}", re.M | re.S)
PROPERTY = re.compile(r'^\t{5}"([^"]+)": \{$|Enum: +\[\]interface\{\}\{(.*)\}', re.M)
# The packages of the Go file whose names are not those of the definitions.
RENAMED = {"pkg_apis_meta_v1": "io.k8s.apimachinery.pkg.apis.meta.v1"}


def enums(text: str) -> dict[tuple[str, str], str]:
    """(definition, field) -> the values it may have, `[]` before those of a list's items."""
    found = {}
    for package, name, body in FUNCTION.findall(text):
        owner = RENAMED.get(package) or package.replace("k8sio_", "io.k8s.").replace("_", ".")
        field, at = "", 0
        for match in PROPERTY.finditer(body):
            if match[1]:
                field, at = match[1], match.start()
            elif field:
                values = "|".join(json.loads(f"[{match[2]}]"))
                inside = body[at : match.start()]
                of_items = "[]" if "Items:" in inside or "AdditionalProperties:" in inside else ""
                found[f"{owner}.{name}", field] = f"{of_items}{values}"
    return found


def kind_of(schema: dict[str, Any], short: Any) -> str:
    """The type of a field, in one word."""
    ref = schema.get("$ref") or (schema.get("allOf") or [{}])[0].get("$ref")
    if ref:
        name: str = short(ref.removeprefix(SCHEMAS))
        return name
    if schema.get("type") == "array":
        return "[]" + kind_of(schema["items"], short)
    if schema.get("type") == "object" and "additionalProperties" in schema:
        return "{}" + kind_of(schema["additionalProperties"], short)
    kind: str = schema.get("format") or schema["type"]
    return kind


def line(name: str, schema: dict[str, Any], required: bool, allowed: str, short: Any) -> str:
    parts = [name + ("!" if required else ""), kind_of(schema, short)]
    if "default" in schema:
        parts.append("=" + json.dumps(schema["default"], separators=(",", ":")))
    for key, letters in (
        ("x-kubernetes-list-type", "lt"),
        ("x-kubernetes-list-map-keys", "lk"),
        ("x-kubernetes-map-type", "mt"),
        ("x-kubernetes-patch-strategy", "ps"),
        ("x-kubernetes-patch-merge-key", "pk"),
    ):
        if key in schema:
            value = schema[key]
            parts.append(f"{letters}:{','.join(value) if isinstance(value, list) else value}")
    if allowed:
        parts.append(f"e:{allowed}")
    return " ".join(parts)


def main(source: Path) -> None:
    here = Path(__file__).parent / "definitions"
    values = enums((source / "pkg/generated/openapi/zz_generated.openapi.go").read_text())
    found: dict[str, dict[str, Any]] = {}
    for version in VERSIONS:
        document = json.loads((source / f"api/openapi-spec/v3/{version}_openapi.json").read_text())
        found |= document["components"]["schemas"]
    files: dict[str, dict[str, list[str]]] = {}
    for whole in sorted(found):
        schema = found[whole]
        owner, _, base = whole.rpartition(".")
        if "properties" not in schema or (base.endswith("List") and "metadata" in schema["properties"]):
            continue
        required = schema.get("required", [])
        about = []
        if "x-kubernetes-group-version-kind" in schema and base not in ("DeleteOptions", "WatchEvent"):
            about.append("kind")
        if "x-kubernetes-map-type" in schema:
            about.append(f"mt:{schema['x-kubernetes-map-type']}")
        if "x-kubernetes-unions" in schema:
            about.append("unions:" + json.dumps(schema["x-kubernetes-unions"], separators=(",", ":")))

        def short(name: str, owner: str = owner) -> str:
            return name.removeprefix(f"{owner}.") if name.rpartition(".")[0] == owner else name.removeprefix("io.k8s.")

        lines = [" ".join(["#", *about])] if about else []
        for name in dict.fromkeys([*required, *schema["properties"]]):
            below = schema["properties"][name]
            lines.append(line(name, below, name in required, values.get((whole, name), ""), short))
        files.setdefault(owner.removeprefix("io.k8s."), {})[base] = lines
    for owner, definitions in files.items():
        text = json.dumps(definitions, indent=0, separators=(",", ":"), ensure_ascii=False)
        (here / f"{owner}.json").write_text(text + "\n")
        print(owner, len(definitions), len(text))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
