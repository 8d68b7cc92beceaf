"""The state of a cluster as a file: svg, png, dot, mmd, yaml, json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from apps.cluster.cluster import Snapshot
from apps.cluster.engine import Step
from apps.scenarios import yamlwrite
from apps.scenarios.steps import step_json

Obj = dict[str, Any]

FORMATS = {
    "svg": "image/svg+xml; charset=utf-8",
    "png": "image/png",
    "dot": "text/vnd.graphviz; charset=utf-8",
    "mmd": "text/vnd.mermaid; charset=utf-8",
    "yaml": "application/yaml; charset=utf-8",
    "json": "application/json; charset=utf-8",
}
TEXT = "text/plain; charset=utf-8"  # of what one node's kernel holds
# Kinds that a file of manifests begins with, since others need them.
FIRST = (
    "namespaces",
    "customresourcedefinitions",
    "priorityclasses",
    "storageclasses",
    "serviceaccounts",
    "configmaps",
    "secrets",
)
# What the cluster makes by itself, and what changes all the time.
MADE = frozenset(
    {
        "events",
        "leases",
        "endpointslices",
        "endpoints",
        "replicasets",
        "controllerrevisions",
        "nodes",
        "persistentvolumes",
        "csinodes",
        "volumeattachments",
    }
)
SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "calico-system"})
SERVER_FIELDS = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "deletionTimestamp",
    "selfLink",
)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def own_objects(snapshot: Snapshot, base: Snapshot | None = None) -> list[Obj]:
    """The objects that somebody asked for: not the cluster's own, not what controllers made from them."""
    out: list[tuple[int, str, Obj]] = []
    for resource, table in snapshot.objects.items():
        if resource in MADE:
            continue
        known = base.objects.get(resource, {}) if base is not None else {}
        rank = FIRST.index(resource) if resource in FIRST else len(FIRST)
        for key, obj in table.items():
            metadata = obj["metadata"]
            if metadata.get("ownerReferences") or metadata.get("namespace") in SYSTEM_NAMESPACES:
                continue
            if key in known or (
                resource in {"serviceaccounts", "configmaps"} and metadata["name"] in {"default", "kube-root-ca.crt"}
            ):
                continue
            out.append((rank, resource, obj))
    out.sort(key=lambda item: (item[0], item[1]))
    return [obj for _rank, _resource, obj in out]


def manifest(objects: Iterable[Obj]) -> str:
    """Objects as a manifest that can be applied elsewhere: without status, and without what a server fills in."""
    return yamlwrite.dump_all(as_manifest(obj) for obj in objects)


def as_manifest(obj: Obj) -> Obj:
    """One object without what the server wrote.

    >>> as_manifest({"kind": "Pod", "metadata": {"name": "a", "uid": "1"}, "status": {}})
    {'kind': 'Pod', 'metadata': {'name': 'a'}}
    """
    metadata = {key: value for key, value in obj["metadata"].items() if key not in SERVER_FIELDS}
    annotations = {
        key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key != LAST_APPLIED
    }
    if annotations:
        metadata["annotations"] = annotations
    return {key: value for key, value in {**obj, "metadata": metadata}.items() if key != "status"}


def history(snapshot: Snapshot, steps: Iterable[Step], lang: str, base_ms: int) -> dict[str, Any]:
    """A state and how it came about: `{"revision", "objects", "steps"}`."""
    objects = [obj for table in snapshot.objects.values() for obj in table.values()]
    return {
        "revision": snapshot.revision,
        "time_ms": snapshot.time_ms - base_ms,
        "objects": objects,
        "steps": [step_json(step, lang, base_ms) for step in steps],
    }


def dump_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
