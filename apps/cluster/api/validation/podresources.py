"""Requests and limits of a whole Pod, and how they agree with its containers'.

Models      pkg/apis/core/validation/validation.go (validatePodResources, validatePodResourceConsistency)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.podresources import aggregate
from apps.cluster.api.validation.fields import Errors, forbidden, invalid
from apps.cluster.api.validation.resources import is_huge, pod_resource, requirements
from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj


def pod_resources(errors: Errors, at: str, spec: Obj, claims: set[str]) -> None:
    found, where = spec["resources"], f"{at}.resources"
    if (spec.get("os") or EMPTY).get("name") == "windows":
        forbidden(errors, where, "may not be set for a windows pod")
        return
    if found.get("claims") is not None:
        forbidden(errors, f"{where}.claims", "claims may not be set for Resources at pod-level")
    requirements(errors, where, found, claims, pod_resource)
    consistency(errors, where, spec)


def consistency(errors: Errors, where: str, spec: Obj) -> None:
    """What the containers ask for together must fit in what the Pod asks for."""
    found = spec["resources"]
    requests, limits = found.get("requests") or EMPTY, found.get("limits") or EMPTY
    for name, wanted in sorted(aggregate({"spec": spec}, "requests").items()):
        if name in requests and wanted.scaled(-9) > quantity.nano(requests[name]):
            detail = f"must be greater than or equal to aggregate container requests of {wanted.canonical()}"
            invalid(errors, f"{where}.requests[{name}]", requests[name], detail)
    for name, wanted in sorted(aggregate({"spec": spec}, "limits").items()):
        if is_huge(name) and name in limits and wanted.scaled(-9) > quantity.nano(limits[name]):
            detail = f"must be greater than or equal to aggregate container limits of {wanted.canonical()}"
            invalid(errors, f"{where}.limits[{name}]", limits[name], detail)
    for index, container in enumerate(spec.get("containers") or ()):
        for name, limit in sorted(((container.get("resources") or EMPTY).get("limits") or EMPTY).items()):
            if name in limits and quantity.nano(limit) > quantity.nano(limits[name]):
                path = f"{where}.containers[{index}][{name}].limits"
                invalid(errors, path, limit, f"must be less than or equal to pod limits of {limits[name]}")
