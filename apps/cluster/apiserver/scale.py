"""Replicas of whatever has them, seen and changed as an autoscaling/v1 Scale.

Models      pkg/registry/apps/*/storage (ScaleREST), apiextensions pkg/registry/customresource (ScaleREST),
            managedfields/scalehandler.go
Leaves out  nothing known
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.decode import decode
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.selectors import from_label_selector, from_map
from apps.cluster.apimachinery.status import FieldError, bad_request, invalid

Obj = dict[str, Any]
Paths = dict[str, str]  # of a custom kind: specReplicasPath, statusReplicasPath, labelSelectorPath


def _at(obj: Any, path: str) -> Any:
    for name in path.strip(".").split("."):
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj


def _put(obj: Obj, names: list[str], value: Any) -> Obj:
    head, *rest = names
    if not rest:
        return {**obj, head: value}
    below = obj.get(head)
    return {**obj, head: _put(below if isinstance(below, dict) else {}, rest, value)}


def of(obj: Obj, info: ResourceInfo, paths: Paths | None = None) -> Obj:
    """The Scale of an object."""
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    spec: Obj = {}
    status: Obj = {"replicas": 0}
    if paths:
        wanted = _at(obj, paths["specReplicasPath"])
        if wanted:
            spec["replicas"] = wanted
        status["replicas"] = _at(obj, paths["statusReplicasPath"]) or 0
        selector = _at(obj, paths.get("labelSelectorPath", "")) if paths.get("labelSelectorPath") else ""
    else:
        wanted = (obj.get("spec") or {}).get("replicas")
        if wanted is None and "replicas" not in (obj.get("spec") or {}):
            wanted = 1
        if wanted:
            spec["replicas"] = wanted
        status["replicas"] = (obj.get("status") or {}).get("replicas", 0)
        labels = (obj.get("spec") or {}).get("selector")
        if info.plural == "replicationcontrollers":
            selector = str(from_map(labels)) if labels else ""
        else:
            selector = str(from_label_selector(labels)) if labels else ""
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if metadata.get(name)},
        "spec": spec,
        "status": status,
    }


def applied_to(obj: Obj, wanted: Obj, paths: Paths | None = None) -> Obj:
    """The object with the replicas that a Scale asks for.

    Raises:
        StatusError: 422, fewer than none.
    """
    asked: Any = wanted if isinstance(wanted, dict) else {}  # a patch may have made anything of it
    spec, metadata = asked.get("spec") or {}, asked.get("metadata")
    replicas = (spec.get("replicas") or 0) if isinstance(spec, dict) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not isinstance(metadata, dict):
        raise bad_request('Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into Go value')
    if replicas < 0:
        error = FieldError("Invalid value", "spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid("Scale", "autoscaling", wanted["metadata"].get("name", ""), [error])
    names = (paths["specReplicasPath"] if paths else "spec.replicas").strip(".").split(".")
    out = _put(obj, names, replicas)
    metadata = dict(obj["metadata"])
    for name in ("resourceVersion", "uid"):
        value = wanted["metadata"].get(name)
        if value:
            metadata[name] = value
    return {**out, "metadata": metadata}


def typed(doc: Any, repeated: list[str], directive: str, warnings: list[str]) -> Obj:
    """A body as a Scale. Raises: StatusError 400."""
    if not isinstance(doc, dict):
        raise bad_request("couldn't get version/kind; json parse error: unexpected end of JSON input")
    kind, version = doc.get("kind") or "Scale", doc.get("apiVersion") or "autoscaling/v1"
    if (version, kind) != ("autoscaling/v1", "Scale"):
        raise bad_request(f"wrong kind for Scale: {version}, Kind={kind}")
    strict: list[str] = []
    obj = decode({**doc, "kind": kind, "apiVersion": version}, strict=strict).obj
    problems = [*strict, *(f'duplicate field "{path}"' for path in repeated)]
    if problems and directive == "Strict":
        text = ", ".join(problems)
        raise bad_request(f'Scale in version "v1" cannot be handled as a Scale: strict decoding error: {text}')
    if directive == "Warn":
        warnings += problems
    return obj
