"""Which nodes a DaemonSet belongs on, and what the Pod for one of them looks like.

Models      pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod), util/daemonset_util.go
Leaves out  nothing that shows

A daemon Pod names its node in a node affinity and is bound by the scheduler like any other Pod. It tolerates what the
node lifecycle controller and `kubectl cordon` put on a node, so it stays on a sick or cordoned one.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, labels_of
from apps.cluster.controllers.placement import NO_EXECUTE, NO_SCHEDULE, matches_node, untolerated

HASH_LABEL = "controller-revision-hash"
GENERATION_LABEL = "pod-template-generation"
GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"


def _exists(key: str, effect: str) -> Obj:
    return {"key": key, "operator": "Exists", "effect": effect}


DAEMON_TOLERATIONS = (
    _exists("node.kubernetes.io/not-ready", "NoExecute"),
    _exists("node.kubernetes.io/unreachable", "NoExecute"),
    _exists("node.kubernetes.io/disk-pressure", "NoSchedule"),
    _exists("node.kubernetes.io/memory-pressure", "NoSchedule"),
    _exists("node.kubernetes.io/pid-pressure", "NoSchedule"),
    _exists("node.kubernetes.io/unschedulable", "NoSchedule"),
)
NETWORK_TOLERATION = _exists("node.kubernetes.io/network-unavailable", "NoSchedule")  # with hostNetwork alone


def tolerations_of(spec: Obj) -> list[Obj]:
    """The tolerations of the template and, after them, the ones every daemon Pod gets.

    One of the template with the same key, effect and value is replaced where it stands (so its
    tolerationSeconds go).
    """
    out: list[Obj] = list(spec.get("tolerations") or ())
    added = (*DAEMON_TOLERATIONS, NETWORK_TOLERATION) if spec.get("hostNetwork") else DAEMON_TOLERATIONS
    for toleration in added:
        for i, own in enumerate(out):
            if _same_toleration(own, toleration):
                out[i] = toleration
                break
        else:
            out.append(toleration)
    return out


def _same_toleration(a: Obj, b: Obj) -> bool:
    """Toleration.MatchToleration: everything but the seconds."""
    return all((a.get(field) or "") == (b.get(field) or "") for field in ("key", "effect", "operator", "value"))


def pod_spec(template: Obj) -> Obj:
    """The Pod spec of the template with the tolerations of a daemon Pod, for any node."""
    return {**template["spec"], "tolerations": tolerations_of(template["spec"])}


def node_should_run(spec: Obj, node: Obj) -> tuple[bool, bool]:
    """Whether a Pod should be made on `node`, and whether one that is there may stay. `spec` is from `pod_spec`.

    The two differ when a NoSchedule taint came after the Pod: it may stay, a new one would not be made.
    """
    wanted = spec.get("nodeName")
    if (wanted and wanted != node["metadata"]["name"]) or not matches_node(spec, node):
        return False, False
    taints = (node.get("spec") or EMPTY).get("taints")
    if not taints or untolerated(taints, spec["tolerations"], NO_SCHEDULE) is None:
        return True, True
    return False, untolerated(taints, spec["tolerations"], NO_EXECUTE) is None


def pinned(spec: Obj, node_name: str) -> Obj:
    """`spec` with a required node affinity for this one node in place of whatever it required before."""
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node_name]}]}]
    affinity = spec.get("affinity") or EMPTY
    node_affinity = affinity.get("nodeAffinity") or EMPTY
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    return {
        **spec,
        "affinity": {**affinity, "nodeAffinity": {**node_affinity, required: {"nodeSelectorTerms": terms}}},
    }


def target_node(pod: Obj) -> str | None:
    """The node a daemon Pod is on or meant for; None when it does not say."""
    name: str | None = pod["spec"].get("nodeName")
    if name:
        return name
    affinity = (pod["spec"].get("affinity") or EMPTY).get("nodeAffinity") or EMPTY
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or EMPTY
    for term in required.get("nodeSelectorTerms") or ():
        for need in term.get("matchFields") or ():
            if need["key"] == "metadata.name" and need["operator"] == "In":
                values: list[str] = need["values"]
                return values[0] if len(values) == 1 else None
    return None


def template_generation(daemon_set: Obj) -> str | None:
    """The deprecated annotation's number as text, or None when it is absent or not one."""
    text = annotations_of(daemon_set).get(GENERATION_ANNOTATION)
    return text if text is not None and text.isdigit() else None


def is_updated(pod: Obj, hash_: str, generation: str | None) -> bool:
    """Whether the Pod was made from the present template."""
    labels = labels_of(pod)
    if hash_ and labels.get(HASH_LABEL) == hash_:
        return True
    return generation is not None and labels.get(GENERATION_LABEL) == generation


def pod_labels(template: Obj, generation: str | None, hash_: str) -> dict[str, Any]:
    """The labels of a new daemon Pod."""
    labels = dict((template.get("metadata") or EMPTY).get("labels") or EMPTY)
    if generation is not None:
        labels[GENERATION_LABEL] = generation
    if hash_:
        labels[HASH_LABEL] = hash_
    return labels
