"""Signatures: what of a Pod the plugins look at, as a text. Pods of one signature are scheduled alike.

Models      SignPod of pkg/scheduler/framework/runtime/framework.go and of every default plugin;
            k8s.io/kube-scheduler/framework/signers.go
Leaves out  results kept from one Pod of a signature to the next: with the default profile no Pod is signed, since the
            system's defaults spread Pods (results are kept by `PodClass` here, see pod_info.py)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from apps.cluster.apimachinery.meta import Obj, labels_of
from apps.cluster.scheduler.pod_info import normalized_image_name
from apps.cluster.scheduler.resources import requested

# A plugin's fragments by their keys; None when it will not sign the Pod.
Fragments = dict[str, Any] | None
Signer = Callable[[Obj], Fragments]


def signature(pod: Obj, signers: Iterable[Signer]) -> str:
    """The Pod's signature, empty when a plugin will not sign it."""
    found: dict[str, Any] = {"v1.Pod.Spec.SchedulerName": pod["spec"].get("schedulerName", "")}
    for sign in signers:
        fragments = sign(pod)
        if fragments is None:
            return ""
        found |= fragments
    return json.dumps(found, sort_keys=True, separators=(",", ":"))


def _containers(spec: Obj) -> list[Obj]:
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


def _node_name(pod: Obj) -> Fragments:
    return {"v1.Pod.Spec.NodeName": pod["spec"].get("nodeName", "")}


def _tolerations(pod: Obj) -> Fragments:
    found = sorted(pod["spec"].get("tolerations") or (), key=lambda one: (one.get("key", ""), one.get("value", "")))
    return {"v1.Pod.Spec.Tolerations": found}


def _node_affinity(pod: Obj) -> Fragments:
    spec = pod["spec"]
    affinity = (spec.get("affinity") or {}).get("nodeAffinity")
    told = None
    if affinity is not None:
        required = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms")
        preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution")
        told = {
            "Required": sorted(_text(_term(term)) for term in required or ()),
            "Preferred": sorted(
                _text({"Weight": one["weight"], "Preference": _term(one.get("preference") or {})})
                for one in preferred or ()
            ),
        }
    return {
        "v1.Pod.Spec.Affinity.NodeAffinity": told,
        "v1.Pod.Spec.Affinity.NodeSelector": spec.get("nodeSelector"),
    }


def _term(term: Obj) -> Obj:
    def told(requirements: Iterable[Obj]) -> list[str]:
        return sorted(
            _text({**one, "values": sorted(one["values"])} if one.get("values") else one) for one in requirements
        )

    return {
        "MatchExpressions": told(term.get("matchExpressions") or ()),
        "MatchFields": told(term.get("matchFields") or ()),
    }


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _host_ports(pod: Obj) -> Fragments:
    ports = {
        port["hostPort"] for one in _containers(pod["spec"]) for port in one.get("ports") or () if port.get("hostPort")
    }
    return {"v1.Pod.Spec.HostPorts()": sorted(ports)}


def _resources(pod: Obj) -> Fragments:
    request = requested(pod["spec"])
    told = {
        "MilliCPU": request.cpu,
        "Memory": request.memory,
        "EphemeralStorage": request.ephemeral,
        "AllowedPodNumber": 0,
        "ScalarResources": dict(request.scalar) or None,
    }
    return {"v1.Pod.Spec.ContainerRequestsAndOverheads()": told}


def _volumes(pod: Obj) -> Fragments:
    """ConfigMaps and Secrets bear on no node, and differ from Pod to Pod."""
    sources = [{key: value for key, value in one.items() if key != "name"} for one in pod["spec"].get("volumes") or ()]
    told = sorted(_text(one) for one in sources if "configMap" not in one and "secret" not in one)
    return {"v1.Pod.Spec.Volumes.NonSyntheticSources()": told}


def _images(pod: Obj) -> Fragments:
    names = {normalized_image_name(one.get("image", "")) for one in _containers(pod["spec"])}
    return {"v1.Pod.Spec.CanonicalImageNames()": sorted(names)}


def _claims(pod: Obj) -> Fragments:
    return None if pod["spec"].get("resourceClaims") else {}


def pod_affinity(pod: Obj, *, ignore_existing: bool = False) -> Fragments:
    """`ignore_existing`: the argument ignorePreferredTermsOfExistingPods of InterPodAffinity."""
    affinity = pod["spec"].get("affinity") or {}
    if affinity.get("podAffinity") is not None or affinity.get("podAntiAffinity") is not None:
        return None
    return {} if ignore_existing else {"v1.Pod.Labels": labels_of(pod)}


def spread(pod: Obj, *, default_constraints: bool = True) -> Fragments:
    return None if pod["spec"].get("topologySpreadConstraints") or default_constraints else {}


# The default plugins that look at a Pod, each by what it looks at.
SIGNERS: dict[str, Signer] = {
    "NodeUnschedulable": _tolerations,
    "NodeName": _node_name,
    "TaintToleration": _tolerations,
    "NodeAffinity": _node_affinity,
    "NodePorts": _host_ports,
    "NodeResourcesFit": _resources,
    "VolumeRestrictions": _volumes,
    "NodeVolumeLimits": _volumes,
    "VolumeBinding": _volumes,
    "VolumeZone": _volumes,
    "PodTopologySpread": spread,
    "InterPodAffinity": pod_affinity,
    "DynamicResources": _claims,
    "NodeResourcesBalancedAllocation": _resources,
    "ImageLocality": _images,
}
