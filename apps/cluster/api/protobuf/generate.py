"""Reads the messages of the kinds from Kubernetes' proto files and writes the JSON files of `messages/`.

Run by hand when the modelled version changes; the site never runs it:

    python apps/cluster/api/protobuf/generate.py <Kubernetes source>

Only facts are kept, one line of text a field: its number, the name that JSON gives it (a comma where what it holds is
inlined), its type, and what JSON does with its zero value (`o`: leaves it out, `z`: always writes it):

    1 metadata:ObjectMeta meta.ObjectMeta -

A Go name stands after the colon where it is not the JSON name with a capital. Type and number come from the proto
file, names and zero values from the Go type beside it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

STAGING = "staging/src/k8s.io"
# file stem -> directory. Other files use the stem to refer to its messages.
PACKAGES = {
    "core": "api/core/v1",
    "apps": "api/apps/v1",
    "batch": "api/batch/v1",
    "autoscalingv1": "api/autoscaling/v1",
    "autoscaling": "api/autoscaling/v2",
    "admissionregistration": "api/admissionregistration/v1",
    "certificates": "api/certificates/v1",
    "coordination": "api/coordination/v1",
    "discovery": "api/discovery/v1",
    "events": "api/events/v1",
    "flowcontrol": "api/flowcontrol/v1",
    "networking": "api/networking/v1",
    "node": "api/node/v1",
    "policy": "api/policy/v1",
    "rbac": "api/rbac/v1",
    "resource": "api/resource/v1",
    "scheduling": "api/scheduling/v1",
    "storage": "api/storage/v1",
    "authentication": "api/authentication/v1",
    "authorization": "api/authorization/v1",
    "apiregistration": "kube-aggregator/pkg/apis/apiregistration/v1",
    "apiextensions": "apiextensions-apiserver/pkg/apis/apiextensions/v1",
    "meta": "apimachinery/pkg/apis/meta/v1",
}
# Messages that a reader knows by these names.
LEAVES = {
    "k8s.io.apimachinery.pkg.api.resource.Quantity": "Quantity",
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": "IntOrString",
    "k8s.io.apimachinery.pkg.runtime.RawExtension": "RawExtension",
    **{
        f"k8s.io.apimachinery.pkg.apis.meta.v1.{name}": name
        for name in ("Time", "MicroTime", "Duration", "FieldsV1", "Verbs")
    },
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON": "RawExtension",
    **{
        f"k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOr{name}": f"SchemaOr{name}"
        for name in ("Array", "Bool", "StringArray")
    },
    **{f"k8s.io.api.{group}.v1.ExtraValue": "Verbs" for group in ("authentication", "authorization", "certificates")},
}
SCALARS = {"string", "bytes", "bool", "double", "int32", "int64", "uint32", "uint64"}
MESSAGE = re.compile(r"^message (\w+) \{$(.*?)^\}$", re.M | re.S)
FIELD = re.compile(r"^\s*(optional|repeated|map<string,) ([\w.]+)>? \w+ = (\d+);$", re.M)
STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.M | re.S)
GO_FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([\w.\[\]*]+)\s+`([^`]*)`", re.M)
NAMED = re.compile(r"^type (\w+) (?:=\s*)?(string|bool|int32|int64)\b", re.M)
TAG = re.compile(r'(\w+):"([^"]*)"')
GO_SCALARS = {"string", "bool", "int32", "int64", "uint32", "int", "float64", "types.UID", "types.NodeName"}
GO_NAMED = re.compile(r"^(?:v1|corev1|metav1)\.(\w+)$")
# Named types that other packages use, and that are text.
FOREIGN = {"ResourceName", "ConditionStatus", "Protocol", "PodConditionType"}


def go_fields(folder: Path) -> dict[tuple[str, int], tuple[str, str, str]]:
    """(message, number) -> JSON name, Go name, what JSON does with a zero value."""
    text = "\n".join(
        path.read_text() for path in sorted(folder.glob("*.go")) if not path.name.startswith(("generated", "zz_"))
    )
    text = re.sub(r"^\s*//.*$", "", text, flags=re.M)
    scalars = GO_SCALARS | {name for name, _ in NAMED.findall(text)}
    found = {}
    for message, body in STRUCT.findall(text):
        for go_name, go_type, raw_tags in GO_FIELD.findall(body):
            tags = dict(TAG.findall(raw_tags))
            number = tags.get("protobuf", "").split(",")[1:2]
            if not number or not number[0].isdecimal():
                continue
            json_name, *options = tags.get("json", "").split(",")
            name = "," if "inline" in options or not json_name else json_name
            base = GO_NAMED.match(go_type)
            plain = go_type in scalars or (base is not None and base[1] in FOREIGN)
            leaves_out = "omitempty" in options or "omitzero" in options
            zero = ("o" if leaves_out else "z") if plain else "-"
            found[message, int(number[0])] = name, go_name or go_type.rpartition(".")[2].lstrip("*"), zero
    return found


def messages(stem: str, folder: Path, stems: dict[str, str]) -> dict[str, list[str]]:
    """The messages of one proto file but for lists."""
    text = re.sub(r"^\s*//.*$", "", (folder / "generated.proto").read_text(), flags=re.M)
    package = re.search(r"^package ([\w.]+);", text, re.M)
    assert package is not None
    told = go_fields(folder)
    found: dict[str, list[str]] = {}
    for message, body in MESSAGE.findall(text):
        if message.endswith("List") or f"{package[1]}.{message}" in LEAVES:
            continue
        lines = []
        for label, kind, number in FIELD.findall(body):
            json_name, go_name, zero = told[message, int(number)]
            prefix = {"optional": "", "repeated": "[]", "map<string,": "map:"}[label]
            if kind not in SCALARS:
                whole = kind[1:] if kind.startswith(".") else f"{package[1]}.{kind}"
                owner, _, base = whole.rpartition(".")
                kind = LEAVES.get(whole) or (base if stems[owner] == stem else f"{stems[owner]}.{base}")
            if prefix:
                zero = "-"
            name = json_name if go_name in (json_name[:1].upper() + json_name[1:],) else f"{json_name}:{go_name}"
            lines.append(f"{number} {name} {prefix}{kind} {zero}")
        found[message] = lines
    return found


def main(source: Path) -> None:
    here = Path(__file__).parent / "messages"
    folders = {stem: source / STAGING / folder for stem, folder in PACKAGES.items()}
    stems = {}
    for stem, folder in folders.items():
        package = re.search(r"^package ([\w.]+);", (folder / "generated.proto").read_text(), re.M)
        assert package is not None
        stems[package[1]] = stem
    stems |= {"k8s.io.apimachinery.pkg.runtime": "runtime"}
    for stem, folder in folders.items():
        data = messages(stem, folder, stems)
        text = json.dumps(data, indent=0, separators=(",", ":"))
        (here / f"{stem}.json").write_text(text + "\n")
        print(stem, len(data), len(text))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
