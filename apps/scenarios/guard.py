"""What a cluster here may be asked for: replicas, Pods, nodes. Named numbers, checked before and after a command."""

from __future__ import annotations

from typing import Any

from apps.cluster.snapshot import Snapshot
from apps.scenarios import limits
from apps.scenarios.commands import Body

# Kinds whose `replicas` (or `parallelism`) become Pods by themselves.
COUNTS = {
    "deployments": "replicas",
    "replicasets": "replicas",
    "statefulsets": "replicas",
    "replicationcontrollers": "replicas",
    "jobs": "parallelism",
}


def check_command(body: Body, allowed: limits.Limits) -> None:
    """Refuse what asks for too much before it reaches the cluster.

    Raises:
        LimitExceeded: naming the limit and the object.
    """
    op = body["op"]
    if op in {"apply", "create", "replace"}:
        for obj in body["objects"]:
            spec = obj.get("spec")
            if isinstance(spec, dict):
                _check_spec(spec, _name_of(obj), allowed)
    elif op == "request":
        spec = body["body"].get("spec") if isinstance(body.get("body"), dict) else None
        if isinstance(spec, dict):
            _check_spec(spec, body["path"].rpartition("/namespaces/")[2][:120], allowed)
    elif op == "scale":
        _check_count(body["replicas"], f"{body['resource']}/{body['name']}", allowed)
    elif op == "patch" and isinstance(body["body"], dict):
        spec = body["body"].get("spec")
        if isinstance(spec, dict):
            _check_spec(spec, f"{body['resource']}/{body['name']}", allowed)


def _check_spec(spec: dict[str, Any], name: str, allowed: limits.Limits) -> None:
    for field in ("replicas", "parallelism", "completions", "maxReplicas"):
        _check_count(spec.get(field), name, allowed)


def _check_count(value: Any, name: str, allowed: limits.Limits) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and value > allowed.replicas:
        raise limits.exceeded("replicas", allowed.replicas, value, object=name)


def _name_of(obj: dict[str, Any]) -> str:
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else ""
    return f"{obj.get('kind', '')} {name or ''}"[:120]


def check_cluster(snapshot: Snapshot, allowed: limits.Limits) -> None:
    """Refuse what a command has led to, whatever way it took. The caller throws the cluster away.

    Raises:
        LimitExceeded
    """
    objects = snapshot.objects
    workers = sum(1 for machine in snapshot.machines.values() if machine.role == "worker")
    if workers > allowed.workers:
        raise limits.exceeded("workers", allowed.workers, workers)
    nodes = len(objects.get("nodes", ()))
    pods = sum(nodes for obj in objects.get("daemonsets", {}).values() if not _system(obj))
    for resource, field in COUNTS.items():
        for obj in objects.get(resource, {}).values():
            asked = (obj.get("spec") or {}).get(field)
            if not isinstance(asked, int):
                continue
            _check_count(asked, f"{obj['kind']} {obj['metadata']['name']}", allowed)
            if not obj["metadata"].get("ownerReferences") and not _system(obj):
                pods += asked
    pods += sum(
        1 for obj in objects.get("pods", {}).values() if not obj["metadata"].get("ownerReferences") and not _system(obj)
    )
    if pods > allowed.pods:
        raise limits.exceeded("pods", allowed.pods, pods)


def _system(obj: dict[str, Any]) -> bool:
    """The cluster's own, which nobody asked for here."""
    return obj["metadata"].get("namespace") == "kube-system"
