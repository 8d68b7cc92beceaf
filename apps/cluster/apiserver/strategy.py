"""What a kind's strategy does before a write: first status, generation, and which part a write may touch.

Models      pkg/registry/*/strategy.go (PrepareForCreate, PrepareForUpdate) and rest.BeforeDelete
Leaves out  deprecated annotations that old strategies still carry over, but for a DaemonSet's template generation
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

# Kinds whose metadata.generation counts changes of the wanted state.
GENERATION = frozenset(
    {
        "pods",
        "replicationcontrollers",
        "deployments",
        "replicasets",
        "daemonsets",
        "statefulsets",
        "jobs",
        "cronjobs",
        "poddisruptionbudgets",
        "ingresses",
        "networkpolicies",
        "endpointslices",
        "priorityclasses",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "customresourcedefinitions",
        "flowschemas",
        "prioritylevelconfigurations",
    }
)

FIRST_STATUS: dict[str, dict[str, Any]] = {
    "deployments": {},
    "replicasets": {"replicas": 0},
    "replicationcontrollers": {"replicas": 0},
    "daemonsets": {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    "statefulsets": {"replicas": 0, "availableReplicas": 0},
    "jobs": {},
    "cronjobs": {},
    "services": {"loadBalancer": {}},
    "namespaces": {"phase": "Active"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "persistentvolumes": {"phase": "Pending"},
    "poddisruptionbudgets": {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    },
    "horizontalpodautoscalers": {"currentMetrics": None, "desiredReplicas": 0},
    "ingresses": {"loadBalancer": {}},
    "flowschemas": {},
    "prioritylevelconfigurations": {},
    "resourcequotas": {},
}

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_NOT_WANTED_STATE = frozenset({"metadata", "status", "apiVersion", "kind"})


def wanted_state_changed(old: Obj, new: Obj) -> bool:
    """Anything outside metadata and status differs: the generation goes up."""
    for name in new.keys() | old.keys():
        if name in _NOT_WANTED_STATE:
            continue
        before, after = old.get(name), new.get(name)
        if before is not after and before != after:
            return True
    return False


def without_disabled(stateful_set: Obj, old: Obj | None = None) -> Obj:
    """Without `rollingUpdate.maxUnavailable`, whose feature gate is off in 1.36, unless it was there before."""
    strategy = (stateful_set.get("spec") or {}).get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    before = (((old or {}).get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}
    if rolling.get("maxUnavailable") is None or before.get("maxUnavailable") is not None:
        return stateful_set
    kept = {name: value for name, value in rolling.items() if name != "maxUnavailable"}
    spec = {**stateful_set["spec"], "updateStrategy": {**strategy, "rollingUpdate": kept}}
    return {**stateful_set, "spec": spec}


def with_generated_selector(job: Obj) -> Obj:
    """A new Job with a selector by its own uid, and a template whose Pods it selects, unless `manualSelector` is set.

    Labels under the names from before the batch.kubernetes.io/ prefix are given too. What the manifest says under these
    names stays, for validation to judge.
    """
    spec = job.get("spec")
    if not isinstance(spec, dict) or spec.get("manualSelector") or not isinstance(spec.get("template"), dict):
        return job
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    template = spec["template"]
    metadata = template.get("metadata") or {}
    labels = dict(metadata.get("labels") or {})
    for label, value in (("job-name", name), ("controller-uid", uid)):
        labels.setdefault(label, value)
        labels.setdefault(f"batch.kubernetes.io/{label}", value)
    selector = spec.get("selector") or {}
    matched = {"batch.kubernetes.io/controller-uid": uid, **(selector.get("matchLabels") or {})}
    return {
        **job,
        "spec": {
            **spec,
            "selector": {**selector, "matchLabels": matched},
            "template": {**template, "metadata": {**metadata, "labels": labels}},
        },
    }


def template_generation(metadata: Obj) -> int:
    """How many templates a DaemonSet has had, by the annotation that its controller labels Pods with."""
    text = (metadata.get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    return int(text) if text.isdigit() else 0


def with_template_generation(metadata: Obj, at_least: int) -> Obj:
    """The metadata of a DaemonSet with that count, or with a higher one that it came with."""
    if template_generation(metadata) >= max(at_least, 1):
        return metadata
    annotations = {**(metadata.get("annotations") or {}), TEMPLATE_GENERATION: str(max(at_least, 1))}
    return {**metadata, "annotations": annotations}


def qos_class(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort.

    Models pkg/apis/core/v1/helper/qos (ComputePodQOS): only cpu and memory count; a zero is as good as none.
    """
    requests: dict[str, set[str]] = {}
    limits: dict[str, set[str]] = {}
    guaranteed = True
    some = False
    pod_level = spec.get("resources")
    parts = (
        [{"resources": pod_level}]
        if pod_level
        else [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    )
    for container in parts:
        resources = container.get("resources") or {}
        has = {name for name, value in (resources.get("limits") or {}).items() if name in ("cpu", "memory") and value}
        for name, value in (resources.get("requests") or {}).items():
            if name in ("cpu", "memory") and _positive(value):
                some = True
                requests.setdefault(name, set()).add(str(value))
        for name in sorted(has):
            value = resources["limits"][name]
            if _positive(value):
                some = True
                limits.setdefault(name, set()).add(str(value))
        if len(has) != 2:
            guaranteed = False
        for name in ("cpu", "memory"):
            wanted = (resources.get("requests") or {}).get(name)
            if wanted is not None and wanted != (resources.get("limits") or {}).get(name):
                guaranteed = False
    if not some:
        return "BestEffort"
    if guaranteed and set(requests) | set(limits) == {"cpu", "memory"}:
        return "Guaranteed"
    return "Burstable"


def _positive(quantity: Any) -> bool:
    return str(quantity).rstrip("mkMGTPEiun") not in ("0", "0.0", "", "0.00")
