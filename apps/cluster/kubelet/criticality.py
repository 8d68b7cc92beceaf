"""Which Pods a node keeps at any price, and what class of service each has.

Models      pkg/kubelet/types/pod_update.go (IsCriticalPod, Preemptable), pkg/apis/core/v1/helper/qos
Leaves out  nothing of its own
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.apiserver.strategy import qos_class
from apps.cluster.kubelet.phase import CONFIG_MIRROR, is_static

SYSTEM_CRITICAL = 2_000_000_000  # the priority of system-cluster-critical
BEST_EFFORT, BURSTABLE, GUARANTEED = "BestEffort", "Burstable", "Guaranteed"


def priority(pod: Mapping[str, Any]) -> int:
    return int(pod["spec"].get("priority") or 0)


def is_critical(pod: Mapping[str, Any]) -> bool:
    """A static Pod, its mirror, or one with a priority of the system's.

    >>> is_critical({"metadata": {}, "spec": {"priority": 2_000_001_000}}), is_critical({"metadata": {}, "spec": {}})
    (True, False)
    """
    if priority(pod) >= SYSTEM_CRITICAL or is_static(pod):
        return True
    return CONFIG_MIRROR in (pod["metadata"].get("annotations") or ())


def preemptable(preemptor: Mapping[str, Any], preemptee: Mapping[str, Any]) -> bool:
    """Whether one Pod may push the other off the node."""
    if is_critical(preemptor) and not is_critical(preemptee):
        return True
    return priority(preemptor) > priority(preemptee)


def quality(pod: Mapping[str, Any]) -> str:
    """The QoS class: as the API server worked it out, else from the spec."""
    said = (pod.get("status") or {}).get("qosClass")
    return str(said) if said else qos_class(dict(pod["spec"]))
