"""In which order clients find the groups of the API: the priorities that their APIServices say.

Models      pkg/controlplane/apiserver/aggregator.go, cmd/kube-apiserver/app/aggregator.go (of the versions served)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

# Group and version -> the group's place among groups, the version's among versions: the highest comes first.
BUILTIN: dict[tuple[str, str], tuple[int, int]] = {
    ("", "v1"): (18000, 1),
    ("admissionregistration.k8s.io", "v1"): (16700, 15),
    ("apiextensions.k8s.io", "v1"): (16700, 15),
    ("apps", "v1"): (17800, 15),
    ("authentication.k8s.io", "v1"): (17700, 15),
    ("authorization.k8s.io", "v1"): (17600, 15),
    ("autoscaling", "v1"): (17500, 15),
    ("autoscaling", "v2"): (17500, 30),
    ("batch", "v1"): (17400, 15),
    ("certificates.k8s.io", "v1"): (17300, 15),
    ("coordination.k8s.io", "v1"): (16500, 15),
    ("discovery.k8s.io", "v1"): (16200, 15),
    ("events.k8s.io", "v1"): (17750, 15),
    ("flowcontrol.apiserver.k8s.io", "v1"): (16100, 21),
    ("networking.k8s.io", "v1"): (17200, 15),
    ("node.k8s.io", "v1"): (16300, 15),
    ("policy", "v1"): (17100, 15),
    ("rbac.authorization.k8s.io", "v1"): (17000, 15),
    ("resource.k8s.io", "v1"): (16200, 21),
    ("scheduling.k8s.io", "v1"): (16600, 15),
    ("storage.k8s.io", "v1"): (16800, 15),
}
CUSTOM = (1000, 100)  # of every group that CustomResourceDefinitions bring

AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
ON_START, ALWAYS = "onstart", "true"


def api_service(group: str, version: str, priority: tuple[int, int], managed: str) -> Obj:
    """The APIService of a group that this server answers itself."""
    spec: Obj = {"version": version, "groupPriorityMinimum": priority[0], "versionPriority": priority[1]}
    if group:
        spec = {"group": group, **spec}
    return {"metadata": {"name": f"{version}.{group}", "labels": {AUTOMANAGED: managed}}, "spec": spec}


# By name, in the order of the paths that the server lists.
LOCAL: dict[str, Obj] = {
    f"{version}.{group}": api_service(group, version, priority, ON_START)
    for (group, version), priority in BUILTIN.items()
}
