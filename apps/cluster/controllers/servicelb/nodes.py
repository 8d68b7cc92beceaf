"""Which nodes a cloud's load balancer may send traffic to.

Models      k8s.io/cloud-provider/controllers/service/controller.go (stableNodeSetPredicates, shouldSyncUpdatedNode)
Leaves out  nothing

Whether a node is Ready does not matter here: the balancer's own health check finds out sooner. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.cluster.apimachinery.meta import Obj, labels_of

EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers"
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))


def included(node: Obj) -> bool:
    """Not labelled to be left out; "false" as the label's value leaves nothing out.

    >>> [included({"metadata": {"labels": {EXCLUDE: value}}}) for value in ("", "true", "false", "maybe")]
    [False, False, True, False]
    """
    value = labels_of(node).get(EXCLUDE)
    return value is None or value in _FALSE


def untainted(node: Obj) -> bool:
    """Not about to be removed by the cluster autoscaler."""
    return all(taint["key"] != TO_BE_DELETED for taint in (node.get("spec") or {}).get("taints") or ())


def not_deleted(node: Obj) -> bool:
    return "deletionTimestamp" not in node["metadata"]


def eligible(nodes: Iterable[Obj]) -> list[Obj]:
    """Those that a balancer is given whenever it is told its nodes."""
    return [node for node in nodes if not_deleted(node) and included(node) and untainted(node)]


def moves_balancers(old: Obj, new: Obj) -> bool:
    """Whether a node's change is one that every balancer hears of. A taint alone is not: connections may end first."""
    return included(old) != included(new) or provider_id(old) != provider_id(new)


def provider_id(node: Obj) -> str:
    return str((node.get("spec") or {}).get("providerID", ""))
