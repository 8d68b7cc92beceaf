"""Reads the field tables of the built-in kinds from Kubernetes' Go types and writes the JSON files beside it.

Run by hand when the modelled version changes; the site never runs it:

    python apps/cluster/api/schema/generate.py <k8s.io/api> <k8s.io/apimachinery> <pkg/apis of Kubernetes>

Only facts are kept: Go field name, JSON name, Go type, omitempty / omitzero, patch strategy and merge key, in the
order of the Go struct (the pod-template-hash depends on that order). One line of text a field:

    Containers containers []Container - merge name

`internal.json` has the server's own types of the groups whose structs messages show, which know no JSON names: a line
is a Go name and a type, a type alone where a struct is embedded.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

# file stem -> directory of k8s.io/api, or beside it. The stem is also the prefix other files use to refer to its types.
GROUPS = {
    "core": "core/v1",
    "apps": "apps/v1",
    "batch": "batch/v1",
    "autoscalingv1": "autoscaling/v1",
    "autoscaling": "autoscaling/v2",
    "admissionregistration": "admissionregistration/v1",
    "certificates": "certificates/v1",
    "coordination": "coordination/v1",
    "discovery": "discovery/v1",
    "events": "events/v1",
    "flowcontrol": "flowcontrol/v1",
    "networking": "networking/v1",
    "node": "node/v1",
    "policy": "policy/v1",
    "rbac": "rbac/v1",
    "resource": "resource/v1",
    "scheduling": "scheduling/v1",
    "storage": "storage/v1",
    "authentication": "authentication/v1",
    "authorization": "authorization/v1",
    "apiregistration": "../kube-aggregator/pkg/apis/apiregistration/v1",
}
# The groups whose structs some message of validation prints.
SHOWN = ("core", "apps", "batch", "flowcontrol", "networking", "policy", "storage")
STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.M | re.S)
NAMED = re.compile(r"^type (\w+) (?!struct|interface)=?\s*([\w.\[\]*]+)\s*(?://.*)?$", re.M)
FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([\w.\[\]*]+)\s+`([^`]*)`", re.M)
TAG = re.compile(r'(\w+):"([^"]*)"')
IMPORT = re.compile(r'^(?:import\b)?\s*(\w+)?\s*"(k8s\.io/[\w./-]+)"', re.M)
KNOWN_IMPORTS = {
    "k8s.io/apimachinery/pkg/apis/meta/v1": "meta",
    "k8s.io/apimachinery/pkg/api/resource": "resource",
    "k8s.io/apimachinery/pkg/util/intstr": "intstr",
    "k8s.io/apimachinery/pkg/runtime": "runtime",
    "k8s.io/apimachinery/pkg/types": "types",
} | {f"k8s.io/api/{path}": stem for stem, path in GROUPS.items()}
# Types that decode and print themselves; a loader knows them by these names.
LEAVES = {
    "resource.Quantity": "Quantity",
    "intstr.IntOrString": "IntOrString",
    "runtime.RawExtension": "RawExtension",
    "meta.Time": "Time",
    "meta.MicroTime": "MicroTime",
    "meta.Duration": "Duration",
    "meta.FieldsV1": "FieldsV1",
    "types.UID": "types.UID",
    "types.NodeName": "types.NodeName",
    "types.NamespacedName": "types.NamespacedName",
}
BASIC = {"string", "bool", "byte", "int32", "int64", "int", "uint32", "uint64", "float32", "float64", "rune"}


def qualify(go_type: str, imports: dict[str, str], stem: str) -> str:
    """`*metav1.LabelSelector` -> `*meta.LabelSelector`; local names stay bare but in meta, whose leaves get theirs."""

    def one(match: re.Match[str]) -> str:
        name = match.group(0)
        if "." in name:
            alias, base = name.split(".", 1)
            name = f"{imports.get(alias, alias)}.{base}"
        elif stem == "meta" and f"meta.{name}" in LEAVES:
            name = f"meta.{name}"
        return LEAVES.get(name, name)

    return re.sub(r"(?:\w+\.)?\w+", lambda m: m.group(0) if m.group(0) == "map" else one(m), go_type)


def table(stem: str, text: str) -> dict[str, object]:
    """The structs and named types of one types.go."""
    imports = {}
    for alias, path in IMPORT.findall(text):
        imports[alias or path.rsplit("/", 1)[-1]] = KNOWN_IMPORTS.get(path, path)
    text = re.sub(r"^\s*//.*$", "", text, flags=re.M)
    structs: dict[str, list[str]] = {}
    for name, body in STRUCT.findall(text):
        if name.endswith("List") or (stem == "meta" and f"meta.{name}" in LEAVES):
            continue
        fields = []
        for go_name, go_type, raw_tags in FIELD.findall(body):
            tags = dict(TAG.findall(raw_tags))
            json_name, *options = tags.get("json", "").split(",")
            if json_name == "-":
                continue
            kind = qualify(go_type, imports, stem)
            flags = "".join(letter for option, letter in (("omitempty", "o"), ("omitzero", "z")) if option in options)
            inline = "inline" in options or not json_name
            row = [go_name or go_type.rsplit(".", 1)[-1], "," if inline else json_name, kind, flags or "-"]
            if "patchStrategy" in tags or "patchMergeKey" in tags:
                row.append(tags.get("patchStrategy", "-"))
                row.append(tags.get("patchMergeKey", "-"))
            fields.append(" ".join(row))
        structs[name] = fields
    names = {
        name: qualify(target, imports, stem)
        for name, target in NAMED.findall(text)
        if f"{stem}.{name}" not in LEAVES and "(" not in target
    }
    return {"structs": structs, "names": names}


BARE_FIELD = re.compile(r"^\t(?:(\w+)\s+)?([\w.\[\]*]+)$", re.M)


def internal(text: str) -> dict[str, list[str]]:
    """The structs of the server's own types of one group."""
    text = re.sub(r"\s*//.*$", "", text, flags=re.M)
    structs = {}
    for name, body in STRUCT.findall(text):
        structs[name] = [f"{go_name} {kind}" if go_name else kind for go_name, kind in BARE_FIELD.findall(body)]
    return {name: structs[name] for name in sorted(structs) if not name.endswith("List")}


def main(api: Path, apimachinery: Path, own: Path) -> None:
    here = Path(__file__).parent
    sources = {stem: api / path / "types.go" for stem, path in GROUPS.items()}
    sources["meta"] = apimachinery / "pkg/apis/meta/v1/types.go"
    for stem, source in sources.items():
        data = table(stem, source.read_text())
        text = json.dumps(data, indent=0, separators=(",", ":"), ensure_ascii=False)
        (here / f"{stem}.json").write_text(text + "\n")
        print(stem, len(text))
    shown = {stem: internal((own / stem / "types.go").read_text()) for stem in SHOWN}
    text = json.dumps(shown, indent=0, separators=(",", ":"))
    (here / "internal.json").write_text(text + "\n")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
