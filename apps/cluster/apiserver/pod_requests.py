"""What is asked of a Pod below itself: its binding to a node, and its eviction.

Models      pkg/registry/core/pod/storage/{storage.go,eviction.go}
Leaves out  nothing known
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import admission, deleting, eviction, removal
from apps.cluster.apiserver.admission import chain
from apps.cluster.apiserver.authentication import Actor
from apps.cluster.apiserver.cache import NO_PARAMS, Obj
from apps.cluster.apiserver.storage import SELF

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer


@lru_cache(maxsize=256)
def _scheduled(generation: int, now: str) -> Obj:
    """The condition that a binding leaves; one for all Pods bound in a second."""
    return {
        "type": "PodScheduled",
        "observedGeneration": generation,
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }


def bind(
    server: APIServer,
    actor: Actor,
    namespace: str,
    name: str,
    node: str,
    *,
    why: str = "",
    params: dict[str, Any] = NO_PARAMS,
    dry_run: bool = False,
) -> Obj:
    """POST pods/{name}/binding: give a Pod its node.

    Raises:
        StatusError: 404, 409 when it has one or is being deleted.
    """
    server.authorizer.check(actor, "create", "", "pods", "binding", namespace, name)
    pod = server.get("pods", namespace, name)
    spec = pod["spec"]
    if "deletionTimestamp" in pod["metadata"]:
        raise errors.conflict("pods/binding", name, why=f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        raise errors.conflict("pods/binding", name, why=f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise errors.conflict("pods/binding", name, why=f"pod {name} has non-empty .spec.schedulingGates")
    condition = _scheduled(pod["metadata"].get("generation", 1), format_ms(server.now_ms))
    conditions = [c for c in pod["status"].get("conditions") or () if c["type"] != "PodScheduled"]
    status = {**pod["status"], "conditions": [*conditions, condition]}
    status.pop("nominatedNodeName", None)  # the promise has been kept
    new = {**pod, "spec": {**spec, "nodeName": node}, "status": status}
    topology = admission.topology_labels(server.tables, node)
    if topology:
        labels = {**(pod["metadata"].get("labels") or NO_PARAMS), **topology}
        new["metadata"] = {**pod["metadata"], "labels": labels}
    if dry_run:
        return new
    key = f"{namespace}/{name}"
    return server.commit(actor, "bind", server.infos["pods"], key, pod, new, "binding", why, params)


def evict(
    server: APIServer,
    actor: Actor,
    namespace: str,
    name: str,
    *,
    grace_period_seconds: int | None = None,
    uid: str = "",
    resource_version: str = "",
    why: str = "",
    params: dict[str, Any] = NO_PARAMS,
    dry_run: bool = False,
) -> None:
    """POST pods/{name}/eviction: a deletion that a disruption budget may refuse.

    Raises:
        StatusError: 403, 404, 429 when a budget forbids it, 500 when there are several.
    """
    server.authorizer.check(actor, "create", "", "pods", "eviction", namespace, name)
    info = server.infos["pods"]
    a = server.attributes(actor, admission.CREATE, info, namespace, name, None, None, "eviction")
    chain.admit(a)
    chain.validate(a)
    pod = server.get("pods", namespace, name)
    deleting.check_preconditions(info, pod["metadata"], uid, resource_version)
    now = format_ms(server.now_ms)
    verdict = eviction.judge(pod, server.tables.get("poddisruptionbudgets", NO_PARAMS).values(), now)
    if verdict.error is not None:
        verdict.error.stage = "registry"
        raise verdict.error
    if dry_run:
        return
    if verdict.budget is not None:
        named = {"name": verdict.budget["metadata"]["name"], "pod": name}
        server.update(
            SELF,
            "poddisruptionbudgets",
            verdict.budget,
            subresource="status",
            why="kube-apiserver.count-disruption",
            params=named,
        )
    marked = eviction.condemned(pod, now)
    if marked["status"] != pod["status"]:
        server.commit(actor, "evict", info, f"{namespace}/{name}", pod, marked, "eviction", why, params)
    removal.delete(
        server, actor, "pods", namespace, name, grace_period_seconds=grace_period_seconds, why=why, params=params
    )
