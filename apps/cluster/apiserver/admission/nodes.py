"""The plugins about nodes: a new Node is tainted until it is believed, and a Pod takes over its node's zone.

Models      plugin/pkg/admission/nodetaint (TaintNodesByCondition), plugin/pkg/admission/podtopologylabels
Leaves out  nothing known
"""

from __future__ import annotations

from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, Attributes, Plugin, Tables
from apps.cluster.apiserver.admission.default_toleration_seconds import NOT_READY

TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def taint(a: Attributes) -> None:
    """A new Node is tainted not-ready until its kubelet says otherwise and the node controller believes it."""
    taints = (a.obj.get("spec") or NOTHING).get("taints") or []
    if not any(there.get("key") == NOT_READY and there.get("effect") == "NoSchedule" for there in taints):
        a.with_spec(taints=[*taints, {"key": NOT_READY, "effect": "NoSchedule"}])


def topology_labels(tables: Tables, node: str) -> dict[str, str]:
    """The zone and region of a node."""
    found = tables.get("nodes", NOTHING).get(node)
    labels = (found["metadata"].get("labels") or NOTHING) if found is not None else NOTHING
    return {name: labels[name] for name in TOPOLOGY if name in labels}


def label(a: Attributes) -> None:
    """A Pod that is created on a node has the labels of the node's zone. (`bind` sees to the rest.)"""
    node = (a.obj.get("spec") or NOTHING).get("nodeName")
    if not node:
        return
    wanted = topology_labels(a.tables, node)
    labels = a.obj["metadata"].get("labels") or NOTHING
    if any(labels.get(name) != value for name, value in wanted.items()):
        a.with_metadata(labels={**labels, **wanted})


TAINT_NODES = Plugin("TaintNodesByCondition", frozenset({CREATE}), frozenset({"nodes"}), taint, None)
POD_TOPOLOGY_LABELS = Plugin("PodTopologyLabels", frozenset({CREATE}), frozenset({"pods"}), label, None)
