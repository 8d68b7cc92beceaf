"""Warnings: what the API server says of an object that it takes, in the Warning headers of its answer.

Models      staging/src/k8s.io/apiserver/pkg/registry/rest (WarningsOnCreate, WarningsOnUpdate), pkg/api/*/warnings.go
Leaves out  nothing beyond what the modules of the kinds say

`of(resource, obj, old)` is pure; `old` None: the object is new. An update that changes nothing is not looked at.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apiserver.warnings import claims, other, pods, workloads

Obj = dict[str, Any]
WORKLOADS = frozenset(
    {"deployments", "replicasets", "daemonsets", "statefulsets", "replicationcontrollers", "jobs", "cronjobs"}
)


def of(resource: str, obj: Obj, old: Obj | None = None) -> list[str]:
    """The warnings, in the order in which the server gives them."""
    if resource in WORKLOADS:
        return list(workloads.of(resource, obj, old))
    if resource == "pods":
        if old is not None:
            return []  # Pods change often, and seldom by hand
        return [*workloads.name(obj, "the Pod's hostname"), *pods.pod(obj)]
    if resource == "podtemplates":
        return list(pods.template(obj.get("template"), "template"))
    if resource == "persistentvolumes":
        return list(claims.volume(obj))
    if resource == "persistentvolumeclaims":
        return list(claims.claim(obj))
    kind = other.KINDS.get(resource)
    return list(kind(obj, old)) if kind is not None else []
