"""Feature gates that decide what the API takes, as Kubernetes 1.36 comes.

A gate that is not here is not asked about: the model is of a cluster whose gates stand as they were delivered.

Models      pkg/features/kube_features.go
Leaves out  gates that nothing here asks about; switching one in a running cluster
"""

from __future__ import annotations

GATES: dict[str, bool] = {
    "EnvFiles": True,
    "HPAScaleToZero": False,
    "InPlacePodVerticalScalingInitContainers": True,
    "MutablePVNodeAffinity": False,
    "PodLifecycleSleepActionAllowZero": True,
    "RelaxedDNSSearchValidation": True,
    "RestartAllContainersOnContainerExits": True,
    "StrictIPCIDRValidation": True,
    "TaintTolerationComparisonOperators": False,
    "UserNamespacesHostNetworkSupport": False,
    "VolumeLimitScaling": False,
}


def enabled(gate: str) -> bool:
    """Whether a gate is open.

    >>> enabled("StrictIPCIDRValidation")
    True
    """
    return GATES[gate]
