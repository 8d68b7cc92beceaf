"""Objects as flat fields, and the difference of two: the form of the recordings of a real cluster.

`spec.strategy.type` names a field; an entry of a list is named by its own name or type where it has one
(`status.conditions[Ready].status`), else by its place. Identity, times and the Pod template (but for its images) are
left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Obj = dict[str, Any]
Fields = dict[str, Any]

_LEFT_OUT = re.compile(
    r"^(apiVersion|kind)$|(^|[./])metadata\.(name|namespace|uid|resourceVersion|creationTimestamp|managedFields.*)$"
    r"|^metadata\.generateName$|\.last(Transition|Update|Probe|Heartbeat)Time$|^data(\.|$)"
)
_TEMPLATE_IMAGE = re.compile(r"^spec\.template\.spec\.containers\[[^\]]*\]\.image$")


def flat(obj: Obj, *, template: bool) -> Fields:
    """The fields of an object; of its Pod template the images (`template`), or nothing."""
    fields = {}
    for path, value in _leaves(obj, ""):
        if _LEFT_OUT.search(path) and not (obj["kind"] == "EndpointSlice" and path == "metadata.generateName"):
            continue
        if path.startswith("spec.template.") and not (template and _TEMPLATE_IMAGE.match(path)):
            continue
        fields[path] = value
    return fields


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, entry in value.items():
            yield from _leaves(entry, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for position, entry in enumerate(value):
            named = isinstance(entry, dict)
            key = entry.get("type", entry.get("name", position)) if named else position
            yield from _leaves(entry, f"{path}[{key}]")
    else:
        yield path, value


def difference(before: Fields, after: Fields) -> Fields:
    """`field: [old, new]`, `+field: new`, `-field: old`."""
    changed: Fields = {}
    for path, value in after.items():
        if path not in before:
            changed["+" + path] = value
        elif before[path] != value:
            changed[path] = [before[path], value]
    for path, value in before.items():
        if path not in after:
            changed["-" + path] = value
    return changed


def new_pod(pod: Obj) -> Fields:
    """What the recordings say of a Pod when it appears."""
    metadata, spec = pod["metadata"], pod["spec"]
    owners = [f"{owner['kind']}/{owner['name']}" for owner in metadata.get("ownerReferences") or ()]
    fields: Fields = {
        "owner": owners,
        "labels": _sorted(metadata.get("labels")),
        "ann": _sorted(metadata.get("annotations")),
        "genName": metadata.get("generateName"),
        "images": [container["image"] for container in spec["containers"]],
        "node": spec.get("nodeName"),
    }
    if metadata.get("finalizers"):
        fields["finalizers"] = metadata["finalizers"]
    return fields


def _sorted(mapping: dict[str, str] | None) -> dict[str, str] | None:
    return {key: mapping[key] for key in sorted(mapping)} if mapping else None
